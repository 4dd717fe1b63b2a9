with source as (select * from {{ source("standards", "condition_terms") }})

select condition_id, term, accepted_value
from source
