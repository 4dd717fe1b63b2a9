with
    runs as (select * from {{ ref("int_stage_runs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    open_runs as (select * from runs where outcome is null),

    next_runs as (select deal_key, run_number, move from runs)

select
    open_runs.deal_key,
    open_runs.visit_id,
    open_runs.run_number,
    row_number() over (
        partition by open_runs.deal_key order by open_runs.run_number
    ) as visit_number,
    open_runs.funnel,
    open_runs.funnel_version,
    open_runs.stage,
    open_runs.stage_rank,
    open_runs.occurrence,
    open_runs.entered_at,
    open_runs.left_at as exited_at,
    open_runs.next_stage is null as is_ongoing,
    open_runs.move as began_as,
    next_runs.move as ended_as,
    open_runs.next_stage,
    open_runs.entered_precision,
    open_runs.entered_source,
    {{ days_between("open_runs.entered_at", "coalesce(open_runs.left_at, clock.as_of_at)") }}
    as dwell_days
from open_runs
cross join clock
left join
    next_runs
    on open_runs.deal_key = next_runs.deal_key
    and open_runs.run_number + 1 = next_runs.run_number
