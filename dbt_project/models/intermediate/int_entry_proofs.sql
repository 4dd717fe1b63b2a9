with
    entries as (select * from {{ ref("int_stage_entries") }}),

    unproven as (select * from {{ ref("int_unproven_criteria") }}),

    standing as (
        select
            entries.deal_key,
            entries.visit_id,
            case when unproven.missed_at <= entries.entered_at then 1 else 0 end as is_missed
        from entries
        inner join unproven on entries.deal_key = unproven.deal_key
        where
            (unproven.missed_at <= entries.entered_at or unproven.unknown_at <= entries.entered_at)
            and (unproven.proven_at is null or unproven.proven_at > entries.entered_at)
    )

select
    deal_key,
    visit_id,
    sum(is_missed) as unproven_criteria,
    count(*) - sum(is_missed) as unknown_criteria
from standing
group by deal_key, visit_id
