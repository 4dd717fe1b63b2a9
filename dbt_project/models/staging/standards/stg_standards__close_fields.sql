with source as (select * from {{ source("standards", "close_fields") }})

select meaning, field, priority
from source
