with
    source as (select * from {{ source("raw_pipedrive", "activity") }}),

    -- Pipedrive keeps due dates and times in UTC, in two fields.
    timed as (
        select
            source.*,
            {{ plus_minutes("cast(due_date as timestamp)", clock_minutes("due_time")) }} as due_at
        from source
        where
            deal_id is not null and coalesce(active_flag, true) and not coalesce(is_deleted, false)
    )

select
    'pipedrive' as crm,
    activity_id,
    deal_id,
    activity_type as crm_activity_type,
    -- What was done took place when it was due, or before, when it was ticked off before; a due
    -- date without a time says too little.
    case
        when done and (due_at is null or marked_as_done_time < due_at)
        then coalesce(marked_as_done_time, due_at, cast(due_date as timestamp))
        else coalesce(due_at, cast(due_date as timestamp))
    end as occurred_at,
    cast({{ clock_minutes("duration") }} as double precision) as minutes,
    cast(null as {{ dbt.type_string() }}) as direction,
    case when done then 'held' else 'planned' end as status,
    -- An activity names its people, not whether they came: attendance stays unknown.
    cast(null as boolean) as is_customer_present,
    cast(null as {{ dbt.type_string() }}) as crm_contact_role
from timed
