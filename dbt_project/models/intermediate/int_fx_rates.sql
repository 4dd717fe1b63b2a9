with
    rates as (select * from {{ ref("stg_generic__fx_rates") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- The reporting currency is worth itself on every day; that is a definition, not a missing
    -- rate.
    reporting as (
        select
            reporting_currency as currency,
            cast('1900-01-01' as date) as rate_date,
            cast(1 as decimal(18, 8)) as rate
        from company
    ),

    unioned as (
        select rates.currency, rates.rate_date, rates.rate
        from rates
        cross join company
        where rates.currency <> company.reporting_currency
        union all
        select currency, rate_date, rate
        from reporting
    )

select
    currency,
    rate_date as valid_from,
    lead(rate_date) over (partition by currency order by rate_date) as valid_to,
    rate
from unioned
