with
    generic_deals as (select * from {{ ref("stg_generic__deals") }}),

    salesforce_opportunities as (select * from {{ ref("stg_salesforce__opportunities") }}),

    unioned as (
        select *
        from generic_deals
        union all
        select *
        from salesforce_opportunities
    )

select *
from unioned
