with
    wins as (select * from {{ ref("int_deal_wins") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    segments as (select * from {{ ref("int_deal_forecast_segments") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- A deal won twice on one day was won once.
    numbered as (
        select
            wins.*,
            row_number() over (
                partition by wins.deal_key, wins.won_on order by wins.run_number desc
            ) as reverse_number
        from wins
    )

select
    numbered.deal_key,
    numbered.funnel,
    segments.segment,
    segments.team,
    segments.owner_key,
    segments.from_as_of_date,
    segments.until_as_of_date,
    {{ local_date("deals.created_at", "company.time_zone") }} as created_on,
    numbered.won_on,
    numbered.undone_on,
    numbered.amount_reporting,
    numbered.amount_when_won
from numbered
cross join company
inner join deals on numbered.deal_key = deals.deal_key
inner join segments on numbered.deal_key = segments.deal_key
where numbered.reverse_number = 1
