with source as (select * from {{ source("raw_generic", "stage_changes") }})

select 'generic' as crm, change_id, deal_id, stage as crm_stage_name, changed_at
from source
