with source as (select * from {{ source("raw_pipedrive", "organization_observed") }})

select
    'pipedrive' as crm,
    org_id as account_id,
    industry,
    employees,
    annual_revenue,
    coalesce(country, country_code) as country,
    region,
    is_present,
    observed_at
from source
