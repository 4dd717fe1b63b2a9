with
    as_of_deals as (select * from {{ ref("int_deal_as_ofs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    segments as (select * from {{ ref("int_deal_forecast_segments") }}),

    as_of_values as (select * from {{ ref("int_deal_as_of_values") }}),

    events as (select * from {{ ref("int_deal_as_of_events") }}),

    proofs as (select * from {{ ref("int_deal_as_of_proofs") }})

select
    as_of_deals.as_of_date,
    as_of_deals.deal_key,
    as_of_deals.funnel,
    as_of_deals.stage,
    cast(as_of_deals.stage_rank as bigint) as stage_rank,
    segments.segment,
    segments.team,
    segments.owner_key,
    as_of_values.amount_reporting,
    as_of_values.amount_exclusion,
    as_of_values.expected_close_date,
    as_of_values.probability,
    as_of_values.forecast_category,
    {{ days_between("as_of_deals.entered_at", "as_of_deals.as_of_at") }} as days_in_stage,
    {{ days_between("deals.created_at", "as_of_deals.as_of_at") }} as days_since_created,
    events.days_since_customer_activity,
    cast(events.pushes as bigint) as pushes,
    segments.icp_band,
    cast(coalesce(proofs.criteria_asked, 0) as bigint) as criteria_asked,
    cast(coalesce(proofs.criteria_met, 0) as bigint) as criteria_met,
    cast(coalesce(proofs.criteria_late, 0) as bigint) as criteria_late,
    cast(coalesce(proofs.criteria_violated, 0) as bigint) as criteria_violated,
    cast(coalesce(proofs.criteria_waived, 0) as bigint) as criteria_waived,
    cast(coalesce(proofs.criteria_not_evaluated, 0) as bigint) as criteria_not_evaluated
from as_of_deals
inner join deals on as_of_deals.deal_key = deals.deal_key
inner join
    segments
    on as_of_deals.deal_key = segments.deal_key
    and (segments.from_as_of_date is null or as_of_deals.as_of_date >= segments.from_as_of_date)
    and (segments.until_as_of_date is null or as_of_deals.as_of_date <= segments.until_as_of_date)
inner join
    as_of_values
    on as_of_deals.as_of_date = as_of_values.as_of_date
    and as_of_deals.deal_key = as_of_values.deal_key
inner join
    events on as_of_deals.as_of_date = events.as_of_date and as_of_deals.deal_key = events.deal_key
left join
    proofs on as_of_deals.as_of_date = proofs.as_of_date and as_of_deals.deal_key = proofs.deal_key
