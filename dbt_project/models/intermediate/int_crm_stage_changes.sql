with
    generic_changes as (select * from {{ ref("stg_generic__stage_changes") }}),

    salesforce_changes as (select * from {{ ref("stg_salesforce__opportunity_history") }}),

    dynamics_changes as (select * from {{ ref("stg_dynamics__stage_changes") }}),

    unioned as (
        select *
        from generic_changes
        union all
        select *
        from salesforce_changes
        union all
        select *
        from dynamics_changes
    )

select *
from unioned
