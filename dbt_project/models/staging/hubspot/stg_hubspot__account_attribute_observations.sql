with source as (select * from {{ source("raw_hubspot", "company_attributes_observed") }})

select
    'hubspot' as crm, record_id as account_id, attribute, attribute_value, is_present, observed_at
from source
