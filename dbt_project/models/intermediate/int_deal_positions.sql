with
    deals as (select * from {{ ref("int_deals") }}),

    runs as (select * from {{ ref("int_stage_runs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    last_runs as (select * from runs where next_stage is null),

    closed_runs as (
        select
            *,
            run_number - row_number() over (
                partition by deal_key, funnel, outcome order by run_number
            ) as close_number
        from runs
        where outcome is not null
    ),

    in_order as (
        select
            deal_key,
            entered_at,
            row_number() over (
                partition by deal_key, funnel, outcome, close_number order by run_number
            ) as place,
            max(case when next_stage is null then 1 else 0 end) over (
                partition by deal_key, funnel, outcome, close_number
            ) as is_last_close
        from closed_runs
    ),

    -- What goes on from one won stage to another, or from one lost stage to another, closed at the
    -- first.
    closes as (select deal_key, entered_at from in_order where place = 1 and is_last_close = 1),

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
    case
        when deals.is_open
        then null
        -- A stage that was open when the deal came to it and has been made an end since.
        when closes.deal_key is null
        then last_runs.entered_at
        else closes.entered_at
    end as closed_at,
    furthest.furthest_rank
from deals
cross join clock
left join last_runs on deals.deal_key = last_runs.deal_key
left join closes on deals.deal_key = closes.deal_key
left join furthest on deals.deal_key = furthest.deal_key
