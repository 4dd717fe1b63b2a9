with source as (select * from {{ source("standards", "company") }})

select
    time_zone,
    reporting_currency,
    forecast_segment,
    minimum_n,
    shrinkage_deals,
    velocity_days,
    stale_after_days
from source
