with source as (select * from {{ source("raw_fxiaoke", "account_observed") }})

select
    'fxiaoke' as crm,
    id as account_id,
    coalesce(industry_label, industry) as industry,
    employee_count as employees,
    annual_revenue,
    coalesce(country_label, country) as country,
    coalesce(province_label, province) as region,
    is_present
    and not coalesce(is_deleted, false)
    and coalesce(life_status, '') <> 'invalid'
    and coalesce(life_status_label, '') not in ('作废', '已作废', '作廢') as is_present,
    observed_at
from source
