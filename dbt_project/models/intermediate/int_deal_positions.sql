with
    deals as (select * from {{ ref("int_deals") }}),

    runs as (select * from {{ ref("int_stage_runs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    last_runs as (select * from runs where next_stage is null),

    furthest as (
        select runs.deal_key, max(runs.stage_rank) as furthest_rank
        from runs
        inner join deals on runs.deal_key = deals.deal_key and runs.funnel = deals.funnel
        where runs.outcome is null
        group by runs.deal_key
    )

select
    deals.deal_key,
    case when deals.is_open then last_runs.visit_id end as current_visit_id,
    case when deals.is_open then last_runs.entered_at end as stage_entered_at,
    case
        when deals.is_open then {{ days_between("last_runs.entered_at", "clock.as_of_at") }}
    end as dwell_days,
    case when not deals.is_open then last_runs.entered_at end as closed_at,
    furthest.furthest_rank
from deals
cross join clock
left join last_runs on deals.deal_key = last_runs.deal_key
left join furthest on deals.deal_key = furthest.deal_key
