with
    observations as (select * from {{ ref("int_deal_observations") }}),

    attribute_observations as (select * from {{ ref("int_deal_attribute_observations") }}),

    field_changes as (select * from {{ ref("int_field_changes") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_keys") }}),

    -- Values are kept of what some condition asks for, and of nothing else.
    asked_fields as (
        select condition_keys.subject_key as field
        from condition_keys
        inner join conditions on condition_keys.condition_id = conditions.condition_id
        where conditions.subject = 'field'
        union
        select at_least_field
        from conditions
        where at_least_field is not null
        union
        select at_most_field
        from conditions
        where at_most_field is not null
    ),

    asked_changes as (
        select field_changes.*, asked_fields.field as asked_field
        from field_changes
        inner join asked_fields on lower(field_changes.field) = asked_fields.field
        union all
        select field_changes.*, asked_fields.field as asked_field
        from field_changes
        inner join asked_fields on 'x_' || lower(field_changes.field) = asked_fields.field
    ),

    recorded as (
        select
            asked_changes.deal_key,
            deals.crm,
            deals.is_departed,
            deals.created_at,
            asked_changes.asked_field as field,
            nullif(trim(asked_changes.old_value), '') as value_before,
            nullif(trim(asked_changes.new_value), '') as value_text,
            asked_changes.changed_at,
            asked_changes.change_key
        from asked_changes
        inner join deals on asked_changes.deal_key = deals.deal_key
    ),

    recorded_in_order as (
        select
            recorded.*,
            row_number() over (
                partition by deal_key, field order by changed_at, change_key
            ) as change_number,
            lead(changed_at) over (
                partition by deal_key, field order by changed_at, change_key
            ) as next_changed_at
        from recorded
    ),

    -- A CRM keeps the history of a field from when somebody switched it on.
    tracked_fields as (
        select crm, field, min(changed_at) as tracked_from_at
        from recorded
        where not is_departed
        group by crm, field
    ),

    changed as (
        select
            deal_key,
            field,
            value_text,
            changed_at as valid_from_at,
            next_changed_at as valid_to_at,
            true as is_change
        from recorded_in_order
    ),

    before_the_first_change as (
        select
            recorded_in_order.deal_key,
            recorded_in_order.field,
            recorded_in_order.value_before as value_text,
            case
                when recorded_in_order.created_at > tracked_fields.tracked_from_at
                then recorded_in_order.created_at
                else tracked_fields.tracked_from_at
            end as valid_from_at,
            recorded_in_order.changed_at as valid_to_at,
            false as is_change
        from recorded_in_order
        inner join
            tracked_fields
            on recorded_in_order.crm = tracked_fields.crm
            and recorded_in_order.field = tracked_fields.field
        where recorded_in_order.change_number = 1
    ),

    deals_with_history as (select deal_key, field from recorded_in_order where change_number = 1),

    observed as (
        select
            observations.deal_key,
            asked_fields.field,
            cast(observations.amount as {{ dbt.type_string() }}) as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'amount'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            observations.currency as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'currency'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            cast(observations.expected_close_date as {{ dbt.type_string() }}) as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'expected_close_date'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            observations.next_step as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'next_step'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            cast(observations.probability as {{ dbt.type_string() }}) as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'probability'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            observations.forecast_category as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'forecast_category'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            observations.lead_source as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'lead_source'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            observations.deal_type as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'deal_type'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            observations.product as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'product'
        where observations.is_present
        union all
        select
            observations.deal_key,
            asked_fields.field,
            observations.lost_reason as value_text,
            observations.modified_at,
            observations.observed_at,
            observations.previous_observed_at
        from observations
        inner join asked_fields on asked_fields.field = 'lost_reason'
        where observations.is_present
        union all
        select
            attribute_observations.deal_key,
            asked_fields.field,
            attribute_observations.attribute_value,
            cast(null as timestamp),
            attribute_observations.observed_at,
            attribute_observations.previous_observed_at
        from attribute_observations
        inner join asked_fields on asked_fields.field = 'x_' || attribute_observations.attribute
        where attribute_observations.is_present
    ),

    compared as (
        select
            observed.deal_key,
            observed.field,
            nullif(trim(observed.value_text), '') as value_text,
            observed.modified_at,
            observed.observed_at,
            observed.previous_observed_at,
            row_number() over (
                partition by observed.deal_key, observed.field order by observed.observed_at
            ) as observation_number,
            lag(nullif(trim(observed.value_text), '')) over (
                partition by observed.deal_key, observed.field order by observed.observed_at
            ) as value_before
        from observed
        left join
            deals_with_history
            on observed.deal_key = deals_with_history.deal_key
            and observed.field = deals_with_history.field
        where deals_with_history.deal_key is null
    ),

    -- An extract tells of other changes too; a value begins where it is another.
    differing as (
        select
            compared.*,
            {{ day_starts_at("compared.observed_at", "company.time_zone") }} as observed_day_at,
            count(*) over (partition by compared.deal_key, compared.field) as values_seen
        from compared
        cross join company
        where
            compared.observation_number = 1
            or coalesce(compared.value_text, '') <> coalesce(compared.value_before, '')
    ),

    -- The first value was there when the record was last changed before it was seen; a change
    -- between two extracts is dated as a change of stage is.
    dated as (
        select
            differing.deal_key,
            differing.field,
            differing.value_text,
            differing.observed_at,
            differing.observation_number > 1 as is_change,
            case
                when differing.observation_number = 1 and differing.values_seen = 1
                then tracked_fields.tracked_from_at
            end as tracked_from_at,
            deals.created_at,
            case
                when differing.observation_number = 1
                then
                    case
                        when differing.modified_at < differing.observed_at
                        then differing.modified_at
                        else differing.observed_at
                    end
                when
                    differing.modified_at > differing.previous_observed_at
                    and differing.modified_at <= differing.observed_at
                then differing.modified_at
                when differing.observed_day_at > differing.previous_observed_at
                then differing.observed_day_at
                else differing.previous_observed_at
            end as seen_from_at
        from differing
        inner join deals on differing.deal_key = deals.deal_key
        left join
            tracked_fields
            on deals.crm = tracked_fields.crm
            and differing.field = tracked_fields.field
    ),

    -- Where the CRM keeps the history of a field and tells no change, its value was always the
    -- same.
    begun as (
        select
            dated.*,
            case
                when tracked_from_at is null or seen_from_at <= tracked_from_at
                then seen_from_at
                when created_at > seen_from_at
                then seen_from_at
                when created_at > tracked_from_at
                then created_at
                else tracked_from_at
            end as valid_from_at
        from dated
    ),

    seen as (
        select
            deal_key,
            field,
            value_text,
            valid_from_at,
            lead(valid_from_at) over (
                partition by deal_key, field order by observed_at
            ) as valid_to_at,
            is_change
        from begun
    ),

    unioned as (
        select *
        from changed
        union all
        select *
        from before_the_first_change
        where valid_from_at < valid_to_at
        union all
        select *
        from seen
    )

select
    deal_key,
    field,
    value_text,
    {{ number_or_null("value_text") }} as value_number,
    {{ dbt.datediff("cast('1970-01-01' as date)", text_to_date("value_text"), "day") }}
    as value_day_number,
    valid_from_at,
    valid_to_at,
    is_change
from unioned
