with source as (select * from {{ source("raw_pipedrive", "deal_change") }})

select
    'pipedrive' as crm,
    deal_id || '/' || field_key || '/' || cast(changed_at as {{ dbt.type_string() }}) as change_id,
    deal_id,
    case
        field_key
        when 'value'
        then 'amount'
        when 'channel'
        then 'lead_source'
        when 'user_id'
        then 'owner_id'
        when 'org_id'
        then 'account_id'
        else field_key
    end as field,
    old_value,
    new_value,
    changed_at
from source
where field_key is not null
