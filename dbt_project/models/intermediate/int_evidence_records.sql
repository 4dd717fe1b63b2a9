with
    generic_evidence as (select * from {{ ref("stg_generic__evidence") }}),

    dynamics_evidence as (select * from {{ ref("stg_dynamics__evidence") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    unioned as (
        select *
        from generic_evidence
        union all
        select *
        from dynamics_evidence
    )

select
    unioned.crm || ':' || unioned.deal_id as deal_key,
    unioned.crm,
    unioned.evidence_key,
    unioned.observed_at,
    unioned.evidence_kind,
    cast(unioned.evidence_number as double precision) as evidence_number,
    unioned.evidence_text,
    unioned.source_id
from unioned
cross join clock
where unioned.observed_at < clock.as_of_at
