with source as (select * from {{ source("raw_hubspot", "deal_contact") }})

select
    'hubspot' as crm,
    deal_id,
    contact_id,
    -- The label of the association is the role, where the company has named one.
    label as crm_contact_role,
    cast(null as timestamp) as added_at,
    cast(null as timestamp) as removed_at,
    false as is_removed
from source
