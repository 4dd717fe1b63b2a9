with
    gate_evaluations as (select * from {{ ref("int_gate_evaluations") }}),

    rule_evaluations as (select * from {{ ref("int_rule_evaluations") }}),

    rules as (select * from {{ ref("stg_standards__rules") }}),

    deals as (select * from {{ ref("deals_current") }}),

    waivers as (select * from {{ ref("int_waivers") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- A waiver that names no visit holds for each of them.
    waived_rules as (
        select distinct
            rule_evaluations.rule_id, rule_evaluations.deal_key, rule_evaluations.visit_id
        from rule_evaluations
        inner join
            waivers
            on rule_evaluations.rule_id = waivers.rule_id
            and rule_evaluations.deal_key = waivers.deal_key
            and (waivers.visit_id is null or waivers.visit_id = rule_evaluations.visit_id)
    ),

    unioned as (
        select
            criterion_id as rule_id,
            'criterion' as rule_kind,
            severity,
            deal_key,
            visit_id,
            outcome,
            status,
            passed_at,
            due_at,
            to_stage as claimed,
            observed,
            evidence_at,
            is_late
        from gate_evaluations
        union all
        select
            rule_evaluations.rule_id,
            rules.rule_kind,
            rules.severity,
            rule_evaluations.deal_key,
            rule_evaluations.visit_id,
            rule_evaluations.outcome,
            case
                when rule_evaluations.outcome in ('met', 'not_evaluated')
                then rule_evaluations.outcome
                when waived_rules.rule_id is not null
                then 'waived'
                else rule_evaluations.outcome
            end as status,
            cast(null as timestamp) as passed_at,
            cast(null as timestamp) as due_at,
            deals.stage as claimed,
            rule_evaluations.observed,
            cast(null as timestamp) as evidence_at,
            false as is_late
        from rule_evaluations
        inner join rules on rule_evaluations.rule_id = rules.rule_id
        inner join deals on rule_evaluations.deal_key = deals.deal_key
        left join
            waived_rules
            on rule_evaluations.rule_id = waived_rules.rule_id
            and rule_evaluations.deal_key = waived_rules.deal_key
            and rule_evaluations.visit_id = waived_rules.visit_id
    )

select
    unioned.rule_id,
    unioned.rule_kind,
    unioned.severity,
    deals.funnel,
    unioned.deal_key,
    unioned.visit_id,
    unioned.outcome,
    unioned.status,
    unioned.passed_at,
    unioned.claimed,
    unioned.observed,
    unioned.evidence_at,
    unioned.is_late,
    deals.stage,
    deals.owner_key,
    deals.owner_name,
    deals.team,
    deals.amount_reporting,
    deals.is_open,
    -- A gate that was passed on the way out is judged once its grace is over, though the deal is
    -- closed by then.
    deals.is_in_scope
    or unioned.rule_kind = 'close'
    or coalesce(unioned.due_at >= clock.previous_as_of_at, false) as is_in_scope
from unioned
cross join clock
inner join deals on unioned.deal_key = deals.deal_key
