with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    amounts as (select * from {{ ref("int_deal_amounts") }}),

    visits as (select * from {{ ref("int_visits") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    periods as (select * from {{ ref("stg_standards__periods") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    reopened as (select deal_key from visits where began_as = 'reopen' group by deal_key),

    forecast_segments as (
        select segments.deal_key, segments.segment_value
        from segments
        inner join company on segments.segment = company.forecast_segment
    ),

    months as (select * from periods where period_kind = 'month'),

    quarters as (select * from periods where period_kind = 'quarter')

select
    deals.deal_key,
    deals.is_open,
    deals.outcome,
    deals.crm_funnel_name,
    deals.crm_stage_name,
    deals.funnel,
    deals.stage,
    forecast_segments.segment_value as segment,
    deals.created_at,
    positions.closed_at,
    reopened.deal_key is not null as has_reopened,
    deals.amount,
    deals.currency,
    amounts.fx_rate,
    amounts.amount_reporting,
    amounts.amount_exclusion,
    company.reporting_currency,
    deals.expected_close_date,
    months.period_start as month_start,
    quarters.period_start as quarter_start,
    deals.forecast_category,
    deals.probability
from deals
cross join company
inner join positions on deals.deal_key = positions.deal_key
inner join amounts on deals.deal_key = amounts.deal_key
left join reopened on deals.deal_key = reopened.deal_key
left join forecast_segments on deals.deal_key = forecast_segments.deal_key
left join
    months
    on deals.expected_close_date >= months.period_start
    and deals.expected_close_date <= months.period_end
left join
    quarters
    on deals.expected_close_date >= quarters.period_start
    and deals.expected_close_date <= quarters.period_end
