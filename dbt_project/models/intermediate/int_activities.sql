with
    generic_activities as (select * from {{ ref("stg_generic__activities") }}),

    salesforce_activities as (select * from {{ ref("stg_salesforce__activities") }}),

    hubspot_activities as (select * from {{ ref("stg_hubspot__activities") }}),

    pipedrive_activities as (select * from {{ ref("stg_pipedrive__activities") }}),

    dynamics_activities as (select * from {{ ref("stg_dynamics__activities") }}),

    fxiaoke_activities as (select * from {{ ref("stg_fxiaoke__activities") }}),

    type_names as (select * from {{ ref("stg_standards__activity_types") }}),

    role_names as (select * from {{ ref("stg_standards__contact_role_names") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    unioned as (
        select *
        from generic_activities
        union all
        select *
        from salesforce_activities
        union all
        select *
        from hubspot_activities
        union all
        select *
        from pipedrive_activities
        union all
        select *
        from dynamics_activities
        union all
        select *
        from fxiaoke_activities
    )

select
    unioned.crm || ':' || unioned.activity_id as activity_key,
    unioned.crm || ':' || unioned.deal_id as deal_key,
    unioned.crm,
    coalesce(type_names.activity_type, lower(unioned.crm_activity_type)) as activity_type,
    unioned.occurred_at,
    unioned.minutes,
    unioned.direction,
    unioned.status,
    unioned.is_customer_present,
    -- The customer acted where the customer was there or wrote first; what is planned or was
    -- cancelled is no act of theirs.
    case
        when
            unioned.status = 'held'
            and (unioned.is_customer_present or unioned.direction = 'inbound')
        then 'customer_action'
        else 'recorded_event'
    end as evidence_kind,
    coalesce(role_names.contact_role, lower(unioned.crm_contact_role)) as contact_role
from unioned
cross join clock
left join type_names on lower(unioned.crm_activity_type) = type_names.crm_name
left join role_names on lower(unioned.crm_contact_role) = role_names.crm_name
where unioned.occurred_at < clock.as_of_at
