with
    visits as (select * from {{ ref("int_visits") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    forecast_segments as (
        select
            segments.deal_key,
            case when segments.segment = 'all' then 'all' else segments.segment_value end as segment
        from segments
        cross join company
        where segments.segment in ('all', company.forecast_segment)
    )

select
    visits.funnel,
    forecast_segments.segment,
    visits.stage as from_stage,
    -- Where a deal changes funnels, this one does not tell its end.
    case
        when visits.ended_as = 'funnel_change' then 'funnel_change' else visits.next_stage
    end as to_state,
    count(*) as visits
from visits
inner join forecast_segments on visits.deal_key = forecast_segments.deal_key
where not visits.is_ongoing and visits.stage_rank is not null
group by
    visits.funnel,
    forecast_segments.segment,
    visits.stage,
    case when visits.ended_as = 'funnel_change' then 'funnel_change' else visits.next_stage end
