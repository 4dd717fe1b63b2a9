with
    checks as (select * from {{ ref("int_deal_data_checks") }}),

    visits as (select * from {{ ref("deal_visits") }}),

    unioned as (
        select
            'closed_before_created' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            cast(closed_at as {{ dbt.type_string() }}) as found
        from checks
        where closed_before_created = 1
        union all
        select
            'created_in_future' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            cast(created_at as {{ dbt.type_string() }}) as found
        from checks
        where created_in_future = 1
        union all
        select
            'amount_negative' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            cast(amount as {{ dbt.type_string() }}) as found
        from checks
        where amount_negative = 1
        union all
        select
            'amount_unconverted' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            currency as found
        from checks
        where amount_unconverted = 1
        union all
        select
            'probability_out_of_range' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            cast(probability as {{ dbt.type_string() }}) as found
        from checks
        where probability_out_of_range = 1
        union all
        select
            'owner_missing' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            cast(null as {{ dbt.type_string() }}) as found
        from checks
        where owner_missing = 1
        union all
        select
            'owner_unknown' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            owner_key as found
        from checks
        where owner_unknown = 1
        union all
        select
            'account_unknown' as expectation,
            'deals_current' as table_name,
            deal_key as row_key,
            deal_key,
            account_key as found
        from checks
        where account_unknown = 1
        union all
        select
            'visit_ends_before_it_begins' as expectation,
            'deal_visits' as table_name,
            visit_id as row_key,
            deal_key,
            cast(exited_at as {{ dbt.type_string() }}) as found
        from visits
        where exited_at < entered_at
    )

select expectation, table_name, row_key, deal_key, found
from unioned
