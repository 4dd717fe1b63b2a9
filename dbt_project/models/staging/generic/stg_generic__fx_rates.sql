with source as (select * from {{ source("raw_generic", "fx_rates") }})

select currency, rate_date, rate
from source
