with counts as (select * from {{ ref("int_transition_counts") }})

select
    funnel,
    segment,
    segment_value,
    'as_is' as scenario,
    from_stage,
    to_kind,
    to_state,
    cast(visits as double precision) / from_visits as share,
    from_mean_days as mean_days
from counts
