with source as (select * from {{ source("raw_pipedrive", "organization") }})

select
    'pipedrive' as crm,
    org_id as account_id,
    org_name as account_name,
    industry,
    employees,
    annual_revenue,
    coalesce(country, country_code) as country,
    region
from source
