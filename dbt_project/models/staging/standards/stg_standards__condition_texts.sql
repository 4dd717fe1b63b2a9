with source as (select * from {{ source("standards", "condition_texts") }})

select criterion_id, version, condition_number, accepted_text
from source
