with source as (select * from {{ source("standards", "stage_crm_names") }})

select funnel, version, crm, crm_name, stage
from source
