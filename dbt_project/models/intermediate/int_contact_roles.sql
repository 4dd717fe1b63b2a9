with
    generic_roles as (select * from {{ ref("stg_generic__contact_roles") }}),

    salesforce_roles as (select * from {{ ref("stg_salesforce__contact_roles") }}),

    hubspot_roles as (select * from {{ ref("stg_hubspot__contact_roles") }}),

    role_names as (select * from {{ ref("stg_standards__contact_role_names") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    unioned as (
        select *
        from generic_roles
        union all
        select *
        from salesforce_roles
        union all
        select *
        from hubspot_roles
    )

select
    unioned.crm || ':' || unioned.deal_id as deal_key,
    unioned.crm || ':' || unioned.contact_id as contact_key,
    coalesce(role_names.contact_role, lower(unioned.crm_contact_role)) as contact_role,
    unioned.added_at,
    -- Who leaves after as-of is still there.
    case when unioned.removed_at < clock.as_of_at then unioned.removed_at end as removed_at,
    unioned.is_removed and coalesce(unioned.removed_at < clock.as_of_at, true) as is_gone
from unioned
cross join clock
left join role_names on lower(unioned.crm_contact_role) = role_names.crm_name
where unioned.added_at is null or unioned.added_at < clock.as_of_at
