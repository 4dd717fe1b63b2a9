with
    passages as (select * from {{ ref("int_gate_passages") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    facts as (select * from {{ ref("int_condition_facts") }}),

    condition_inputs as (select * from {{ ref("int_condition_inputs") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    -- What took place once has taken place for good; a field or a role is so for a while only.
    lasting_criteria as (
        select criterion_version_id, count(*) as conditions
        from conditions
        where criterion_version_id is not null
        group by criterion_version_id
        having max(case when subject in ('field', 'contact_role') then 1 else 0 end) = 0
    ),

    asked as (
        select
            passages.deal_key,
            passages.visit_id,
            passages.is_ahead,
            passages.visit_entered_at,
            passages.passed_at,
            passages.to_stage,
            criteria.criterion_version_id,
            {{ plus_days("passages.passed_at", "criteria.grace_days") }} as due_at
        from passages
        inner join
            criteria
            on passages.funnel = criteria.funnel
            and passages.funnel_version = criteria.version
            and passages.stage = criteria.stage
            and passages.gate = criteria.gate
    ),

    -- First what most gates come to: a lasting proof that was there in time. When it was there does
    -- not depend on the gate, so it is found once for each deal and criterion.
    first_proofs as (
        select condition_id, deal_key, min(true_from_at) as proved_at
        from facts
        where is_satisfying
        group by condition_id, deal_key
    ),

    proofs_of_one_condition as (
        select lasting_criteria.criterion_version_id, first_proofs.deal_key, first_proofs.proved_at
        from first_proofs
        inner join conditions on first_proofs.condition_id = conditions.condition_id
        inner join
            lasting_criteria
            on conditions.criterion_version_id = lasting_criteria.criterion_version_id
        where lasting_criteria.conditions = 1
    ),

    proofs_in_order as (
        select
            lasting_criteria.criterion_version_id,
            first_proofs.deal_key,
            conditions.step_number,
            conditions.step_needed,
            first_proofs.proved_at,
            row_number() over (
                partition by
                    lasting_criteria.criterion_version_id,
                    first_proofs.deal_key,
                    conditions.step_number
                order by first_proofs.proved_at, first_proofs.condition_id
            ) as proof_number
        from first_proofs
        inner join conditions on first_proofs.condition_id = conditions.condition_id
        inner join
            lasting_criteria
            on conditions.criterion_version_id = lasting_criteria.criterion_version_id
        where lasting_criteria.conditions > 1
    ),

    -- A step of which k conditions are needed is proved by the k-th, and so is a criterion.
    step_proofs_in_order as (
        select
            criterion_version_id,
            deal_key,
            proved_at,
            row_number() over (
                partition by criterion_version_id, deal_key order by proved_at, step_number
            ) as proof_number
        from proofs_in_order
        where proof_number = step_needed
    ),

    proofs as (
        select criterion_version_id, deal_key, proved_at
        from proofs_of_one_condition
        union all
        select
            step_proofs_in_order.criterion_version_id,
            step_proofs_in_order.deal_key,
            step_proofs_in_order.proved_at
        from step_proofs_in_order
        inner join
            criteria
            on step_proofs_in_order.criterion_version_id = criteria.criterion_version_id
            and step_proofs_in_order.proof_number = criteria.steps_needed
    ),

    with_proof as (
        select
            asked.*,
            proofs.proved_at,
            coalesce(proofs.proved_at <= asked.due_at, false) as is_proved
        from asked
        left join
            proofs
            on asked.deal_key = proofs.deal_key
            and asked.criterion_version_id = proofs.criterion_version_id
    ),

    proved as (
        select
            criterion_version_id,
            deal_key,
            visit_id,
            is_ahead,
            passed_at,
            to_stage,
            'met' as outcome,
            false as is_late,
            proved_at as evidence_at,
            cast(null as {{ dbt.type_string() }}) as observed
        from with_proof
        where is_proved
    ),

    -- The others one condition at a time, each beside all that speaks to it.
    unproved as (
        select with_proof.*, deals.crm
        from with_proof
        inner join deals on with_proof.deal_key = deals.deal_key
        where not with_proof.is_proved
    ),

    condition_judgements as (
        select
            unproved.criterion_version_id,
            unproved.deal_key,
            unproved.visit_id,
            unproved.is_ahead,
            conditions.condition_id,
            conditions.step_number,
            conditions.step_needed,
            conditions.subject,
            conditions.is_changed,
            -- While the grace runs, or the extract with the proof is yet to come, nobody can say.
            coalesce(
                condition_inputs.is_answered
                and (unproved.is_ahead or condition_inputs.known_until_at >= unproved.due_at),
                false
            ) as is_answered,
            facts.true_from_at,
            facts.is_satisfying
            and (
                not conditions.is_changed or facts.true_from_at >= unproved.visit_entered_at
            ) as is_satisfying,
            facts.is_blank,
            facts.deal_key is not null and facts.true_from_at is null as is_undated,
            facts.true_from_at <= case
                when conditions.is_changed then unproved.visit_entered_at else unproved.passed_at
            end as is_covering,
            -- True at the gate, or from some instant before its grace was over.
            facts.true_from_at <= unproved.due_at
            and (facts.true_to_at is null or facts.true_to_at > unproved.passed_at) as is_in_time,
            -- Later, and still so tonight.
            facts.true_from_at > unproved.due_at and facts.true_to_at is null as is_later,
            facts.found_key,
            facts.found_number,
            facts.found_text
        from unproved
        inner join conditions on unproved.criterion_version_id = conditions.criterion_version_id
        left join
            facts
            on conditions.condition_id = facts.condition_id
            and unproved.deal_key = facts.deal_key
        left join
            condition_inputs
            on conditions.condition_id = condition_inputs.condition_id
            and unproved.crm = condition_inputs.crm
    ),

    condition_results as (
        select
            criterion_version_id,
            deal_key,
            visit_id,
            is_ahead,
            step_number,
            step_needed,
            condition_id,
            max(case when is_in_time and is_satisfying then 1 else 0 end) as is_met,
            max(
                case when is_in_time and not is_satisfying and not is_blank then 1 else 0 end
            ) as has_contrary,
            -- Nobody can say: the input is absent or stale, or the CRM was not watched yet, or what
            -- is there has no date.
            max(
                case when not is_answered then 1 when is_undated and is_satisfying then 1 else 0 end
            ) as is_unanswered,
            max(case when subject = 'field' then 1 else 0 end)
            - max(case when subject = 'field' and is_covering then 1 else 0 end) as is_uncovered,
            min(case when is_satisfying and is_in_time then true_from_at end) as met_at,
            min(case when is_satisfying and is_later then true_from_at end) as later_at
        from condition_judgements
        group by
            criterion_version_id,
            deal_key,
            visit_id,
            is_ahead,
            step_number,
            step_needed,
            condition_id
    ),

    known_conditions as (
        select
            condition_results.*,
            case
                when is_met = 0 and (is_unanswered = 1 or is_uncovered = 1) then 1 else 0
            end as is_unknown,
            coalesce(met_at, later_at) as proved_at
        from condition_results
    ),

    step_results as (
        select
            criterion_version_id,
            deal_key,
            visit_id,
            is_ahead,
            step_number,
            case when sum(is_met) >= step_needed then 1 else 0 end as is_met,
            case when sum(is_met) + sum(is_unknown) >= step_needed then 1 else 0 end as is_possible,
            case when count(proved_at) >= step_needed then 1 else 0 end as is_proved,
            max(
                case when is_met = 0 and is_unknown = 0 then has_contrary else 0 end
            ) as has_contrary
        from known_conditions
        group by criterion_version_id, deal_key, visit_id, is_ahead, step_number, step_needed
    ),

    criterion_results as (
        select
            step_results.criterion_version_id,
            step_results.deal_key,
            step_results.visit_id,
            step_results.is_ahead,
            sum(step_results.is_met) >= criteria.steps_needed as is_met,
            sum(step_results.is_possible) >= criteria.steps_needed as is_possible,
            sum(step_results.is_proved) >= criteria.steps_needed as is_proved,
            max(
                case when step_results.is_met = 0 then step_results.has_contrary else 0 end
            ) as has_contrary
        from step_results
        inner join criteria on step_results.criterion_version_id = criteria.criterion_version_id
        group by
            step_results.criterion_version_id,
            step_results.deal_key,
            step_results.visit_id,
            step_results.is_ahead,
            criteria.steps_needed
    ),

    -- When the proof was complete, then or later.
    late_conditions_in_order as (
        select
            known_conditions.*,
            row_number() over (
                partition by
                    known_conditions.criterion_version_id,
                    known_conditions.deal_key,
                    known_conditions.visit_id,
                    known_conditions.is_ahead,
                    known_conditions.step_number
                order by known_conditions.proved_at, known_conditions.condition_id
            ) as proof_number
        from known_conditions
        inner join
            criterion_results
            on known_conditions.criterion_version_id = criterion_results.criterion_version_id
            and known_conditions.deal_key = criterion_results.deal_key
            and known_conditions.visit_id = criterion_results.visit_id
            and known_conditions.is_ahead = criterion_results.is_ahead
        where criterion_results.is_proved and known_conditions.proved_at is not null
    ),

    late_steps_in_order as (
        select
            criterion_version_id,
            deal_key,
            visit_id,
            is_ahead,
            proved_at,
            row_number() over (
                partition by criterion_version_id, deal_key, visit_id, is_ahead
                order by proved_at, step_number
            ) as proof_number
        from late_conditions_in_order
        where proof_number = step_needed
    ),

    late_proofs as (
        select
            late_steps_in_order.criterion_version_id,
            late_steps_in_order.deal_key,
            late_steps_in_order.visit_id,
            late_steps_in_order.is_ahead,
            late_steps_in_order.proved_at
        from late_steps_in_order
        inner join
            criteria
            on late_steps_in_order.criterion_version_id = criteria.criterion_version_id
            and late_steps_in_order.proof_number = criteria.steps_needed
    ),

    -- What a person is shown as found: the latest thing on record that was meant as proof and was
    -- not enough.
    contrary_in_reverse as (
        select
            criterion_version_id,
            deal_key,
            visit_id,
            is_ahead,
            found_key || case
                when found_number is not null
                then
                    ': '
                    || {{ number_text("found_number") }}
                    || case when subject = 'activity' then ' min' else '' end
                else ''
            end
            || case
                when found_text is null
                then ''
                when found_number is null
                then ': ' || found_text
                else ', ' || found_text
            end as observed,
            row_number() over (
                partition by criterion_version_id, deal_key, visit_id, is_ahead
                order by true_from_at desc, found_key, found_text, found_number, condition_id
            ) as reverse_number
        from condition_judgements
        where is_in_time and not is_satisfying and not is_blank
    ),

    contrary as (select * from contrary_in_reverse where reverse_number = 1),

    judged as (
        select
            unproved.criterion_version_id,
            unproved.deal_key,
            unproved.visit_id,
            unproved.is_ahead,
            unproved.passed_at,
            unproved.to_stage,
            case
                when criterion_results.is_met
                then 'met'
                when unproved.passed_at is null or criterion_results.is_possible
                then 'not_evaluated'
                when criterion_results.has_contrary = 1
                then 'failed'
                else 'missing'
            end as outcome,
            unproved.passed_at is not null
            and not criterion_results.is_met
            and not criterion_results.is_possible
            and criterion_results.is_proved as is_late,
            late_proofs.proved_at as evidence_at,
            case when not criterion_results.is_met then contrary.observed end as observed
        from unproved
        inner join
            criterion_results
            on unproved.criterion_version_id = criterion_results.criterion_version_id
            and unproved.deal_key = criterion_results.deal_key
            and unproved.visit_id = criterion_results.visit_id
            and unproved.is_ahead = criterion_results.is_ahead
        left join
            late_proofs
            on unproved.criterion_version_id = late_proofs.criterion_version_id
            and unproved.deal_key = late_proofs.deal_key
            and unproved.visit_id = late_proofs.visit_id
            and unproved.is_ahead = late_proofs.is_ahead
        left join
            contrary
            on unproved.criterion_version_id = contrary.criterion_version_id
            and unproved.deal_key = contrary.deal_key
            and unproved.visit_id = contrary.visit_id
            and unproved.is_ahead = contrary.is_ahead
    )

-- Numbers for criteria, whose names are joined where they are read: this is the longest table of
-- a night.
select *
from proved
union all
select *
from judged
