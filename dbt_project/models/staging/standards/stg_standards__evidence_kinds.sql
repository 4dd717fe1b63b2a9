with source as (select * from {{ source("standards", "evidence_kinds") }})

select criterion_kind, evidence_kind
from source
