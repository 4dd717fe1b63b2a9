with
    deals as (select * from {{ ref("deals_current") }}),

    periods as (select * from {{ ref("stg_standards__periods") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    won as (
        select
            deals.funnel,
            deals.amount_reporting,
            {{ local_date("deals.closed_at", "company.time_zone") }} as won_on
        from deals
        cross join company
        where deals.outcome = 'won' and deals.funnel is not null
    )

select
    won.funnel,
    periods.period_kind,
    periods.period_start,
    count(*) as won_deals,
    count(won.amount_reporting) as won_deals_with_amount,
    cast(sum(won.amount_reporting) as decimal(38, 2)) as won_amount
from won
inner join periods on won.won_on between periods.period_start and periods.period_end
group by won.funnel, periods.period_kind, periods.period_start
