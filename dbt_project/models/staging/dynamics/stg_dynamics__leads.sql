with source as (select * from {{ source("raw_dynamics", "lead") }})

select
    'dynamics' as crm,
    lead_id,
    created_on as created_at,
    coalesce(lead_source_label, lead_source_code) as lead_source,
    cast(status_code as {{ dbt.type_string() }}) as status,
    industry_code as industry,
    number_of_employees as employees,
    address1_country as country,
    owner_id,
    -- A lead may be qualified to an account and a contact alone; that is no deal.
    qualifying_opportunity_id is not null as is_converted,
    qualifying_opportunity_id as converted_deal_id,
    -- The record does not say when it was qualified; the opportunity that came of it does.
    cast(null as timestamp) as converted_at,
    cast(null as date) as converted_on
from source
where not coalesce(is_deleted, false)
