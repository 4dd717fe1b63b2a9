with
    generic_users as (select * from {{ ref("stg_generic__users") }}),

    salesforce_users as (select * from {{ ref("stg_salesforce__users") }}),

    unioned as (
        select *
        from generic_users
        union all
        select *
        from salesforce_users
    )

select crm || ':' || user_id as owner_key, user_name as owner_name, team
from unioned
