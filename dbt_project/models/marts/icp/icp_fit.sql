with
    scores as (select * from {{ ref("int_icp_scores") }}),

    deals as (select * from {{ ref("int_deals") }}),

    bant as (select * from {{ ref("int_deal_bant") }})

select
    scores.deal_key,
    deals.account_key,
    scores.icp_score,
    scores.icp_completeness,
    scores.icp_band,
    scores.icp_score_at_creation,
    scores.icp_completeness_at_creation,
    scores.icp_band_at_creation,
    scores.creation_basis,
    cast(bant.parts_met as double precision) / nullif(bant.parts_evaluated, 0) as bant_completeness,
    cast(coalesce(bant.parts_met, 0) as bigint) as bant_parts_met,
    cast(coalesce(bant.parts_evaluated, 0) as bigint) as bant_parts_evaluated,
    coalesce(bant.budget_outcome, 'not_evaluated') as bant_budget,
    coalesce(bant.authority_outcome, 'not_evaluated') as bant_authority,
    coalesce(bant.need_outcome, 'not_evaluated') as bant_need,
    coalesce(bant.timeline_outcome, 'not_evaluated') as bant_timeline
from scores
inner join deals on scores.deal_key = deals.deal_key
left join bant on scores.deal_key = bant.deal_key
