with source as (select * from {{ source("raw_pipedrive", "organization_attributes") }})

select 'pipedrive' as crm, record_id as account_id, attribute, attribute_value
from source
