with source as (select * from {{ source("raw_dynamics", "system_user") }})

select
    'dynamics' as crm,
    system_user_id as user_id,
    full_name as user_name,
    coalesce(business_unit_label, business_unit_id) as team
from source
