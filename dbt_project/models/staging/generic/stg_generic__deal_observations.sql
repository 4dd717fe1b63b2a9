with source as (select * from {{ source("raw_generic", "deals_observed") }})

select
    'generic' as crm,
    deal_id,
    funnel as crm_funnel_name,
    stage as crm_stage_name,
    stage_entered_at,
    amount,
    expected_close_date,
    currency,
    next_step,
    probability,
    forecast_category,
    lead_source,
    deal_type,
    product,
    lost_reason,
    owner_id,
    account_id,
    created_at,
    closed_at,
    modified_at,
    is_present and not coalesce(is_deleted, false) as is_present,
    observed_at,
    previous_observed_at
from source
