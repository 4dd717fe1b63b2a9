with
    generic_observations as (select * from {{ ref("stg_generic__deal_observations") }}),

    salesforce_observations as (
        select * from {{ ref("stg_salesforce__opportunity_observations") }}
    ),

    hubspot_observations as (select * from {{ ref("stg_hubspot__deal_observations") }}),

    pipedrive_observations as (select * from {{ ref("stg_pipedrive__deal_observations") }}),

    dynamics_observations as (select * from {{ ref("stg_dynamics__opportunity_observations") }}),

    fxiaoke_observations as (select * from {{ ref("stg_fxiaoke__opportunity_observations") }}),

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
    deal_id,
    crm_funnel_name,
    crm_stage_name,
    stage_entered_at,
    amount,
    expected_close_date,
    currency,
    next_step,
    probability,
    forecast_category,
    lead_source,
    deal_type,
    product,
    lost_reason,
    owner_id,
    account_id,
    created_at,
    closed_at,
    modified_at,
    is_present,
    observed_at,
    previous_observed_at
from unioned
