with
    tasks as (select * from {{ source("raw_salesforce", "task") }}),

    events as (select * from {{ source("raw_salesforce", "event") }}),

    completed_or_open_tasks as (
        select
            id as activity_id,
            what_id as deal_id,
            coalesce(type, task_subtype) as crm_activity_type,
            coalesce(completed_date_time, activity_date) as occurred_at,
            call_duration_in_seconds / 60.0 as minutes,
            case
                call_type when 'Inbound' then 'inbound' when 'Outbound' then 'outbound'
            end as direction,
            case when status = 'Completed' then 'held' else 'planned' end as status
        from tasks
        where not coalesce(is_deleted, false)
    ),

    -- Salesforce deletes a cancelled event, so one that stands and lies in the past was held.
    held_events as (
        select
            id as activity_id,
            what_id as deal_id,
            coalesce(type, event_subtype) as crm_activity_type,
            start_date_time as occurred_at,
            cast(duration_in_minutes as double precision) as minutes,
            cast(null as {{ dbt.type_string() }}) as direction,
            'held' as status
        from events
        where not coalesce(is_deleted, false)
    ),

    unioned as (
        select *
        from completed_or_open_tasks
        union all
        select *
        from held_events
    )

select
    'salesforce' as crm,
    activity_id,
    deal_id,
    crm_activity_type,
    occurred_at,
    minutes,
    direction,
    status,
    -- A task or event names its contact, not whether the contact came: attendance stays unknown.
    cast(null as boolean) as is_customer_present,
    cast(null as {{ dbt.type_string() }}) as crm_contact_role
from unioned
