with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    crm_changes as (select * from {{ ref("int_crm_stage_changes") }}),

    sightings as (select * from {{ ref("int_deal_first_sightings") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    open_runs as (select * from runs where outcome is null),

    next_runs as (select deal_key, run_number, move from runs),

    with_history as (select distinct crm from crm_changes),

    -- Where a CRM keeps no history, a deal that left its stage before the first extract shows no
    -- visit there; one that was still there was seen from that extract on.
    first_seen as (
        select sightings.deal_key, sightings.first_observed_at
        from sightings
        inner join deals on sightings.deal_key = deals.deal_key
        left join with_history on deals.crm = with_history.crm
        where with_history.crm is null
    )

select
    open_runs.deal_key,
    open_runs.is_departed,
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
    as dwell_days,
    case
        when open_runs.run_number = 1 and first_seen.first_observed_at > open_runs.entered_at
        then {{ days_between("open_runs.entered_at", "first_seen.first_observed_at") }}
        else 0.0
    end as observed_after_days
from open_runs
cross join clock
left join first_seen on open_runs.deal_key = first_seen.deal_key
left join
    next_runs
    on open_runs.deal_key = next_runs.deal_key
    and open_runs.run_number + 1 = next_runs.run_number
