with source as (select * from {{ source("standards", "condition_evidence") }})

select criterion_id, version, condition_number, evidence_key
from source
