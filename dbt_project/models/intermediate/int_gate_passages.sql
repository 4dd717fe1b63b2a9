with
    runs as (select * from {{ ref("int_stage_runs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    forward_moves as (
        select
            deal_key,
            funnel,
            funnel_version,
            run_number,
            stage as to_stage,
            visit_id as to_visit_id,
            entered_at as passed_at,
            from_rank,
            case when outcome = 'won' then 1000000 else stage_rank end as to_rank
        from runs
        where outcome = 'won' or (outcome is null and stage_rank is not null)
    ),

    left_visits as (
        select deal_key, run_number, visit_id, entered_at from runs where outcome is null
    ),

    -- The visit that a passage is about is the one it ends; a deal that starts past a gate has
    -- only the one it begins.
    moves as (
        select
            forward_moves.*,
            coalesce(left_visits.visit_id, forward_moves.to_visit_id) as visit_id,
            coalesce(left_visits.entered_at, forward_moves.passed_at) as visit_entered_at
        from forward_moves
        left join
            left_visits
            on forward_moves.deal_key = left_visits.deal_key
            and forward_moves.run_number - 1 = left_visits.run_number
        where forward_moves.to_rank > forward_moves.from_rank
    ),

    open_stages as (select * from stages where outcome is null),

    exits as (
        select
            moves.deal_key,
            moves.funnel,
            moves.funnel_version,
            moves.visit_id,
            open_stages.stage,
            'exit' as gate,
            moves.visit_entered_at,
            moves.passed_at,
            moves.to_stage,
            false as is_ahead
        from moves
        inner join
            open_stages
            on moves.funnel = open_stages.funnel
            and moves.funnel_version = open_stages.version
            and open_stages.stage_rank >= moves.from_rank
            and open_stages.stage_rank < moves.to_rank
    ),

    entries as (
        select
            moves.deal_key,
            moves.funnel,
            moves.funnel_version,
            moves.visit_id,
            open_stages.stage,
            'entry' as gate,
            moves.visit_entered_at,
            moves.passed_at,
            moves.to_stage,
            false as is_ahead
        from moves
        inner join
            open_stages
            on moves.funnel = open_stages.funnel
            and moves.funnel_version = open_stages.version
            and open_stages.stage_rank > moves.from_rank
            and open_stages.stage_rank <= moves.to_rank
    ),

    -- A stage that closes a deal has an entry of its own, whichever stage it was reached from.
    closing_entries as (
        select
            runs.deal_key,
            runs.funnel,
            runs.funnel_version,
            coalesce(left_visits.visit_id, runs.visit_id) as visit_id,
            runs.stage,
            'entry' as gate,
            coalesce(left_visits.entered_at, runs.entered_at) as visit_entered_at,
            runs.entered_at as passed_at,
            runs.stage as to_stage,
            false as is_ahead
        from runs
        left join
            left_visits
            on runs.deal_key = left_visits.deal_key
            and runs.run_number - 1 = left_visits.run_number
        where runs.outcome is not null
    ),

    current_runs as (
        select * from runs where next_stage is null and outcome is null and stage_rank is not null
    ),

    -- What an open deal will be asked for next: the exit of its stage and the entry of the one
    -- behind it, judged as if it passed them at as-of.
    exits_ahead as (
        select
            current_runs.deal_key,
            current_runs.funnel,
            current_runs.funnel_version,
            current_runs.visit_id,
            current_runs.stage,
            'exit' as gate,
            current_runs.entered_at as visit_entered_at,
            clock.as_of_at as passed_at,
            cast(null as {{ dbt.type_string() }}) as to_stage,
            true as is_ahead
        from current_runs
        cross join clock
    ),

    entries_ahead as (
        select
            current_runs.deal_key,
            current_runs.funnel,
            current_runs.funnel_version,
            current_runs.visit_id,
            open_stages.stage,
            'entry' as gate,
            current_runs.entered_at as visit_entered_at,
            clock.as_of_at as passed_at,
            cast(null as {{ dbt.type_string() }}) as to_stage,
            true as is_ahead
        from current_runs
        cross join clock
        inner join
            open_stages
            on current_runs.funnel = open_stages.funnel
            and current_runs.funnel_version = open_stages.version
            and open_stages.stage_rank = current_runs.stage_rank + 1
    )

select *
from exits
union all
select *
from entries
union all
select *
from closing_entries
union all
select *
from exits_ahead
union all
select *
from entries_ahead
