with
    activities as (select * from {{ ref("int_activities") }}),

    generic_evidence as (select * from {{ ref("stg_generic__evidence") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- Only what took place is evidence: a planned or cancelled demo proves nothing. The customer
    -- acted where
    -- the customer was there or wrote first.
    from_activities as (
        select
            deal_key,
            'activity.' || activity_type as evidence_key,
            occurred_at as observed_at,
            case
                when is_customer_present or direction = 'inbound'
                then 'customer_action'
                else 'recorded_event'
            end as evidence_kind,
            cast(minutes as double precision) as evidence_number,
            cast(null as {{ dbt.type_string() }}) as evidence_text,
            contact_role,
            'activities' as source_object,
            activity_key as source_id
        from activities
        where status = 'held'
    ),

    from_evidence as (
        select
            generic_evidence.crm || ':' || generic_evidence.deal_id as deal_key,
            generic_evidence.evidence_key,
            generic_evidence.observed_at,
            generic_evidence.evidence_kind,
            cast(generic_evidence.evidence_number as double precision) as evidence_number,
            generic_evidence.evidence_text,
            cast(null as {{ dbt.type_string() }}) as contact_role,
            'evidence' as source_object,
            generic_evidence.source_id
        from generic_evidence
        cross join clock
        where generic_evidence.observed_at < clock.as_of_at
    )

select *
from from_activities
union all
select *
from from_evidence
