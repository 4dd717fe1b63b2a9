with source as (select * from {{ source("raw_salesforce", "lead") }})

select
    'salesforce' as crm,
    id as lead_id,
    created_date as created_at,
    lead_source,
    status,
    industry,
    number_of_employees as employees,
    country,
    owner_id,
    -- A lead may be converted to an account and a contact alone; that is no deal.
    coalesce(is_converted, true) and converted_opportunity_id is not null as is_converted,
    converted_opportunity_id as converted_deal_id,
    cast(null as timestamp) as converted_at,
    converted_date as converted_on
from source
where not coalesce(is_deleted, false)
