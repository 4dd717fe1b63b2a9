with
    engagements as (select * from {{ source("raw_hubspot", "engagement") }}),

    all_calls as (select * from {{ source("raw_hubspot", "engagement_call") }}),

    all_emails as (select * from {{ source("raw_hubspot", "engagement_email") }}),

    all_meetings as (select * from {{ source("raw_hubspot", "engagement_meeting") }}),

    notes as (select * from {{ source("raw_hubspot", "engagement_note") }}),

    all_tasks as (select * from {{ source("raw_hubspot", "engagement_task") }}),

    associations as (select * from {{ source("raw_hubspot", "engagement_deal") }}),

    -- Older tables of Fivetran have names of their own, tables of both times both.
    calls as (
        select
            engagement_id,
            activity_type,
            direction,
            occurred_at,
            coalesce(duration_ms, old_duration_ms) as duration_ms,
            coalesce(call_status, old_status) as call_status,
            coalesce(disposition, old_disposition) as disposition,
            coalesce(is_deleted, false)
            or coalesce(archived, false)
            or coalesce(fivetran_deleted, false) as is_gone
        from all_calls
    ),

    emails as (
        select
            engagement_id,
            direction,
            occurred_at,
            coalesce(email_status, old_status) as email_status,
            coalesce(is_deleted, false)
            or coalesce(archived, false)
            or coalesce(fivetran_deleted, false) as is_gone
        from all_emails
    ),

    meetings as (
        select
            engagement_id,
            activity_type,
            occurred_at,
            coalesce(outcome, old_outcome) as outcome,
            coalesce(starts_at, old_starts_at) as starts_at,
            coalesce(ends_at, old_ends_at) as ends_at,
            coalesce(is_deleted, false)
            or coalesce(archived, false)
            or coalesce(fivetran_deleted, false) as is_gone
        from all_meetings
    ),

    tasks as (
        select
            engagement_id,
            occurred_at,
            coalesce(task_status, old_status) as task_status,
            coalesce(completed_at, old_completed_at) as completed_at,
            coalesce(is_deleted, false)
            or coalesce(archived, false)
            or coalesce(fivetran_deleted, false) as is_gone
        from all_tasks
    ),

    -- Fivetran keeps the deals of an engagement in a table, others in the engagement.
    associated as (
        select engagement_id, deal_id
        from associations
        union all
        select engagement_id, {{ rows_of_list("deal_ids", ";") }} as deal_id
        from all_calls
        where deal_ids is not null
        union all
        select engagement_id, {{ rows_of_list("deal_ids", ";") }} as deal_id
        from all_emails
        where deal_ids is not null
        union all
        select engagement_id, {{ rows_of_list("deal_ids", ";") }} as deal_id
        from all_meetings
        where deal_ids is not null
        union all
        select engagement_id, {{ rows_of_list("deal_ids", ";") }} as deal_id
        from notes
        where deal_ids is not null
        union all
        select engagement_id, {{ rows_of_list("deal_ids", ";") }} as deal_id
        from all_tasks
        where deal_ids is not null
    ),

    about_deals as (select distinct engagement_id, trim(deal_id) as deal_id from associated),

    -- A call logged by hand has no status. The disposition is HubSpot's own for a call that
    -- reached somebody.
    from_calls as (
        select
            engagement_id,
            coalesce(activity_type, 'call') as crm_activity_type,
            occurred_at,
            duration_ms / 60000.0 as minutes,
            case
                direction when 'INBOUND' then 'inbound' when 'OUTBOUND' then 'outbound'
            end as direction,
            case
                when call_status is null or call_status = 'COMPLETED'
                then 'held'
                when call_status in ('BUSY', 'CANCELED', 'FAILED', 'MISSED', 'NO_ANSWER')
                then 'cancelled'
                else 'planned'
            end as status,
            case
                when disposition = 'f240bbac-87c9-4f6e-bf70-924b57d47db7' then true
            end as is_customer_present,
            is_gone
        from calls
    ),

    from_emails as (
        select
            engagement_id,
            'email' as crm_activity_type,
            occurred_at,
            cast(null as double precision) as minutes,
            case
                direction when 'INCOMING_EMAIL' then 'inbound' when 'EMAIL' then 'outbound'
            end as direction,
            case
                when email_status in ('BOUNCED', 'FAILED')
                then 'cancelled'
                when email_status in ('SCHEDULED', 'SENDING')
                then 'planned'
                else 'held'
            end as status,
            cast(null as boolean) as is_customer_present,
            is_gone
        from emails
    ),

    -- The outcome says whether the meeting took place and whether the customer came; SCHEDULED is
    -- what it says until somebody looks. Meetings logged afterwards have none.
    from_meetings as (
        select
            engagement_id,
            coalesce(activity_type, 'meeting') as crm_activity_type,
            coalesce(starts_at, occurred_at) as occurred_at,
            {{ minutes_between("starts_at", "ends_at") }} as minutes,
            cast(null as {{ dbt.type_string() }}) as direction,
            case
                when outcome is null or outcome = 'COMPLETED'
                then 'held'
                when outcome in ('CANCELED', 'NO_SHOW', 'RESCHEDULED')
                then 'cancelled'
                else 'planned'
            end as status,
            case
                outcome when 'COMPLETED' then true when 'NO_SHOW' then false
            end as is_customer_present,
            is_gone
        from meetings
    ),

    from_notes as (
        select
            engagement_id,
            'note' as crm_activity_type,
            occurred_at,
            cast(null as double precision) as minutes,
            'internal' as direction,
            'held' as status,
            cast(null as boolean) as is_customer_present,
            coalesce(is_deleted, false)
            or coalesce(archived, false)
            or coalesce(fivetran_deleted, false) as is_gone
        from notes
    ),

    from_tasks as (
        select
            engagement_id,
            'task' as crm_activity_type,
            case
                when task_status = 'COMPLETED'
                then coalesce(completed_at, occurred_at)
                else occurred_at
            end as occurred_at,
            cast(null as double precision) as minutes,
            cast(null as {{ dbt.type_string() }}) as direction,
            case when task_status = 'COMPLETED' then 'held' else 'planned' end as status,
            cast(null as boolean) as is_customer_present,
            is_gone
        from tasks
    ),

    unioned as (
        select *
        from from_calls
        union all
        select *
        from from_emails
        union all
        select *
        from from_meetings
        union all
        select *
        from from_notes
        union all
        select *
        from from_tasks
    )

select
    'hubspot' as crm,
    -- An engagement may be about several deals.
    unioned.engagement_id || '/' || about_deals.deal_id as activity_id,
    about_deals.deal_id,
    unioned.crm_activity_type,
    coalesce(unioned.occurred_at, engagements.occurred_at) as occurred_at,
    unioned.minutes,
    unioned.direction,
    unioned.status,
    unioned.is_customer_present,
    cast(null as {{ dbt.type_string() }}) as crm_contact_role
from unioned
inner join about_deals on unioned.engagement_id = about_deals.engagement_id
left join engagements on unioned.engagement_id = engagements.engagement_id
where not unioned.is_gone
