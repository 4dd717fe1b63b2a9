with
    passages as (select * from {{ ref("int_gate_passages") }}),

    deals as (select * from {{ ref("int_deals") }}),

    evidence as (select * from {{ ref("int_evidence") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_evidence") }}),

    condition_texts as (select * from {{ ref("stg_standards__condition_texts") }}),

    evidence_kinds as (select * from {{ ref("stg_standards__evidence_kinds") }}),

    asked as (
        select
            passages.deal_key,
            deals.crm,
            passages.visit_id,
            passages.passed_at,
            passages.to_stage,
            criteria.criterion_id,
            criteria.funnel,
            criteria.version,
            criteria.stage,
            criteria.gate,
            criteria.evidence_kind,
            criteria.severity,
            criteria.conditions_needed,
            {{ plus_days("passages.passed_at", "criteria.grace_days") }} as due_at
        from passages
        inner join deals on passages.deal_key = deals.deal_key
        inner join
            criteria
            on passages.funnel = criteria.funnel
            and passages.funnel_version = criteria.version
            and passages.stage = criteria.stage
            and passages.gate = criteria.gate
    ),

    -- Each row of evidence beside the condition it speaks to. What is of a kind that the
    -- criterion does not
    -- accept, a seller's opinion of what the customer did, is no evidence here.
    spoken as (
        select
            asked.criterion_id,
            asked.deal_key,
            asked.visit_id,
            conditions.condition_number,
            evidence.evidence_key,
            evidence.observed_at,
            evidence.evidence_number,
            evidence.evidence_text,
            evidence.observed_at <= asked.due_at as is_in_time,
            (
                conditions.at_least is null
                or coalesce(evidence.evidence_number >= conditions.at_least, false)
            )
            and (
                conditions.at_most is null
                or coalesce(evidence.evidence_number <= conditions.at_most, false)
            )
            and (
                conditions.contact_role is null
                or coalesce(evidence.contact_role = conditions.contact_role, false)
            )
            and (
                not conditions.has_texts or condition_texts.accepted_text is not null
            ) as is_satisfying
        from asked
        inner join
            conditions
            on asked.criterion_id = conditions.criterion_id
            and asked.version = conditions.version
        inner join
            condition_keys
            on conditions.criterion_id = condition_keys.criterion_id
            and conditions.version = condition_keys.version
            and conditions.condition_number = condition_keys.condition_number
        inner join
            evidence
            on asked.deal_key = evidence.deal_key
            and condition_keys.evidence_key = evidence.evidence_key
        inner join
            evidence_kinds
            on asked.evidence_kind = evidence_kinds.criterion_kind
            and evidence.evidence_kind = evidence_kinds.evidence_kind
        left join
            condition_texts
            on conditions.criterion_id = condition_texts.criterion_id
            and conditions.version = condition_texts.version
            and conditions.condition_number = condition_texts.condition_number
            and evidence.evidence_text = condition_texts.accepted_text
    ),

    condition_results as (
        select
            criterion_id,
            deal_key,
            visit_id,
            condition_number,
            max(case when is_in_time and is_satisfying then 1 else 0 end) as is_met,
            max(case when is_in_time and not is_satisfying then 1 else 0 end) as has_contrary,
            min(case when is_satisfying then observed_at end) as satisfied_at
        from spoken
        group by criterion_id, deal_key, visit_id, condition_number
    ),

    criterion_results as (
        select
            criterion_id,
            deal_key,
            visit_id,
            sum(is_met) as conditions_met,
            max(case when is_met = 0 then has_contrary else 0 end) as has_contrary,
            sum(case when satisfied_at is not null then 1 else 0 end) as conditions_satisfied,
            max(satisfied_at) as last_satisfied_at
        from condition_results
        group by criterion_id, deal_key, visit_id
    ),

    -- What a person is shown as found: the latest thing on record that was meant as proof and was
    -- not enough.
    contrary_in_reverse as (
        select
            criterion_id,
            deal_key,
            visit_id,
            evidence_key || coalesce(
                ': ' || coalesce(evidence_text, {{ number_text("evidence_number") }}), ''
            ) as observed,
            row_number() over (
                partition by criterion_id, deal_key, visit_id
                order by observed_at desc, evidence_key, evidence_text, evidence_number
            ) as reverse_number
        from spoken
        where is_in_time and not is_satisfying
    ),

    contrary as (select * from contrary_in_reverse where reverse_number = 1),

    -- A criterion can be judged only where every input that could hold its proof is there and
    -- fresh.
    needed_inputs as (
        select distinct
            criterion_id,
            version,
            case when evidence_key like 'activity.%' then 'activities' else 'evidence' end as input
        from condition_keys
    ),

    unknown_inputs as (
        select asked_crms.criterion_id, asked_crms.version, asked_crms.crm
        from (select distinct criterion_id, version, crm from asked) as asked_crms
        inner join
            needed_inputs
            on asked_crms.criterion_id = needed_inputs.criterion_id
            and asked_crms.version = needed_inputs.version
        left join inputs on asked_crms.crm = inputs.crm and needed_inputs.input = inputs.input
        where not coalesce(inputs.is_fresh, false)
        group by asked_crms.criterion_id, asked_crms.version, asked_crms.crm
    )

select
    asked.criterion_id,
    asked.deal_key,
    asked.visit_id,
    asked.funnel,
    asked.version as funnel_version,
    asked.stage,
    asked.gate,
    asked.severity,
    asked.passed_at,
    asked.to_stage,
    case
        when coalesce(criterion_results.conditions_met, 0) >= asked.conditions_needed
        then 'met'
        when unknown_inputs.criterion_id is not null or asked.passed_at is null
        then 'not_evaluated'
        when coalesce(criterion_results.has_contrary, 0) = 1
        then 'failed'
        else 'missing'
    end as outcome,
    coalesce(
        criterion_results.conditions_met < asked.conditions_needed
        and criterion_results.conditions_satisfied >= asked.conditions_needed,
        false
    ) as is_late,
    case
        when criterion_results.conditions_satisfied >= asked.conditions_needed
        then criterion_results.last_satisfied_at
    end as evidence_at,
    case
        when coalesce(criterion_results.conditions_met, 0) < asked.conditions_needed
        then contrary.observed
    end as observed
from asked
left join
    criterion_results
    on asked.criterion_id = criterion_results.criterion_id
    and asked.deal_key = criterion_results.deal_key
    and asked.visit_id = criterion_results.visit_id
left join
    contrary
    on asked.criterion_id = contrary.criterion_id
    and asked.deal_key = contrary.deal_key
    and asked.visit_id = contrary.visit_id
left join
    unknown_inputs
    on asked.criterion_id = unknown_inputs.criterion_id
    and asked.version = unknown_inputs.version
    and asked.crm = unknown_inputs.crm
