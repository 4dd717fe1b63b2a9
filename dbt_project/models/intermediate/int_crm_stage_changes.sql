with
    generic_changes as (select * from {{ ref("stg_generic__stage_changes") }}),

    salesforce_changes as (select * from {{ ref("stg_salesforce__opportunity_history") }}),

    unioned as (
        select *
        from generic_changes
        union all
        select *
        from salesforce_changes
    )

select *
from unioned
