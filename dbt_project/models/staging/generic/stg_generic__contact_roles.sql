with source as (select * from {{ source("raw_generic", "contact_roles") }})

select
    'generic' as crm,
    deal_id,
    contact_id,
    role as crm_contact_role,
    added_at,
    removed_at,
    removed_at is not null as is_removed
from source
