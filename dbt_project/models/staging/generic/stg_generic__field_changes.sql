with source as (select * from {{ source("raw_generic", "field_changes") }})

select
    'generic' as crm,
    deal_id || '/' || field || '/' || cast(changed_at as {{ dbt.type_string() }}) as change_id,
    deal_id,
    field,
    old_value,
    new_value,
    changed_at
from source
