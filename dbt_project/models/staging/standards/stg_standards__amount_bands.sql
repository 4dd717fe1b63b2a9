with source as (select * from {{ source("standards", "amount_bands") }})

select amount_band, amount_from, amount_below
from source
