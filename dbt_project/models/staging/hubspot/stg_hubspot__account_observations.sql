with source as (select * from {{ source("raw_hubspot", "company_observed") }})

select
    'hubspot' as crm,
    company_id as account_id,
    industry,
    employees,
    annual_revenue,
    country,
    state as region,
    is_present,
    observed_at
from source
