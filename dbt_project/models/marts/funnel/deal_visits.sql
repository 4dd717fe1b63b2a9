with visits as (select * from {{ ref("int_visits") }})

select
    visit_id,
    deal_key,
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
    cast(floor(dwell_days) as integer) as dwell_whole_days
from visits
