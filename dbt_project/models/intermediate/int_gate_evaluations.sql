with
    judgements as (select * from {{ ref("int_gate_judgements") }}),

    known_deals as (select * from {{ ref("int_known_deals") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    waivers as (select * from {{ ref("int_waivers") }}),

    departed as (select deal_key from known_deals where is_departed),

    for_every_visit as (select rule_id, deal_key from waivers where visit_id is null),

    for_one_visit as (select rule_id, deal_key, visit_id from waivers where visit_id is not null)

select
    criteria.criterion_id,
    judgements.deal_key,
    judgements.visit_id,
    criteria.funnel,
    criteria.version as funnel_version,
    criteria.stage,
    criteria.gate,
    criteria.severity,
    judgements.passed_at,
    {{ plus_days("judgements.passed_at", "criteria.grace_days") }} as due_at,
    judgements.to_stage,
    judgements.outcome,
    judgements.is_late,
    case
        when judgements.outcome in ('met', 'not_evaluated')
        then judgements.outcome
        when judgements.is_late
        then 'late'
        when for_every_visit.rule_id is not null or for_one_visit.rule_id is not null
        then 'waived'
        else judgements.outcome
    end as status,
    judgements.evidence_at,
    judgements.observed
from judgements
inner join criteria on judgements.criterion_version_id = criteria.criterion_version_id
left join departed on judgements.deal_key = departed.deal_key
left join
    for_every_visit
    on criteria.criterion_id = for_every_visit.rule_id
    and judgements.deal_key = for_every_visit.deal_key
left join
    for_one_visit
    on criteria.criterion_id = for_one_visit.rule_id
    and judgements.deal_key = for_one_visit.deal_key
    and judgements.visit_id = for_one_visit.visit_id
where not judgements.is_ahead and departed.deal_key is null
