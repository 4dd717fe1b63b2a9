with
    reach as (select * from {{ ref("int_stage_reach") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    periods as (select * from {{ ref("stg_standards__periods") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- The month in the company's time zone. Days are few and deals many: months become instants
    -- that deals are compared with, and not each instant a day.
    utc_days as (
        select distinct cast(reached_at as date) as utc_day from reach where reached_at is not null
    ),

    months_near as (
        select
            utc_day,
            cast({{ dbt.date_trunc("month", dbt.dateadd("day", -1, "utc_day")) }} as date) as month
        from utc_days
        union
        select
            utc_day,
            cast({{ dbt.date_trunc("month", dbt.dateadd("day", 1, "utc_day")) }} as date) as month
        from utc_days
    ),

    local_months as (
        select
            months_near.utc_day,
            months_near.month,
            {{ date_starts_at("months_near.month", "company.time_zone") }} as starts_at,
            {{ date_starts_at(dbt.dateadd("month", 1, "months_near.month"), "company.time_zone") }}
            as ends_at
        from months_near
        cross join company
    ),

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
            reach.reached_at,
            {{ days_between("reach.reached_at", "reach.advanced_at") }} as days_to_advance,
            {{ days_between("reach.reached_at", "positions.closed_at") }} as days_to_close,
            {{ days_between("reach.reached_at", "clock.as_of_at") }} as days_followed,
            local_months.month as reached_month
        from reach
        inner join positions on reach.deal_key = positions.deal_key
        cross join clock
        left join
            local_months
            on cast(reach.reached_at as date) = local_months.utc_day
            and reach.reached_at >= local_months.starts_at
            and reach.reached_at < local_months.ends_at
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
