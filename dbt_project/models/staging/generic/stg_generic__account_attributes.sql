with source as (select * from {{ source("raw_generic", "accounts_attributes") }})

select 'generic' as crm, record_id as account_id, attribute, attribute_value
from source
