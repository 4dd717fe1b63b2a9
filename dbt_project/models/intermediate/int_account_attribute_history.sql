with
    observations as (select * from {{ ref("int_account_observations") }}),

    attribute_observations as (select * from {{ ref("int_account_attribute_observations") }}),

    versions as (
        select
            observations.*,
            lead(observed_at) over (
                partition by account_key order by observed_at
            ) as valid_until_at,
            min(observed_at) over (partition by account_key) as first_seen_at
        from observations
    ),

    first_seen as (select distinct account_key, first_seen_at from versions),

    attribute_versions as (
        select
            attribute_observations.*,
            lead(attribute_observations.observed_at) over (
                partition by attribute_observations.account_key, attribute_observations.attribute
                order by attribute_observations.observed_at
            ) as valid_until_at,
            first_seen.first_seen_at
        from attribute_observations
        inner join first_seen on attribute_observations.account_key = first_seen.account_key
    ),

    tall as (
        select
            account_key,
            'industry' as attribute,
            industry as value_text,
            cast(null as double precision) as value_number,
            observed_at,
            valid_until_at,
            first_seen_at
        from versions
        where is_present
        union all
        select account_key, 'country', country, null, observed_at, valid_until_at, first_seen_at
        from versions
        where is_present
        union all
        select account_key, 'region', region, null, observed_at, valid_until_at, first_seen_at
        from versions
        where is_present
        union all
        select
            account_key,
            'employees',
            cast(employees as {{ dbt.type_string() }}),
            cast(employees as double precision),
            observed_at,
            valid_until_at,
            first_seen_at
        from versions
        where is_present
        union all
        select
            account_key,
            'annual_revenue',
            cast(annual_revenue as {{ dbt.type_string() }}),
            cast(annual_revenue as double precision),
            observed_at,
            valid_until_at,
            first_seen_at
        from versions
        where is_present
        union all
        select
            account_key,
            attribute,
            attribute_value,
            {{ number_or_null("attribute_value") }},
            observed_at,
            valid_until_at,
            first_seen_at
        from attribute_versions
        where is_present
    )

select
    account_key,
    attribute,
    value_text,
    value_number,
    -- What an account was when it was first seen is the best that can be said of the time before.
    case when observed_at > first_seen_at then observed_at end as valid_from_at,
    valid_until_at
from tall
where value_text is not null
