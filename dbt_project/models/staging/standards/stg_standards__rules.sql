with source as (select * from {{ source("standards", "rules") }})

select rule_id, rule, severity, from_stage, days
from source
