with
    deals as (select * from {{ ref("int_deals") }}),

    runs as (select * from {{ ref("int_stage_runs") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    open_stages as (select * from stages where outcome is null),

    -- A won deal has been through the whole funnel, whatever its history shows. Where a stage
    -- stands
    -- is told by the version of tonight, as of the stages that it is compared with.
    reaching as (
        select
            runs.deal_key,
            runs.funnel,
            runs.funnel_version,
            runs.run_number,
            runs.entered_at,
            runs.stage,
            case
                when runs.outcome = 'won'
                then 1000000
                else coalesce(open_stages.stage_rank, runs.stage_rank)
            end as reached_rank
        from runs
        inner join deals on runs.deal_key = deals.deal_key
        left join
            open_stages
            on runs.funnel = open_stages.funnel
            and runs.funnel = deals.funnel
            and deals.funnel_version = open_stages.version
            and runs.stage = open_stages.stage
        where runs.outcome = 'won' or (runs.outcome is null and runs.stage_rank is not null)
    ),

    spine as (
        select deals.deal_key, deals.funnel, open_stages.stage, open_stages.stage_rank
        from deals
        inner join
            open_stages
            on deals.funnel = open_stages.funnel
            and deals.funnel_version = open_stages.version
    ),

    reached as (
        select
            spine.deal_key,
            spine.funnel,
            spine.stage,
            spine.stage_rank,
            min(reaching.run_number) as reached_in_run,
            min(
                case when reaching.reached_rank > spine.stage_rank then reaching.run_number end
            ) as advanced_in_run,
            max(case when reaching.stage = spine.stage then 1 else 0 end) = 1 as is_visited
        from spine
        inner join
            reaching
            on spine.deal_key = reaching.deal_key
            and spine.funnel = reaching.funnel
            and reaching.reached_rank >= spine.stage_rank
        group by spine.deal_key, spine.funnel, spine.stage, spine.stage_rank
    )

select
    reached.deal_key,
    reached.funnel,
    reached.stage,
    reached.stage_rank,
    reaching_run.entered_at as reached_at,
    reaching_run.funnel_version as reached_in_version,
    advancing_run.entered_at as advanced_at,
    reached.is_visited,
    not reached.is_visited as is_skipped,
    reached.advanced_in_run is not null as is_advanced,
    reached.advanced_in_run is null and not deals.is_open as is_lost,
    reached.advanced_in_run is null and deals.is_open as is_open
from reached
inner join deals on reached.deal_key = deals.deal_key
inner join
    reaching as reaching_run
    on reached.deal_key = reaching_run.deal_key
    and reached.reached_in_run = reaching_run.run_number
left join
    reaching as advancing_run
    on reached.deal_key = advancing_run.deal_key
    and reached.advanced_in_run = advancing_run.run_number
