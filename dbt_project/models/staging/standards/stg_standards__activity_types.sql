with source as (select * from {{ source("standards", "activity_types") }})

select crm_name, activity_type
from source
