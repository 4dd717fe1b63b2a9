with source as (select * from {{ source("raw_hubspot", "company") }})

select
    'hubspot' as crm,
    company_id as account_id,
    company_name as account_name,
    industry,
    employees,
    annual_revenue,
    country,
    state as region
from source
