with
    reach as (select * from {{ ref("int_stage_reach") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    periods as (select * from {{ ref("stg_standards__periods") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    dated as (
        select
            reach.deal_key,
            reach.funnel,
            reach.stage,
            reach.stage_rank,
            reach.is_visited,
            reach.is_skipped,
            reach.is_advanced,
            reach.is_lost,
            reach.is_open,
            {{ days_between("reach.reached_at", "reach.advanced_at") }} as days_to_advance,
            {{ days_between("reach.reached_at", "positions.closed_at") }} as days_to_close,
            {{ days_between("reach.reached_at", "clock.as_of_at") }} as days_followed,
            cast(
                {{ dbt.date_trunc("month", local_date("reach.reached_at", "company.time_zone")) }}
                as date
            ) as reached_month
        from reach
        inner join positions on reach.deal_key = positions.deal_key
        cross join clock
        cross join company
    ),

    months as (select distinct reached_month from dated),

    -- Months are few and deals many: the range join stands on the few.
    quarters as (
        select months.reached_month, periods.period_start as reached_quarter
        from months
        inner join
            periods
            on periods.period_kind = 'quarter'
            and months.reached_month between periods.period_start and periods.period_end
    )

select
    dated.*,
    quarters.reached_quarter,
    -- When the question whether it advances was decided, or how long it has been open.
    case
        when dated.is_advanced
        then dated.days_to_advance
        when dated.is_lost
        then dated.days_to_close
        else dated.days_followed
    end as days_undecided
from dated
left join quarters on dated.reached_month = quarters.reached_month
