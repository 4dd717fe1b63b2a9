with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    amounts as (select * from {{ ref("int_deal_amounts") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- A funnel younger than the window is measured over the days that it has; its first deal tells
    -- its age.
    ages as (
        select
            deals.funnel,
            {{ days_between("min(deals.created_at)", "max(clock.as_of_at)") }} as age_days
        from deals
        cross join clock
        where deals.funnel is not null
        group by deals.funnel
    ),

    windows as (
        select
            ages.funnel,
            case
                when ages.age_days < company.velocity_days
                then ages.age_days
                else cast(company.velocity_days as double precision)
            end as window_days
        from ages
        cross join company
    )

select
    deals.deal_key,
    deals.funnel,
    windows.window_days,
    deals.is_open,
    deals.outcome,
    not deals.is_open and positions.closed_at is null as is_undated_close,
    coalesce(
        not deals.is_open
        and {{ days_between("positions.closed_at", "clock.as_of_at") }} <= company.velocity_days,
        false
    ) as is_closed_in_window,
    coalesce(
        {{ days_between("deals.created_at", "clock.as_of_at") }} <= company.velocity_days, false
    ) as is_created_in_window,
    amounts.amount_reporting,
    {{ days_between("deals.created_at", "positions.closed_at") }} as cycle_days
from deals
inner join windows on deals.funnel = windows.funnel
inner join positions on deals.deal_key = positions.deal_key
left join amounts on deals.deal_key = amounts.deal_key
cross join clock
cross join company
