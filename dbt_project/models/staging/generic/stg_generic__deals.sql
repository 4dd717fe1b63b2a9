with source as (select * from {{ source("raw_generic", "deals") }})

select
    'generic' as crm,
    deal_id,
    deal_name,
    funnel as crm_funnel_name,
    stage as crm_stage_name,
    amount,
    currency,
    owner_id,
    account_id,
    created_at,
    stage_entered_at,
    expected_close_date,
    closed_at,
    lost_reason,
    lead_source,
    deal_type,
    product,
    next_step,
    probability,
    forecast_category,
    modified_at,
    coalesce(is_deleted, false) as is_deleted,
    -- A deletion is the last thing that stamps a record.
    case when is_deleted then modified_at end as deleted_at,
    cast(null as {{ dbt.type_string() }}) as merged_into_deal_id,
    _file as source_file,
    _record as source_record
from source
