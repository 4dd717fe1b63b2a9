with
    deals as (select * from {{ ref("int_deals") }}),

    evidence as (select * from {{ ref("int_evidence") }}),

    told as (select * from {{ ref("int_evidence_told") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    parts as (select * from {{ ref("stg_standards__bant_parts") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_evidence") }}),

    condition_texts as (select * from {{ ref("stg_standards__condition_texts") }}),

    evidence_kinds as (select * from {{ ref("stg_standards__evidence_kinds") }}),

    asked as (
        select
            parts.bant_part,
            parts.evidence_kind,
            conditions.criterion_id,
            conditions.version,
            conditions.condition_number,
            conditions.at_least,
            conditions.at_most,
            conditions.contact_role,
            conditions.has_texts,
            condition_keys.evidence_key,
            case
                when condition_keys.evidence_key like 'activity.%' then 'activities' else 'evidence'
            end as input
        from parts
        inner join
            conditions
            on parts.criterion_id = conditions.criterion_id
            and parts.version = conditions.version
        inner join
            condition_keys
            on conditions.criterion_id = condition_keys.criterion_id
            and conditions.version = condition_keys.version
            and conditions.condition_number = condition_keys.condition_number
    ),

    -- Evidence of whatever kind shows that the CRM has a place for it; what it never fills is an
    -- absent input.
    filled as (select distinct crm, evidence_key from told),

    evaluated_parts as (
        select distinct filled.crm, asked.bant_part
        from asked
        inner join filled on asked.evidence_key = filled.evidence_key
        inner join inputs on filled.crm = inputs.crm and asked.input = inputs.input
        where inputs.is_fresh
    ),

    spoken as (
        select
            evidence.deal_key,
            asked.bant_part,
            evidence.observed_at,
            (asked.at_least is null or coalesce(evidence.evidence_number >= asked.at_least, false))
            and (
                asked.at_most is null or coalesce(evidence.evidence_number <= asked.at_most, false)
            )
            and (
                asked.contact_role is null
                or coalesce(evidence.contact_role = asked.contact_role, false)
            )
            and (not asked.has_texts or condition_texts.accepted_text is not null) as is_confirming
        from asked
        inner join evidence on asked.evidence_key = evidence.evidence_key
        inner join
            evidence_kinds
            on asked.evidence_kind = evidence_kinds.criterion_kind
            and evidence.evidence_kind = evidence_kinds.evidence_kind
        left join
            condition_texts
            on asked.criterion_id = condition_texts.criterion_id
            and asked.version = condition_texts.version
            and asked.condition_number = condition_texts.condition_number
            and evidence.evidence_text = condition_texts.accepted_text
    ),

    last_words as (
        select
            deal_key,
            bant_part,
            max(case when is_confirming then observed_at end) as confirmed_at,
            max(case when not is_confirming then observed_at end) as denied_at
        from spoken
        group by deal_key, bant_part
    ),

    -- The last word counts: a budget that was confirmed and then withdrawn is none.
    judged as (
        select
            deals.deal_key,
            parts.bant_part,
            case
                when
                    last_words.confirmed_at is not null
                    and (
                        last_words.denied_at is null
                        or last_words.confirmed_at >= last_words.denied_at
                    )
                then 'met'
                when evaluated_parts.bant_part is null
                then 'not_evaluated'
                when last_words.denied_at is not null
                then 'failed'
                else 'missing'
            end as outcome
        from deals
        cross join parts
        left join
            last_words
            on deals.deal_key = last_words.deal_key
            and parts.bant_part = last_words.bant_part
        left join
            evaluated_parts
            on deals.crm = evaluated_parts.crm
            and parts.bant_part = evaluated_parts.bant_part
    )

select
    deal_key,
    max(case when bant_part = 'budget' then outcome end) as budget_outcome,
    max(case when bant_part = 'authority' then outcome end) as authority_outcome,
    max(case when bant_part = 'need' then outcome end) as need_outcome,
    max(case when bant_part = 'timeline' then outcome end) as timeline_outcome,
    sum(case when outcome = 'met' then 1 else 0 end) as parts_met,
    sum(case when outcome <> 'not_evaluated' then 1 else 0 end) as parts_evaluated
from judged
group by deal_key
