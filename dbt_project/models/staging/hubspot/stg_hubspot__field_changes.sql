with
    source as (select * from {{ source("raw_hubspot", "deal_property_history") }}),

    compared as (
        select
            source.*,
            lag(value) over (partition by deal_id, field order by changed_at) as value_before
        from source
    )

select
    'hubspot' as crm,
    deal_id || '/' || field || '/' || cast(changed_at as {{ dbt.type_string() }}) as change_id,
    deal_id,
    case
        field
        when 'closedate'
        then 'expected_close_date'
        when 'hs_next_step'
        then 'next_step'
        when 'hs_manual_forecast_category'
        then 'forecast_category'
        when 'hs_analytics_source'
        then 'lead_source'
        when 'deal_currency_code'
        then 'currency'
        when 'dealtype'
        then 'deal_type'
        when 'closed_lost_reason'
        then 'lost_reason'
        when 'hubspot_owner_id'
        then 'owner_id'
        when 'hs_primary_associated_company'
        then 'account_id'
        else field
    end as field,
    value_before as old_value,
    value as new_value,
    changed_at
from compared
