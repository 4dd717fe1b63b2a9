with
    visits as (select * from {{ ref("int_visits") }}),

    deals as (select * from {{ ref("int_deals") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    settings as (select * from {{ ref("stg_standards__stall_settings") }}),

    -- A won deal has left all its stages, so nothing is censored: the Kaplan-Meier quantile is that
    -- of the visits themselves.
    won_visits as (
        select
            visits.funnel,
            segments.segment,
            segments.segment_value,
            visits.stage,
            visits.dwell_days,
            cume_dist() over (
                partition by visits.funnel, segments.segment, segments.segment_value, visits.stage
                order by visits.dwell_days
            ) as share_ended
        from visits
        inner join deals on visits.deal_key = deals.deal_key
        inner join segments on visits.deal_key = segments.deal_key
        cross join settings
        where
            deals.outcome = 'won'
            and not visits.is_ongoing
            and visits.stage_rank is not null
            and visits.dwell_days is not null
            and segments.segment in ('all', settings.segment)
    )

select
    funnel,
    segment,
    segment_value,
    stage,
    count(*) as won_visits,
    -- 1e-9 forgives the division: four of five visits are 80 %.
    min(case when share_ended >= 0.8 - 1e-9 then dwell_days end) as won_p80_days
from won_visits
group by funnel, segment, segment_value, stage
