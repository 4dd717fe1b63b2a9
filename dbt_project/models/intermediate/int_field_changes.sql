with
    generic_changes as (select * from {{ ref("stg_generic__field_changes") }}),

    salesforce_changes as (select * from {{ ref("stg_salesforce__field_changes") }}),

    hubspot_changes as (select * from {{ ref("stg_hubspot__field_changes") }}),

    pipedrive_changes as (select * from {{ ref("stg_pipedrive__field_changes") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    unioned as (
        select *
        from generic_changes
        union all
        select *
        from salesforce_changes
        union all
        select *
        from hubspot_changes
        union all
        select *
        from pipedrive_changes
    )

select
    unioned.crm || ':' || unioned.deal_id as deal_key,
    unioned.crm || ':' || unioned.change_id as change_key,
    unioned.field,
    unioned.old_value,
    unioned.new_value,
    unioned.changed_at
from unioned
cross join clock
where unioned.changed_at < clock.as_of_at
