with
    source as (select * from {{ source("raw_dynamics", "activity") }}),

    -- An appointment is often marked as held on the morning after, so its start counts; a call that
    -- was planned for later and is done already happened when it was done.
    timed as (
        select
            source.*,
            case
                when actual_start is not null
                then actual_start
                when sent_on is not null
                then sent_on
                when state_code = 1 and actual_end < scheduled_start
                then actual_end
                else coalesce(scheduled_start, actual_end, scheduled_end)
            end as occurred_at
        from source
        where not coalesce(is_deleted, false)
    )

select
    'dynamics' as crm,
    activity_id,
    regarding_object_id as deal_id,
    -- The category is where sellers say what an appointment was: a sales demo, a service call.
    coalesce(category, activity_type_code) as crm_activity_type,
    occurred_at,
    coalesce(actual_duration_minutes, scheduled_duration_minutes) as minutes,
    case when is_outgoing then 'outbound' when not is_outgoing then 'inbound' end as direction,
    case state_code when 1 then 'held' when 2 then 'cancelled' else 'planned' end as status,
    -- The attendees were invited; who came is not recorded.
    cast(null as boolean) as is_customer_present,
    cast(null as {{ dbt.type_string() }}) as crm_contact_role
from timed
