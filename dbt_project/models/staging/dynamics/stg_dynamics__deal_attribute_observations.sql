with source as (select * from {{ source("raw_dynamics", "opportunity_attributes_observed") }})

select
    'dynamics' as crm,
    record_id as deal_id,
    attribute,
    attribute_value,
    is_present,
    observed_at,
    previous_observed_at
from source
