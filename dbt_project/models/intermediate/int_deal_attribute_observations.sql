with
    generic_observations as (select * from {{ ref("stg_generic__deal_attribute_observations") }}),

    salesforce_observations as (
        select * from {{ ref("stg_salesforce__deal_attribute_observations") }}
    ),

    hubspot_observations as (select * from {{ ref("stg_hubspot__deal_attribute_observations") }}),

    pipedrive_observations as (
        select * from {{ ref("stg_pipedrive__deal_attribute_observations") }}
    ),

    dynamics_observations as (select * from {{ ref("stg_dynamics__deal_attribute_observations") }}),

    fxiaoke_observations as (select * from {{ ref("stg_fxiaoke__deal_attribute_observations") }}),

    unioned as (
        select *
        from generic_observations
        union all
        select *
        from salesforce_observations
        union all
        select *
        from hubspot_observations
        union all
        select *
        from pipedrive_observations
        union all
        select *
        from dynamics_observations
        union all
        select *
        from fxiaoke_observations
    )

select
    crm || ':' || deal_id as deal_key,
    crm,
    attribute,
    attribute_value,
    is_present,
    observed_at,
    previous_observed_at
from unioned
