with source as (select * from {{ source("standards", "criteria") }})

select
    criterion_version_id,
    criterion_id,
    funnel,
    version,
    stage,
    stage_rank,
    gate,
    evidence_kind,
    severity,
    definition,
    grace_days,
    steps_needed,
    wording_en,
    wording_zh,
    advice_en,
    advice_zh
from source
