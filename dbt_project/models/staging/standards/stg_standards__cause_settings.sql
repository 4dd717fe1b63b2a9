with source as (select * from {{ source("standards", "cause_settings") }})

select follow_up_days, closed_early_within_days, closed_early_with_touches
from source
