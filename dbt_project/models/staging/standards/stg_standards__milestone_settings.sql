with source as (select * from {{ source("standards", "milestone_settings") }})

select decided_before_close_days
from source
