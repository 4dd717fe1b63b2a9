with source as (select * from {{ source("raw_pipedrive", "organization_attributes_observed") }})

select
    'pipedrive' as crm, record_id as account_id, attribute, attribute_value, is_present, observed_at
from source
