with
    deals as (select * from {{ ref("deals_current") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    forecast_segments as (
        select segments.deal_key, segments.segment_value
        from segments
        inner join company on segments.segment = company.forecast_segment
    )

select
    deals.deal_key,
    deals.funnel,
    deals.stage,
    deals.stage_rank,
    forecast_segments.segment_value as segment,
    deals.team,
    deals.owner_key,
    deals.amount_reporting,
    deals.amount_exclusion,
    deals.expected_close_date,
    deals.probability
from deals
inner join forecast_segments on deals.deal_key = forecast_segments.deal_key
where deals.is_open and deals.is_stage_mapped
