with source as (select * from {{ source("raw_fxiaoke", "account_attributes") }})

select 'fxiaoke' as crm, record_id as account_id, attribute, attribute_value
from source
