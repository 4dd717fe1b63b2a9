with source as (select * from {{ source("raw_fxiaoke", "account_attributes_observed") }})

select
    'fxiaoke' as crm, record_id as account_id, attribute, attribute_value, is_present, observed_at
from source
