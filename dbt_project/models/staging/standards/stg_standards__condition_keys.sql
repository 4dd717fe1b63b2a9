with source as (select * from {{ source("standards", "condition_keys") }})

select condition_id, subject_key
from source
