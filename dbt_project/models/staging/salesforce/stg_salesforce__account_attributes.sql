with source as (select * from {{ source("raw_salesforce", "account_attributes") }})

select 'salesforce' as crm, record_id as account_id, attribute, attribute_value
from source
