with
    generic_users as (select * from {{ ref("stg_generic__users") }}),

    salesforce_users as (select * from {{ ref("stg_salesforce__users") }}),

    hubspot_users as (select * from {{ ref("stg_hubspot__users") }}),

    pipedrive_users as (select * from {{ ref("stg_pipedrive__users") }}),

    dynamics_users as (select * from {{ ref("stg_dynamics__users") }}),

    fxiaoke_users as (select * from {{ ref("stg_fxiaoke__users") }}),

    unioned as (
        select *
        from generic_users
        union all
        select *
        from salesforce_users
        union all
        select *
        from hubspot_users
        union all
        select *
        from pipedrive_users
        union all
        select *
        from dynamics_users
        union all
        select *
        from fxiaoke_users
    )

select crm || ':' || user_id as owner_key, user_name as owner_name, team
from unioned
