with
    runs as (select * from {{ ref("int_stage_runs") }}),

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

    left_visits as (select deal_key, run_number, visit_id from runs where outcome is null),

    -- The visit that a passage is about is the one it ends; a deal that starts past a gate has
    -- only the one
    -- it begins.
    moves as (
        select
            forward_moves.*, coalesce(left_visits.visit_id, forward_moves.to_visit_id) as visit_id
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
            moves.passed_at,
            moves.to_stage
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
            moves.passed_at,
            moves.to_stage
        from moves
        inner join
            open_stages
            on moves.funnel = open_stages.funnel
            and moves.funnel_version = open_stages.version
            and open_stages.stage_rank > moves.from_rank
            and open_stages.stage_rank <= moves.to_rank
    )

select *
from exits
union all
select *
from entries
