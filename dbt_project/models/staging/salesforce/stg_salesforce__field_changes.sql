with
    field_history as (select * from {{ source("raw_salesforce", "opportunity_field_history") }}),

    history as (select * from {{ source("raw_salesforce", "opportunity_history") }}),

    -- Salesforce keeps the close date in every history record, tracked field or not: a change of it
    -- is there even where nobody switched on field history.
    compared as (
        select
            id,
            opportunity_id,
            created_date,
            close_date,
            lag(close_date) over (
                partition by opportunity_id order by created_date, id
            ) as close_date_before
        from history
        where not coalesce(is_deleted, false)
    ),

    close_dates as (select * from compared where close_date <> close_date_before)

select
    'salesforce' as crm,
    id as change_id,
    opportunity_id as deal_id,
    'expected_close_date' as field,
    cast(close_date_before as {{ dbt.type_string() }}) as old_value,
    cast(close_date as {{ dbt.type_string() }}) as new_value,
    created_date as changed_at
from close_dates
union all
select
    'salesforce',
    id,
    opportunity_id,
    -- The same change of a close date stands in both; the one that is always kept is taken.
    case
        lower(field)
        when 'nextstep'
        then 'next_step'
        when 'leadsource'
        then 'lead_source'
        when 'forecastcategoryname'
        then 'forecast_category'
        when 'currencyisocode'
        then 'currency'
        when 'type'
        then 'deal_type'
        when 'loss_reason__c'
        then 'lost_reason'
        when 'owner'
        then 'owner_id'
        when 'account'
        then 'account_id'
        else lower(field)
    end,
    old_value,
    new_value,
    created_date
from field_history
where
    not coalesce(is_deleted, false)
    and lower(field) <> 'closedate'
    -- A change of a reference stands twice, once with names and once with ids.
    and not (lower(field) = 'owner' and coalesce(new_value, old_value) not like '005%')
    and not (lower(field) = 'account' and coalesce(new_value, old_value) not like '001%')
