with source as (select * from {{ source("raw_fxiaoke", "leads") }})

select
    'fxiaoke' as crm,
    id as lead_id,
    create_time as created_at,
    coalesce(source_label, source) as lead_source,
    coalesce(leads_stage_label, leads_stage) as status,
    cast(null as {{ dbt.type_string() }}) as industry,
    cast(null as bigint) as employees,
    cast(null as {{ dbt.type_string() }}) as country,
    {{ first_of_json_list("owner") }} as owner_id,
    transform_time is not null as is_converted,
    -- The record says when it was converted, and not to which deal.
    cast(null as {{ dbt.type_string() }}) as converted_deal_id,
    transform_time as converted_at,
    cast(null as date) as converted_on
from source
where not coalesce(is_deleted, false) and coalesce(life_status, '') <> 'invalid'
