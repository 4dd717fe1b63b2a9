with
    activities as (select * from {{ ref("int_activities") }}),

    records as (select * from {{ ref("int_evidence_records") }})

-- Only what took place is evidence: a planned or cancelled demo proves nothing.
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
union all
select
    deal_key,
    crm,
    evidence_key,
    observed_at,
    evidence_kind,
    evidence_number,
    evidence_text,
    cast(null as {{ dbt.type_string() }}) as contact_role,
    'evidence' as source_object,
    source_id
from records
