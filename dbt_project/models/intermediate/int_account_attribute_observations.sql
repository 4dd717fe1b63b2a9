with
    generic_rows as (select * from {{ ref("stg_generic__account_attribute_observations") }}),

    salesforce_rows as (select * from {{ ref("stg_salesforce__account_attribute_observations") }}),

    hubspot_rows as (select * from {{ ref("stg_hubspot__account_attribute_observations") }}),

    pipedrive_rows as (select * from {{ ref("stg_pipedrive__account_attribute_observations") }}),

    dynamics_rows as (select * from {{ ref("stg_dynamics__account_attribute_observations") }}),

    fxiaoke_rows as (select * from {{ ref("stg_fxiaoke__account_attribute_observations") }}),

    unioned as (
        select *
        from generic_rows
        union all
        select *
        from salesforce_rows
        union all
        select *
        from hubspot_rows
        union all
        select *
        from pipedrive_rows
        union all
        select *
        from dynamics_rows
        union all
        select *
        from fxiaoke_rows
    )

select crm || ':' || account_id as account_key, unioned.*
from unioned
