with
    factors as (select * from {{ ref("deal_stage_factors") }}),

    quarters as (select * from {{ ref("int_compared_quarters") }})

select
    factors.funnel,
    factors.stage,
    cast(quarters.quarters_back as bigint) as quarters_back,
    factors.deal_key,
    factors.owner_key,
    factors.team,
    factors.entered_at,
    factors.is_advanced,
    factors.icp_band,
    factors.lead_source,
    factors.quality_score,
    factors.quality_class,
    factors.unproven_criteria,
    factors.criteria_missed,
    factors.criteria_not_known,
    factors.has_loose_owner,
    factors.touches,
    factors.touches_per_week,
    factors.gap_days_shrunk,
    factors.days_to_customer_activity,
    factors.cadence_class,
    factors.dwell_days,
    factors.next_stage,
    factors.pace_class
from factors
inner join
    quarters
    on factors.funnel = quarters.funnel
    and factors.stage = quarters.stage
    and factors.entered_quarter = quarters.entered_quarter
where quarters.quarters_back < 4
