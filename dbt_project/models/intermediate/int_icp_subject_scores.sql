with
    matches as (select * from {{ ref("int_icp_matches") }}),

    profile as (select * from {{ ref("stg_standards__icp_attributes") }}),

    bands as (select * from {{ ref("stg_standards__icp_bands") }}),

    settings as (select * from {{ ref("stg_standards__icp_settings") }}),

    whole as (select sum(weight) as all_weight from profile),

    weighed as (
        select
            subject_kind,
            subject_key,
            sum(weight) as known_weight,
            sum(case when is_matched then weight else 0 end) as matched_weight
        from matches
        group by subject_kind, subject_key
    ),

    scored as (
        select
            weighed.subject_kind,
            weighed.subject_key,
            100.0
            * cast(weighed.matched_weight as double precision)
            / cast(weighed.known_weight as double precision) as icp_score,
            cast(weighed.known_weight as double precision)
            / cast(whole.all_weight as double precision) as icp_completeness
        from weighed
        cross join whole
    ),

    -- The band is the one that starts highest among those the score reaches.
    reached_bands as (
        select scored.subject_kind, scored.subject_key, max(bands.minimum_score) as minimum_score
        from scored
        cross join settings
        inner join bands on scored.icp_score >= bands.minimum_score
        where scored.icp_completeness >= settings.minimum_completeness
        group by scored.subject_kind, scored.subject_key
    )

select
    scored.subject_kind,
    scored.subject_key,
    scored.icp_score,
    scored.icp_completeness,
    coalesce(bands.band, 'unknown') as icp_band
from scored
left join
    reached_bands
    on scored.subject_kind = reached_bands.subject_kind
    and scored.subject_key = reached_bands.subject_key
left join bands on reached_bands.minimum_score = bands.minimum_score
