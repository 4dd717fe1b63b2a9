with source as (select * from {{ source("raw_salesforce", "opportunity_history") }})

select
    'salesforce' as crm,
    id as change_id,
    opportunity_id as deal_id,
    stage_name as crm_stage_name,
    created_date as changed_at
from source
where not coalesce(is_deleted, false)
