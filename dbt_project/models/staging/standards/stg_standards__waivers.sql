with source as (select * from {{ source("standards", "waivers") }})

select rule_id, deal_key, visit_id, waived_from, waived_until
from source
