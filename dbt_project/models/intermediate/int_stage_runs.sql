with known_runs as (select * from {{ ref("int_known_stage_runs") }})

select
    deal_key,
    funnel,
    funnel_version,
    run_number,
    stage,
    stage_rank,
    outcome,
    occurrence,
    visit_id,
    entered_at,
    left_at,
    entered_precision,
    entered_source,
    next_stage,
    next_outcome,
    move,
    from_rank
from known_runs
where not is_departed
