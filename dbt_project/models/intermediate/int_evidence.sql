with
    activities as (select * from {{ ref("int_activities") }}),

    generic_evidence as (select * from {{ ref("stg_generic__evidence") }}),

    dynamics_evidence as (select * from {{ ref("stg_dynamics__evidence") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- Only what took place is evidence: a planned or cancelled demo proves nothing.
    from_activities as (
        select
            deal_key,
            crm,
            'activity.' || activity_type as evidence_key,
            occurred_at as observed_at,
            evidence_kind,
            cast(minutes as double precision) as evidence_number,
            cast(null as {{ dbt.type_string() }}) as evidence_text,
            contact_role,
            'activities' as source_object,
            activity_key as source_id
        from activities
        where status = 'held'
    ),

    unioned as (
        select *
        from generic_evidence
        union all
        select *
        from dynamics_evidence
    ),

    from_evidence as (
        select
            unioned.crm || ':' || unioned.deal_id as deal_key,
            unioned.crm,
            unioned.evidence_key,
            unioned.observed_at,
            unioned.evidence_kind,
            cast(unioned.evidence_number as double precision) as evidence_number,
            unioned.evidence_text,
            cast(null as {{ dbt.type_string() }}) as contact_role,
            'evidence' as source_object,
            unioned.source_id
        from unioned
        cross join clock
        where unioned.observed_at < clock.as_of_at
    )

select *
from from_activities
union all
select *
from from_evidence
