with source as (select * from {{ source("standards", "rules") }})

select rule_id, rule, rule_kind, severity, from_stage, days, times
from source
