with
    entries as (select * from {{ ref("int_stage_entries") }}),

    unproven as (select * from {{ ref("int_unproven_criteria") }}),

    asks as (select * from {{ ref("int_criterion_asks") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    evaluations as (select * from {{ ref("int_gate_evaluations") }}),

    standing as (
        select
            entries.deal_key,
            entries.visit_id,
            asks.ask,
            case
                when unproven.missed_at <= entries.entered_at then 'missed' else 'not_evaluated'
            end as standing
        from entries
        inner join unproven on entries.deal_key = unproven.deal_key
        inner join asks on unproven.ask_number = asks.ask_number
        where
            (unproven.missed_at <= entries.entered_at or unproven.unknown_at <= entries.entered_at)
            and (unproven.proven_at is null or unproven.proven_at > entries.entered_at)
    ),

    -- What every version of a funnel asks for, every deal was asked for that came by; whether a
    -- deal
    -- was asked for more hangs on when it passed.
    some_versions_asks as (select * from asks where is_of_some_versions),

    passed as (
        select
            some_versions_asks.ask_number,
            evaluations.deal_key,
            min(coalesce(evaluations.passed_at, cast('1970-01-01' as timestamp))) as passed_at
        from evaluations
        inner join
            criteria
            on evaluations.criterion_id = criteria.criterion_id
            and evaluations.funnel_version = criteria.version
        inner join
            some_versions_asks
            on criteria.criterion_id = some_versions_asks.criterion_id
            and criteria.definition = some_versions_asks.definition
        group by some_versions_asks.ask_number, evaluations.deal_key
    ),

    not_asked as (
        select entries.deal_key, entries.visit_id, some_versions_asks.ask, 'not_asked' as standing
        from entries
        inner join
            some_versions_asks
            on entries.funnel = some_versions_asks.funnel
            and entries.stage_rank >= some_versions_asks.stage_rank
        left join
            passed
            on entries.deal_key = passed.deal_key
            and some_versions_asks.ask_number = passed.ask_number
            and entries.entered_at >= passed.passed_at
        where passed.deal_key is null
    ),

    every_standing as (
        select *
        from standing
        union all
        select *
        from not_asked
    )

select
    deal_key,
    visit_id,
    sum(case when standing = 'missed' then 1 else 0 end) as unproven_criteria,
    sum(case when standing = 'not_evaluated' then 1 else 0 end) as unknown_criteria,
    {{ joined_texts("case when standing = 'missed' then ask end", ",") }} as criteria_missed,
    {{ joined_texts("case when standing <> 'missed' then ask end", ",") }} as criteria_not_known
from every_standing
group by deal_key, visit_id
