with
    activities as (select * from {{ ref("int_activities") }}),

    records as (select * from {{ ref("int_evidence_records") }}),

    contact_roles as (select * from {{ ref("int_contact_roles") }}),

    facts as (select * from {{ ref("int_condition_facts") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_keys") }}),

    evidence_kinds as (select * from {{ ref("stg_standards__evidence_kinds") }}),

    deals as (select * from {{ ref("int_deals") }}),

    held as (
        select
            deal_key,
            activity_type,
            contact_role,
            min(occurred_at) as first_at,
            max(case when evidence_kind = 'customer_action' then 1 else 0 end) as is_by_customer
        from activities
        where status = 'held' and activity_type is not null
        group by deal_key, activity_type, contact_role
    ),

    from_activities as (
        select
            deal_key,
            'activity:' || activity_type as milestone,
            'activity' as subject,
            activity_type as subject_key,
            cast(null as {{ dbt.type_string() }}) as contact_role,
            min(first_at) as first_at,
            max(is_by_customer) as is_by_customer
        from held
        group by deal_key, activity_type
        union all
        select
            deal_key,
            'activity:' || activity_type || ':' || contact_role as milestone,
            'activity' as subject,
            activity_type as subject_key,
            contact_role,
            first_at,
            is_by_customer
        from held
        where contact_role is not null
    ),

    -- What one funnel's gates ask for says nothing of a deal in another. A condition of no
    -- criterion,
    -- one of the company's profile, is asked of all.
    asked as (
        select
            conditions.condition_id, conditions.subject, conditions.criterion_kind, criteria.funnel
        from conditions
        left join criteria on conditions.criterion_version_id = criteria.criterion_version_id
        where conditions.subject in ('evidence', 'document')
    ),

    asked_keys as (
        select distinct asked.funnel, asked.subject, condition_keys.subject_key
        from asked
        inner join condition_keys on asked.condition_id = condition_keys.condition_id
    ),

    -- Where the standards say which answer counts, one that says no is no milestone.
    asked_facts as (
        select
            facts.deal_key,
            asked.subject,
            facts.found_key as subject_key,
            min(facts.true_from_at) as first_at,
            max(
                case when asked.criterion_kind = 'customer_action' then 1 else 0 end
            ) as is_by_customer
        from facts
        inner join asked on facts.condition_id = asked.condition_id
        inner join deals on facts.deal_key = deals.deal_key
        where facts.is_satisfying and coalesce(asked.funnel = deals.funnel, asked.funnel is null)
        group by facts.deal_key, asked.subject, facts.found_key
    ),

    -- What no standard accepts of anybody, a seller's opinion, is no milestone either.
    accepted_kinds as (select distinct evidence_kind from evidence_kinds),

    kept_records as (
        select
            records.deal_key,
            case
                when records.evidence_kind = 'document' then 'document' else 'evidence'
            end as subject,
            records.evidence_key as subject_key,
            records.observed_at,
            records.evidence_kind
        from records
        inner join accepted_kinds on records.evidence_kind = accepted_kinds.evidence_kind
        where coalesce(records.evidence_number, 1) <> 0
    ),

    other_facts as (
        select
            kept_records.deal_key,
            kept_records.subject,
            kept_records.subject_key,
            min(kept_records.observed_at) as first_at,
            max(
                case when kept_records.evidence_kind = 'customer_action' then 1 else 0 end
            ) as is_by_customer
        from kept_records
        inner join deals on kept_records.deal_key = deals.deal_key
        left join
            asked_keys
            on kept_records.subject = asked_keys.subject
            and kept_records.subject_key = asked_keys.subject_key
            and (asked_keys.funnel is null or deals.funnel = asked_keys.funnel)
        where asked_keys.subject_key is null
        group by kept_records.deal_key, kept_records.subject, kept_records.subject_key
    ),

    from_evidence as (
        select *
        from asked_facts
        union all
        select *
        from other_facts
    ),

    from_contact_roles as (
        select deal_key, contact_role, min(added_at) as first_at
        from contact_roles
        where added_at is not null and contact_role is not null
        group by deal_key, contact_role
    ),

    unioned as (
        select *
        from from_activities
        union all
        select
            deal_key,
            subject || ':' || subject_key as milestone,
            subject,
            subject_key,
            cast(null as {{ dbt.type_string() }}) as contact_role,
            first_at,
            is_by_customer
        from from_evidence
        where first_at is not null
        union all
        select
            deal_key,
            'contact_role:' || contact_role as milestone,
            'contact_role' as subject,
            contact_role as subject_key,
            contact_role,
            first_at,
            0 as is_by_customer
        from from_contact_roles
    )

select
    unioned.deal_key,
    deals.funnel,
    unioned.milestone,
    unioned.subject,
    unioned.subject_key,
    unioned.contact_role,
    unioned.first_at,
    unioned.is_by_customer = 1 as is_by_customer
from unioned
inner join deals on unioned.deal_key = deals.deal_key
where deals.funnel is not null
