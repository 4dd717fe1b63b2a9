with
    generic_changes as (select * from {{ ref("stg_generic__stage_changes") }}),

    salesforce_changes as (select * from {{ ref("stg_salesforce__opportunity_history") }}),

    hubspot_changes as (select * from {{ ref("stg_hubspot__stage_changes") }}),

    pipedrive_changes as (select * from {{ ref("stg_pipedrive__stage_changes") }}),

    dynamics_changes as (select * from {{ ref("stg_dynamics__stage_changes") }}),

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
        union all
        select *
        from dynamics_changes
    )

select *
from unioned
