with
    generic_deals as (select * from {{ ref("stg_generic__deals") }}),

    salesforce_opportunities as (select * from {{ ref("stg_salesforce__opportunities") }}),

    hubspot_deals as (select * from {{ ref("stg_hubspot__deals") }}),

    pipedrive_deals as (select * from {{ ref("stg_pipedrive__deals") }}),

    dynamics_opportunities as (select * from {{ ref("stg_dynamics__opportunities") }}),

    fxiaoke_opportunities as (select * from {{ ref("stg_fxiaoke__opportunities") }}),

    unioned as (
        select *
        from generic_deals
        union all
        select *
        from salesforce_opportunities
        union all
        select *
        from hubspot_deals
        union all
        select *
        from pipedrive_deals
        union all
        select *
        from dynamics_opportunities
        union all
        select *
        from fxiaoke_opportunities
    )

select *
from unioned
