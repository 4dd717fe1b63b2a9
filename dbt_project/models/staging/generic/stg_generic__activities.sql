with source as (select * from {{ source("raw_generic", "activities") }})

select
    'generic' as crm,
    activity_id,
    deal_id,
    activity_type as crm_activity_type,
    occurred_at,
    minutes,
    direction,
    status,
    customer_present as is_customer_present,
    contact_role as crm_contact_role
from source
