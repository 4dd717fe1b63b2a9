with
    visits as (select * from {{ ref("int_visits") }}),

    runs as (select * from {{ ref("int_stage_runs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- A deal that changes funnels is lost sight of in the one it leaves: it neither won nor lost
    -- there.
    closes as (
        select
            deal_key,
            run_number,
            entered_at as closed_at,
            outcome,
            lag(run_number) over (
                partition by deal_key order by run_number
            ) as previous_close_run_number
        from runs
        where outcome is not null or move = 'funnel_change'
    ),

    first_visits as (select * from visits where occurrence = 1 and stage_rank is not null)

select
    first_visits.deal_key,
    first_visits.funnel,
    first_visits.stage,
    first_visits.stage_rank,
    first_visits.entered_at,
    closes.closed_at,
    closes.outcome,
    {{ days_between("first_visits.entered_at", "coalesce(closes.closed_at, clock.as_of_at)") }}
    as days_followed
from first_visits
cross join clock
left join
    closes
    on first_visits.deal_key = closes.deal_key
    and first_visits.run_number < closes.run_number
    and first_visits.run_number >= coalesce(closes.previous_close_run_number, 0)
