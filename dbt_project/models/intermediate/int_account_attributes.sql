with
    accounts as (select * from {{ ref("int_accounts") }}),

    generic_attributes as (select * from {{ ref("stg_generic__account_attributes") }}),

    salesforce_attributes as (select * from {{ ref("stg_salesforce__account_attributes") }}),

    hubspot_attributes as (select * from {{ ref("stg_hubspot__account_attributes") }}),

    pipedrive_attributes as (select * from {{ ref("stg_pipedrive__account_attributes") }}),

    dynamics_attributes as (select * from {{ ref("stg_dynamics__account_attributes") }}),

    fxiaoke_attributes as (select * from {{ ref("stg_fxiaoke__account_attributes") }}),

    further_attributes as (
        select *
        from generic_attributes
        union all
        select *
        from salesforce_attributes
        union all
        select *
        from hubspot_attributes
        union all
        select *
        from pipedrive_attributes
        union all
        select *
        from dynamics_attributes
        union all
        select *
        from fxiaoke_attributes
    ),

    tall as (
        select
            account_key,
            'industry' as attribute,
            industry as value_text,
            cast(null as double precision) as value_number
        from accounts
        union all
        select account_key, 'country', country, null
        from accounts
        union all
        select account_key, 'region', region, null
        from accounts
        union all
        select
            account_key,
            'employees',
            cast(employees as {{ dbt.type_string() }}),
            cast(employees as double precision)
        from accounts
        union all
        select
            account_key,
            'annual_revenue',
            cast(annual_revenue as {{ dbt.type_string() }}),
            cast(annual_revenue as double precision)
        from accounts
        union all
        select
            crm || ':' || account_id,
            attribute,
            attribute_value,
            {{ number_or_null("attribute_value") }}
        from further_attributes
    )

select account_key, attribute, value_text, value_number
from tall
where value_text is not null
