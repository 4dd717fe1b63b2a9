with
    judgements as (select * from {{ ref("int_gate_judgements") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    deals as (select * from {{ ref("deals_current") }})

select
    judgements.deal_key,
    criteria.criterion_id,
    criteria.funnel,
    deals.stage,
    criteria.gate,
    criteria.stage as gate_stage,
    criteria.severity,
    judgements.outcome,
    judgements.evidence_at,
    judgements.observed,
    deals.owner_key,
    deals.team,
    deals.amount_reporting,
    criteria.wording_en,
    criteria.wording_zh,
    criteria.advice_en,
    criteria.advice_zh
from judgements
inner join deals on judgements.deal_key = deals.deal_key
inner join criteria on judgements.criterion_version_id = criteria.criterion_version_id
where judgements.is_ahead and deals.is_open
