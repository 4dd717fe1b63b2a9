with
    activities as (select * from {{ ref("int_activities") }}),

    told as (select * from {{ ref("int_evidence_told") }}),

    field_values as (select * from {{ ref("int_deal_field_values") }}),

    contact_roles as (select * from {{ ref("int_contact_roles") }}),

    deals as (select * from {{ ref("int_deals") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_keys") }}),

    crms as (select distinct crm from deals),

    told_of_activities as (
        select
            crm,
            count(minutes) > 0 as has_minutes,
            count(direction) > 0 as has_directions,
            count(is_customer_present) > 0 as has_attendance,
            count(contact_role) > 0 as has_roles,
            max(case when evidence_kind = 'customer_action' then 1 else 0 end)
            = 1 as has_customer_actions
        from activities
        group by crm
    ),

    filled_fields as (
        select distinct deals.crm, field_values.field
        from field_values
        inner join deals on field_values.deal_key = deals.deal_key
        where field_values.value_text is not null
    ),

    crms_with_contacts as (
        select distinct deals.crm
        from contact_roles
        inner join deals on contact_roles.deal_key = deals.deal_key
    ),

    told_keys as (select distinct crm, evidence_key from told),

    asked as (
        select
            crms.crm,
            conditions.*,
            condition_keys.subject_key,
            case
                when conditions.subject = 'activity'
                then 'activities'
                when conditions.subject = 'field'
                then 'deals'
                when conditions.subject = 'contact_role'
                then 'contact_roles'
                else 'evidence'
            end as input,
            case
                when conditions.subject = 'activity'
                then 'activity.' || condition_keys.subject_key
                else condition_keys.subject_key
            end as evidence_key
        from conditions
        inner join condition_keys on conditions.condition_id = condition_keys.condition_id
        cross join crms
    ),

    -- Evidence may be of any key at any time, so that nobody has recorded it yet is an answer. A
    -- field, a role, the length of a call or who came is told by the CRM for some deal, or by no
    -- record of it.
    answered as (
        select
            asked.condition_id,
            asked.crm,
            coalesce(inputs.is_fresh, false)
            and case
                when asked.subject = 'activity'
                then
                    (asked.at_least is null or coalesce(told_of_activities.has_minutes, false))
                    and (
                        not asked.has_directions
                        or coalesce(told_of_activities.has_directions, false)
                    )
                    and (
                        asked.is_customer_present is null
                        or coalesce(told_of_activities.has_attendance, false)
                    )
                    and (not asked.has_roles or coalesce(told_of_activities.has_roles, false))
                    and (
                        asked.criterion_kind <> 'customer_action'
                        or coalesce(told_of_activities.has_customer_actions, false)
                    )
                when asked.subject = 'field'
                then filled_fields.field is not null
                when asked.subject = 'contact_role'
                then crms_with_contacts.crm is not null
                else true
            end as is_answered,
            coalesce(inputs.is_fresh, false)
            and case
                when asked.subject = 'field'
                then filled_fields.field is not null
                when asked.subject = 'contact_role'
                then crms_with_contacts.crm is not null
                else told_keys.evidence_key is not null
            end as is_told,
            inputs.last_extracted_at
        from asked
        left join inputs on asked.crm = inputs.crm and asked.input = inputs.input
        left join told_of_activities on asked.crm = told_of_activities.crm
        left join
            filled_fields
            on asked.crm = filled_fields.crm
            and asked.subject_key = filled_fields.field
        left join crms_with_contacts on asked.crm = crms_with_contacts.crm
        left join
            told_keys on asked.crm = told_keys.crm and asked.evidence_key = told_keys.evidence_key
    )

select
    condition_id,
    crm,
    max(case when is_answered then 1 else 0 end) = 1 as is_answered,
    max(case when is_told then 1 else 0 end) = 1 as is_told,
    max(last_extracted_at) as known_until_at
from answered
group by condition_id, crm
