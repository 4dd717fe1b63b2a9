with source as (select * from {{ source("raw_dynamics", "account_observed") }})

select
    'dynamics' as crm,
    account_id,
    coalesce(industry_label, industry_code) as industry,
    number_of_employees as employees,
    revenue as annual_revenue,
    address1_country as country,
    address1_state_or_province as region,
    is_present and not coalesce(is_deleted, false) as is_present,
    observed_at
from source
