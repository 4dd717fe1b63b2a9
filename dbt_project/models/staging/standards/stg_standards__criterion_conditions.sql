with source as (select * from {{ source("standards", "criterion_conditions") }})

select criterion_id, version, condition_number, at_least, at_most, contact_role, has_texts
from source
