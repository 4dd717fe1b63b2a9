with
    activities as (select * from {{ ref("int_activities") }}),

    evidence as (select * from {{ ref("int_evidence_records") }}),

    field_values as (select * from {{ ref("int_deal_field_values") }}),

    contact_roles as (select * from {{ ref("int_contact_roles") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_keys") }}),

    condition_terms as (select * from {{ ref("stg_standards__condition_terms") }}),

    evidence_kinds as (select * from {{ ref("stg_standards__evidence_kinds") }}),

    -- What is of a kind that the criterion does not accept, a seller's opinion of what the customer
    -- did, is no fact for it.
    asked as (
        select conditions.*, condition_keys.subject_key, evidence_kinds.evidence_kind
        from conditions
        inner join condition_keys on conditions.condition_id = condition_keys.condition_id
        inner join evidence_kinds on conditions.criterion_kind = evidence_kinds.criterion_kind
    ),

    asked_of_activities as (
        select asked.*, condition_terms.accepted_value as status
        from asked
        inner join condition_terms on asked.condition_id = condition_terms.condition_id
        where asked.subject = 'activity' and condition_terms.term = 'status'
    ),

    accepted_texts as (
        select condition_id, accepted_value from condition_terms where term = 'text'
    ),

    accepted_directions as (
        select condition_id, accepted_value from condition_terms where term = 'direction'
    ),

    accepted_roles as (
        select condition_id, accepted_value from condition_terms where term = 'attended_by'
    ),

    from_activities as (
        select
            asked_of_activities.condition_id,
            activities.deal_key,
            activities.occurred_at as true_from_at,
            cast(null as timestamp) as true_to_at,
            (
                asked_of_activities.at_least is null
                or coalesce(activities.minutes >= asked_of_activities.at_least, false)
            )
            and (
                asked_of_activities.is_customer_present is null
                or coalesce(
                    activities.is_customer_present = asked_of_activities.is_customer_present, false
                )
            )
            and (
                not asked_of_activities.has_directions
                or accepted_directions.accepted_value is not null
            )
            and (
                not asked_of_activities.has_roles or accepted_roles.accepted_value is not null
            ) as is_satisfying,
            false as is_blank,
            false as is_change,
            activities.activity_type as found_key,
            cast(activities.minutes as double precision) as found_number,
            case when asked_of_activities.has_roles then activities.contact_role end as found_text
        from activities
        inner join
            asked_of_activities
            on activities.activity_type = asked_of_activities.subject_key
            and activities.evidence_kind = asked_of_activities.evidence_kind
            and activities.status = asked_of_activities.status
        left join
            accepted_directions
            on asked_of_activities.condition_id = accepted_directions.condition_id
            and activities.direction = accepted_directions.accepted_value
        left join
            accepted_roles
            on asked_of_activities.condition_id = accepted_roles.condition_id
            and activities.contact_role = accepted_roles.accepted_value
    ),

    from_evidence as (
        select
            asked.condition_id,
            evidence.deal_key,
            evidence.observed_at as true_from_at,
            cast(null as timestamp) as true_to_at,
            (asked.at_least is null or coalesce(evidence.evidence_number >= asked.at_least, false))
            and (
                asked.at_most is null or coalesce(evidence.evidence_number <= asked.at_most, false)
            )
            and (not asked.has_texts or accepted_texts.accepted_value is not null) as is_satisfying,
            false as is_blank,
            false as is_change,
            evidence.evidence_key as found_key,
            evidence.evidence_number as found_number,
            evidence.evidence_text as found_text
        from evidence
        inner join
            asked
            on evidence.evidence_key = asked.subject_key
            and evidence.evidence_kind = asked.evidence_kind
        left join
            accepted_texts
            on asked.condition_id = accepted_texts.condition_id
            and lower(trim(evidence.evidence_text)) = accepted_texts.accepted_value
        where
            asked.subject = 'evidence'
            or (asked.subject = 'document' and evidence.evidence_kind = 'document')
    ),

    asked_of_fields as (select * from asked where subject = 'field' and evidence_kind = 'field'),

    valued as (
        select
            asked_of_fields.*,
            field_values.deal_key,
            field_values.field,
            field_values.value_text,
            field_values.value_number,
            case
                when asked_of_fields.is_date
                then field_values.value_day_number
                else field_values.value_number
            end as compared_number,
            field_values.valid_from_at,
            field_values.valid_to_at,
            field_values.is_change as is_changed_value
        from field_values
        inner join asked_of_fields on field_values.field = asked_of_fields.subject_key
    ),

    -- Where a field is compared with others, each stretch of time in which all of them stood still
    -- is a fact; while one of them is not known, there is none. Three stretches that overlap two by
    -- two have a stretch in common.
    bounded as (
        select
            valued.*,
            lower_values.value_number as lower_number,
            upper_values.value_number as upper_number,
            greatest(
                valued.valid_from_at, lower_values.valid_from_at, upper_values.valid_from_at
            ) as stands_from_at,
            least(
                valued.valid_to_at, lower_values.valid_to_at, upper_values.valid_to_at
            ) as stands_to_at
        from valued
        left join
            field_values as lower_values
            on valued.deal_key = lower_values.deal_key
            and valued.at_least_field = lower_values.field
            and (valued.valid_to_at is null or lower_values.valid_from_at < valued.valid_to_at)
            and (
                lower_values.valid_to_at is null or lower_values.valid_to_at > valued.valid_from_at
            )
        left join
            field_values as upper_values
            on valued.deal_key = upper_values.deal_key
            and valued.at_most_field = upper_values.field
            and (valued.valid_to_at is null or upper_values.valid_from_at < valued.valid_to_at)
            and (
                upper_values.valid_to_at is null or upper_values.valid_to_at > valued.valid_from_at
            )
            and (
                lower_values.valid_to_at is null
                or upper_values.valid_from_at < lower_values.valid_to_at
            )
            and (
                upper_values.valid_to_at is null
                or lower_values.valid_from_at is null
                or upper_values.valid_to_at > lower_values.valid_from_at
            )
        where
            (valued.at_least_field is null or lower_values.deal_key is not null)
            and (valued.at_most_field is null or upper_values.deal_key is not null)
    ),

    from_fields as (
        select
            bounded.condition_id,
            bounded.deal_key,
            bounded.stands_from_at as true_from_at,
            -- That a field was changed stays true whatever it is changed to later.
            case when not bounded.is_changed then bounded.stands_to_at end as true_to_at,
            (bounded.is_filled is null or (bounded.value_text is not null) = bounded.is_filled)
            and (
                bounded.at_least is null
                or coalesce(bounded.compared_number >= bounded.at_least, false)
            )
            and (
                bounded.at_most is null
                or coalesce(bounded.compared_number <= bounded.at_most, false)
            )
            and (
                bounded.at_least_field is null
                or coalesce(bounded.value_number >= bounded.lower_number, false)
            )
            and (
                bounded.at_most_field is null
                or coalesce(bounded.value_number <= bounded.upper_number, false)
            )
            and (not bounded.has_texts or accepted_texts.accepted_value is not null)
            and (not bounded.is_changed or bounded.is_changed_value) as is_satisfying,
            bounded.value_text is null as is_blank,
            bounded.is_changed_value as is_change,
            bounded.field as found_key,
            cast(null as double precision) as found_number,
            bounded.value_text as found_text
        from bounded
        left join
            accepted_texts
            on bounded.condition_id = accepted_texts.condition_id
            and lower(bounded.value_text) = accepted_texts.accepted_value
    ),

    -- A contact whose coming or going has no date proves something, but nobody knows of when.
    from_contact_roles as (
        select
            asked.condition_id,
            contact_roles.deal_key,
            case
                when not contact_roles.is_gone or contact_roles.removed_at is not null
                then contact_roles.added_at
            end as true_from_at,
            contact_roles.removed_at as true_to_at,
            true as is_satisfying,
            false as is_blank,
            false as is_change,
            contact_roles.contact_role as found_key,
            cast(null as double precision) as found_number,
            cast(null as {{ dbt.type_string() }}) as found_text
        from contact_roles
        inner join asked on contact_roles.contact_role = asked.subject_key
        where asked.subject = 'contact_role' and asked.evidence_kind = 'recorded_event'
    ),

    unioned as (
        select *
        from from_activities
        union all
        select *
        from from_evidence
        union all
        select *
        from from_fields
        union all
        select *
        from from_contact_roles
    )

select
    condition_id,
    deal_key,
    true_from_at,
    true_to_at,
    is_satisfying,
    is_blank,
    is_change,
    found_key,
    found_number,
    found_text
from unioned
