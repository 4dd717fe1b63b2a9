with source as (select * from {{ source("standards", "criteria") }})

select
    criterion_id,
    funnel,
    version,
    stage,
    stage_rank,
    gate,
    evidence_kind,
    severity,
    grace_days,
    conditions_needed,
    wording_en,
    wording_zh
from source
