with
    generic_rows as (select * from {{ ref("stg_generic__leads") }}),

    salesforce_rows as (select * from {{ ref("stg_salesforce__leads") }}),

    hubspot_rows as (select * from {{ ref("stg_hubspot__leads") }}),

    dynamics_rows as (select * from {{ ref("stg_dynamics__leads") }}),

    fxiaoke_rows as (select * from {{ ref("stg_fxiaoke__leads") }}),

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
        from dynamics_rows
        union all
        select *
        from fxiaoke_rows
    )

select crm || ':' || lead_id as lead_key, unioned.*
from unioned
