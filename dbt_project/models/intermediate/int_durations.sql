with
    visits as (select * from {{ ref("int_visits") }}),

    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    open_stages as (select * from visits where stage_rank is not null),

    -- Whole microseconds, so that their sum is exact in any order of rows; of one visit without a
    -- date the sum is unknown.
    totals as (
        select
            deal_key,
            funnel,
            stage,
            case
                when count(*) = count(dwell_days)
                then
                    cast(sum(cast(round(dwell_days * 86400000000) as bigint)) as double precision)
                    / 86400000000.0
            end as days,
            max(observed_after_days) as observed_after_days,
            max(case when is_ongoing then 1 else 0 end) = 0 as is_ended
        from open_stages
        group by deal_key, funnel, stage
    )

select
    'visit' as measure,
    deal_key,
    funnel,
    stage,
    observed_after_days,
    dwell_days as days,
    not is_ongoing as is_ended
from open_stages
union all
select 'stage_total' as measure, deal_key, funnel, stage, observed_after_days, days, is_ended
from totals
union all
select
    'cycle' as measure,
    deals.deal_key,
    deals.funnel,
    '' as stage,
    0.0 as observed_after_days,
    {{ days_between("deals.created_at", "coalesce(positions.closed_at, clock.as_of_at)") }} as days,
    not deals.is_open as is_ended
from deals
inner join positions on deals.deal_key = positions.deal_key
cross join clock
-- A deal that closed at an instant nothing tells has a cycle of unknown length.
where deals.funnel is not null and (deals.is_open or positions.closed_at is not null)
