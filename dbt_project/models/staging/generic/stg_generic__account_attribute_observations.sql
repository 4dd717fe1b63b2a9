with source as (select * from {{ source("raw_generic", "accounts_attributes_observed") }})

select
    'generic' as crm, record_id as account_id, attribute, attribute_value, is_present, observed_at
from source
