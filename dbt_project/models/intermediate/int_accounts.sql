with
    generic_accounts as (select * from {{ ref("stg_generic__accounts") }}),

    salesforce_accounts as (select * from {{ ref("stg_salesforce__accounts") }}),

    hubspot_accounts as (select * from {{ ref("stg_hubspot__accounts") }}),

    pipedrive_accounts as (select * from {{ ref("stg_pipedrive__accounts") }}),

    dynamics_accounts as (select * from {{ ref("stg_dynamics__accounts") }}),

    fxiaoke_accounts as (select * from {{ ref("stg_fxiaoke__accounts") }}),

    unioned as (
        select *
        from generic_accounts
        union all
        select *
        from salesforce_accounts
        union all
        select *
        from hubspot_accounts
        union all
        select *
        from pipedrive_accounts
        union all
        select *
        from dynamics_accounts
        union all
        select *
        from fxiaoke_accounts
    )

select crm || ':' || account_id as account_key, unioned.*
from unioned
