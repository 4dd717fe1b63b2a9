with source as (select * from {{ source("raw_salesforce", "account") }})

select
    'salesforce' as crm,
    id as account_id,
    name as account_name,
    industry,
    number_of_employees as employees,
    annual_revenue,
    billing_country as country,
    billing_state as region
from source
