with
    deals as (select * from {{ ref("int_deals") }}),

    facts as (select * from {{ ref("int_condition_facts") }}),

    condition_inputs as (select * from {{ ref("int_condition_inputs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    parts as (select * from {{ ref("stg_standards__bant_parts") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    asked as (
        select parts.bant_part, conditions.condition_id
        from parts
        inner join
            conditions
            on parts.criterion_id = conditions.criterion_id
            and parts.version = conditions.version
    ),

    -- Evidence of whatever kind shows that the CRM has a place for it; what it never fills is an
    -- absent input.
    evaluated_parts as (
        select distinct condition_inputs.crm, asked.bant_part
        from asked
        inner join condition_inputs on asked.condition_id = condition_inputs.condition_id
        where condition_inputs.is_told
    ),

    spoken as (
        select
            facts.deal_key,
            asked.bant_part,
            -- Of what has no date it is known that it is so tonight.
            coalesce(facts.true_from_at, clock.as_of_at) as observed_at,
            facts.is_satisfying as is_confirming
        from asked
        inner join facts on asked.condition_id = facts.condition_id
        cross join clock
        where facts.true_to_at is null and not facts.is_blank
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
