with source as (select * from {{ source("standards", "periods") }})

select period_kind, period_start, period_end, period_label
from source
