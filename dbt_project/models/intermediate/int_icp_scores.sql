with
    matches as (select * from {{ ref("int_icp_matches") }}),

    bands as (select * from {{ ref("stg_standards__icp_bands") }}),

    settings as (select * from {{ ref("stg_standards__icp_settings") }}),

    weighed as (
        select
            deal_key,
            sum(weight) as all_weight,
            sum(case when is_known then weight else 0 end) as known_weight,
            sum(case when is_matched then weight else 0 end) as matched_weight
        from matches
        group by deal_key
    ),

    scored as (
        select
            deal_key,
            cast(100.0 * matched_weight / nullif(known_weight, 0) as double precision) as icp_score,
            cast(known_weight / nullif(all_weight, 0) as double precision) as icp_completeness
        from weighed
    ),

    -- The band is the one that starts highest among those the score reaches.
    reached_bands as (
        select scored.deal_key, max(bands.minimum_score) as minimum_score
        from scored
        cross join settings
        inner join bands on scored.icp_score >= bands.minimum_score
        where scored.icp_completeness >= settings.minimum_completeness
        group by scored.deal_key
    )

select
    scored.deal_key,
    scored.icp_score,
    scored.icp_completeness,
    coalesce(bands.band, 'unknown') as icp_band
from scored
left join reached_bands on scored.deal_key = reached_bands.deal_key
left join bands on reached_bands.minimum_score = bands.minimum_score
