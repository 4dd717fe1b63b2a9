with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    gates as (select distinct funnel, version, stage, stage_rank, gate from criteria),

    left_visits as (
        select deal_key, run_number + 1 as next_run_number, visit_id, entered_at
        from runs
        where outcome is null
    ),

    -- The visit that a passage is about is the one it ends; a deal that starts past a gate has
    -- only the one it begins. A close otherwise than won passes no gate of an open stage.
    moves as (
        select
            runs.deal_key,
            runs.funnel,
            runs.funnel_version,
            coalesce(left_visits.visit_id, runs.visit_id) as visit_id,
            coalesce(left_visits.entered_at, runs.entered_at) as visit_entered_at,
            runs.entered_at as passed_at,
            runs.stage as to_stage,
            runs.outcome,
            runs.from_rank,
            case
                when runs.outcome = 'won'
                then 1000000
                when runs.outcome is null
                then runs.stage_rank
                else runs.from_rank
            end as to_rank,
            false as is_ahead
        from runs
        left join
            left_visits
            on runs.deal_key = left_visits.deal_key
            and runs.run_number = left_visits.next_run_number
        where runs.outcome is not null or runs.stage_rank > runs.from_rank
    ),

    -- What an open deal will be asked for next: the exit of its stage and the entry of the one
    -- behind it, judged as if it passed them at as-of.
    moves_ahead as (
        select
            runs.deal_key,
            runs.funnel,
            runs.funnel_version,
            runs.visit_id,
            runs.entered_at as visit_entered_at,
            clock.as_of_at as passed_at,
            cast(null as {{ dbt.type_string() }}) as to_stage,
            runs.outcome,
            runs.stage_rank as from_rank,
            runs.stage_rank + 1 as to_rank,
            true as is_ahead
        from runs
        cross join clock
        where
            runs.next_stage is null
            and runs.outcome is null
            and runs.stage_rank is not null
            and not runs.is_departed
    ),

    every_move as (
        select *
        from moves
        union all
        select *
        from moves_ahead
    )

select
    every_move.deal_key,
    every_move.funnel,
    every_move.funnel_version,
    every_move.visit_id,
    gates.stage,
    gates.gate,
    every_move.visit_entered_at,
    every_move.passed_at,
    every_move.to_stage,
    every_move.is_ahead
from every_move
inner join
    gates
    on every_move.funnel = gates.funnel
    and every_move.funnel_version = gates.version
    and (
        (
            gates.gate = 'exit'
            and gates.stage_rank >= every_move.from_rank
            and gates.stage_rank < every_move.to_rank
        )
        or (
            gates.gate = 'entry'
            and gates.stage_rank > every_move.from_rank
            and gates.stage_rank <= every_move.to_rank
        )
        -- A stage that closes a deal has an entry of its own, whichever stage it was reached from.
        or (
            gates.gate = 'entry'
            and every_move.outcome is not null
            and gates.stage = every_move.to_stage
        )
    )
