with source as (select * from {{ source("raw_generic", "accounts_observed") }})

select
    'generic' as crm,
    account_id,
    industry,
    employees,
    annual_revenue,
    country,
    region,
    is_present,
    observed_at
from source
