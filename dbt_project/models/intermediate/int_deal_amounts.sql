with
    deals as (select * from {{ ref("int_known_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    rates as (select * from {{ ref("int_fx_rates") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- What is closed was worth what the rate said on that day; what is open is worth tonight's
    -- rate.
    dated as (
        select
            deals.deal_key,
            deals.amount,
            deals.currency,
            case
                when positions.closed_at is null
                then clock.business_date
                else {{ local_date("positions.closed_at", "company.time_zone") }}
            end as rated_on
        from deals
        left join positions on deals.deal_key = positions.deal_key
        cross join clock
        cross join company
    )

select
    dated.deal_key,
    rates.valid_from as rate_date,
    rates.rate as fx_rate,
    cast(cast(dated.amount as decimal(30, 2)) * rates.rate as decimal(18, 2)) as amount_reporting,
    case
        when dated.amount is null
        then 'missing_amount'
        when dated.currency is null
        then 'missing_currency'
        when rates.rate is null
        then 'missing_rate'
    end as amount_exclusion
from dated
left join
    rates
    on dated.currency = rates.currency
    and dated.rated_on >= rates.valid_from
    and (rates.valid_to is null or dated.rated_on < rates.valid_to)
