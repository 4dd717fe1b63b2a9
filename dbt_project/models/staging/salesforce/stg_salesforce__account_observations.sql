with source as (select * from {{ source("raw_salesforce", "account_observed") }})

select
    'salesforce' as crm,
    id as account_id,
    industry,
    number_of_employees as employees,
    annual_revenue,
    billing_country as country,
    billing_state as region,
    is_present,
    observed_at
from source
