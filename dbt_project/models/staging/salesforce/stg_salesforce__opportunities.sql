with source as (select * from {{ source("raw_salesforce", "opportunity") }})

select
    'salesforce' as crm,
    id as deal_id,
    name as deal_name,
    record_type_id as crm_funnel_name,
    stage_name as crm_stage_name,
    amount,
    currency_iso_code as currency,
    owner_id,
    account_id,
    created_date as created_at,
    last_stage_change_date as stage_entered_at,
    close_date as expected_close_date,
    -- Salesforce keeps no instant of closing: CloseDate is a plan until the deal closes, and
    -- stays editable.
    cast(null as timestamp) as closed_at,
    loss_reason as lost_reason,
    lead_source,
    type as deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    next_step,
    probability,
    forecast_category,
    last_modified_date as modified_at,
    coalesce(is_deleted, false) as is_deleted,
    -- A deletion is the last thing that stamps a record.
    case when is_deleted then coalesce(system_modstamp, last_modified_date) end as deleted_at,
    cast(null as {{ dbt.type_string() }}) as merged_into_deal_id,
    _file as source_file,
    _record as source_record
from source
