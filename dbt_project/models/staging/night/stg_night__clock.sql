with source as (select * from {{ source("night", "clock") }})

select business_date, as_of_at, previous_as_of_at
from source
