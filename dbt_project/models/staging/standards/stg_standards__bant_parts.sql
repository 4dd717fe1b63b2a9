with source as (select * from {{ source("standards", "bant_parts") }})

select bant_part, criterion_id, version
from source
