with source as (select * from {{ source("raw_generic", "leads") }})

select
    'generic' as crm,
    lead_id,
    created_at,
    lead_source,
    status,
    industry,
    employees,
    country,
    owner_id,
    converted_deal_id is not null or converted_at is not null as is_converted,
    converted_deal_id,
    converted_at,
    cast(null as date) as converted_on
from source
