with source as (select * from {{ source("standards", "contact_role_names") }})

select crm_name, contact_role
from source
