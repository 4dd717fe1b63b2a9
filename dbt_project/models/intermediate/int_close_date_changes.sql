with
    field_changes as (select * from {{ ref("int_field_changes") }}),

    observations as (select * from {{ ref("int_deal_observations") }}),

    recorded as (
        select
            deal_key,
            change_key,
            {{ text_to_date("old_value") }} as date_before,
            {{ text_to_date("new_value") }} as date_after,
            changed_at,
            'crm_history' as change_source
        from field_changes
        where field = 'expected_close_date'
    ),

    deals_with_history as (select distinct deal_key from recorded),

    present as (select * from observations where is_present),

    compared as (
        select
            present.*,
            lag(expected_close_date) over (
                partition by deal_key order by observed_at
            ) as date_before
        from present
    ),

    -- Extracts tell what a CRM without history does not: the date was another the night before.
    observed as (
        select
            compared.deal_key,
            'extract/' || cast(compared.observed_at as {{ dbt.type_string() }}) as change_key,
            compared.date_before,
            compared.expected_close_date as date_after,
            compared.observed_at as changed_at,
            'nightly_difference' as change_source
        from compared
        left join deals_with_history on compared.deal_key = deals_with_history.deal_key
        where deals_with_history.deal_key is null
    ),

    unioned as (
        select *
        from recorded
        union all
        select *
        from observed
    )

select
    deal_key,
    change_key,
    date_before,
    date_after,
    {{ dbt.datediff("date_before", "date_after", "day") }} as moved_days,
    changed_at,
    change_source
from unioned
where date_after <> date_before
