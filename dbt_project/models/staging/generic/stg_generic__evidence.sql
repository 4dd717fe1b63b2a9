with source as (select * from {{ source("raw_generic", "evidence") }})

select
    'generic' as crm,
    deal_id,
    evidence_key,
    observed_at,
    number as evidence_number,
    text as evidence_text,
    kind as evidence_kind,
    source_id
from source
