with source as (select * from {{ source("standards", "funnel_crm_names") }})

select funnel, crm, crm_name
from source
