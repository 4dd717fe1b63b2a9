with source as (select * from {{ source("standards", "funnel_stages") }})

select funnel, version, stage, stage_rank, outcome, name_en, name_zh, cap_days, is_skippable
from source
