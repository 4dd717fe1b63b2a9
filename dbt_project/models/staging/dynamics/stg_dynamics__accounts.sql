with source as (select * from {{ source("raw_dynamics", "account") }})

select
    'dynamics' as crm,
    account_id,
    name as account_name,
    coalesce(industry_label, industry_code) as industry,
    number_of_employees as employees,
    revenue as annual_revenue,
    address1_country as country,
    address1_state_or_province as region
from source
where not coalesce(is_deleted, false)
