with source as (select * from {{ source("raw_salesforce", "opportunity_contact_role") }})

select
    'salesforce' as crm,
    opportunity_id as deal_id,
    contact_id,
    role as crm_contact_role,
    created_date as added_at,
    -- Salesforce says that a role was removed, and not when.
    cast(null as timestamp) as removed_at,
    coalesce(is_deleted, false) as is_removed
from source
