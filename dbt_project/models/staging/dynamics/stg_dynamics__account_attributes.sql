with source as (select * from {{ source("raw_dynamics", "account_attributes") }})

select 'dynamics' as crm, record_id as account_id, attribute, attribute_value
from source
