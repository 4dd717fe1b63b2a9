with source as (select * from {{ source("raw_hubspot", "deal_attributes_observed") }})

select
    'hubspot' as crm,
    record_id as deal_id,
    attribute,
    attribute_value,
    is_present,
    observed_at,
    previous_observed_at
from source
