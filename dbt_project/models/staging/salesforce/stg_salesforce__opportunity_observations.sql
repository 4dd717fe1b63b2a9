with source as (select * from {{ source("raw_salesforce", "opportunity_observed") }})

select
    'salesforce' as crm,
    id as deal_id,
    record_type_id as crm_funnel_name,
    stage_name as crm_stage_name,
    last_stage_change_date as stage_entered_at,
    amount,
    close_date as expected_close_date,
    currency_iso_code as currency,
    next_step,
    probability,
    forecast_category,
    lead_source,
    type as deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    loss_reason as lost_reason,
    owner_id,
    account_id,
    created_date as created_at,
    cast(null as timestamp) as closed_at,
    last_modified_date as modified_at,
    is_present and not coalesce(is_deleted, false) as is_present,
    observed_at,
    previous_observed_at
from source
