with
    field_changes as (select * from {{ ref("int_field_changes") }}),

    observations as (select * from {{ ref("int_deal_observations") }}),

    recorded as (
        select
            deal_key,
            field,
            old_value as value_before,
            new_value as value_after,
            changed_at,
            change_key
        from field_changes
        where
            field in (
                'amount',
                'currency',
                'expected_close_date',
                'probability',
                'forecast_category',
                'owner_id',
                'account_id',
                'lead_source',
                'deal_type',
                'product'
            )
    ),

    recorded_fields as (select distinct deal_key, field from recorded),

    present as (select * from observations where is_present),

    -- One extract tells no change.
    seen_again as (select deal_key from present group by deal_key having count(*) > 1),

    comparable as (
        select present.*
        from present
        inner join seen_again on present.deal_key = seen_again.deal_key
    ),

    tall as (
        select
            deal_key,
            'amount' as field,
            cast(amount as {{ dbt.type_string() }}) as value_text,
            observed_at
        from comparable
        union all
        select deal_key, 'currency' as field, currency, observed_at
        from comparable
        union all
        select
            deal_key,
            'expected_close_date' as field,
            cast(expected_close_date as {{ dbt.type_string() }}),
            observed_at
        from comparable
        union all
        select
            deal_key,
            'probability' as field,
            cast(probability as {{ dbt.type_string() }}),
            observed_at
        from comparable
        union all
        select deal_key, 'forecast_category' as field, forecast_category, observed_at
        from comparable
        union all
        select deal_key, 'owner_id' as field, owner_id, observed_at
        from comparable
        union all
        select deal_key, 'account_id' as field, account_id, observed_at
        from comparable
        union all
        select deal_key, 'lead_source' as field, lead_source, observed_at
        from comparable
        union all
        select deal_key, 'deal_type' as field, deal_type, observed_at
        from comparable
        union all
        select deal_key, 'product' as field, product, observed_at
        from comparable
    ),

    compared as (
        select
            tall.*,
            lag(value_text) over (
                partition by tall.deal_key, tall.field order by observed_at
            ) as value_before,
            row_number() over (
                partition by tall.deal_key, tall.field order by observed_at
            ) as observation_number
        from tall
    ),

    -- Extracts tell what the CRM's own history does not.
    differing as (
        select
            compared.deal_key,
            compared.field,
            compared.value_before,
            compared.value_text as value_after,
            compared.observed_at as changed_at,
            '' as change_key
        from compared
        left join
            recorded_fields
            on compared.deal_key = recorded_fields.deal_key
            and compared.field = recorded_fields.field
        where
            compared.observation_number > 1
            and recorded_fields.deal_key is null
            and coalesce(compared.value_text, '') <> coalesce(compared.value_before, '')
    ),

    changes as (
        select *
        from recorded
        union all
        select *
        from differing
    ),

    in_order as (
        select
            changes.*,
            row_number() over (
                partition by deal_key, field order by changed_at, change_key
            ) as change_number,
            lead(changed_at) over (
                partition by deal_key, field order by changed_at, change_key
            ) as next_changed_at
        from changes
    )

select
    deal_key,
    field,
    nullif(trim(value_before), '') as value_text,
    cast(null as timestamp) as valid_from_at,
    changed_at as valid_to_at
from in_order
where change_number = 1
union all
select
    deal_key,
    field,
    nullif(trim(value_after), '') as value_text,
    changed_at as valid_from_at,
    next_changed_at as valid_to_at
from in_order
