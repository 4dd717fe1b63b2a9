with
    reach as (select * from {{ ref("int_stage_reach") }}),

    durations as (select * from {{ ref("int_durations") }}),

    totals as (select * from durations where measure = 'stage_total')

select
    reach.deal_key,
    reach.funnel,
    reach.stage,
    reach.stage_rank,
    reach.is_visited,
    reach.is_skipped,
    reach.reached_at,
    reach.advanced_at,
    case
        when reach.is_advanced then 'advanced' when reach.is_lost then 'lost' else 'open'
    end as state,
    -- A stage that the deal skipped was no stay of zero days.
    totals.days as dwell_cumulative_days,
    totals.deal_key is not null and not totals.is_ended as is_ongoing
from reach
left join
    totals
    on reach.deal_key = totals.deal_key
    and reach.funnel = totals.funnel
    and reach.stage = totals.stage
