with known_visits as (select * from {{ ref("int_known_visits") }})

select
    deal_key,
    visit_id,
    run_number,
    visit_number,
    funnel,
    funnel_version,
    stage,
    stage_rank,
    occurrence,
    entered_at,
    exited_at,
    is_ongoing,
    began_as,
    ended_as,
    next_stage,
    entered_precision,
    entered_source,
    dwell_days,
    observed_after_days
from known_visits
where not is_departed
