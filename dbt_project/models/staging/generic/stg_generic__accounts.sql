with source as (select * from {{ source("raw_generic", "accounts") }})

select
    'generic' as crm, account_id, account_name, industry, employees, annual_revenue, country, region
from source
