with
    activities as (select * from {{ ref("int_activities") }}),

    deals as (select * from {{ ref("int_deals") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_keys") }}),

    asked_types as (
        select distinct criteria.funnel, condition_keys.subject_key as activity_type
        from conditions
        inner join condition_keys on conditions.condition_id = condition_keys.condition_id
        inner join criteria on conditions.criterion_version_id = criteria.criterion_version_id
        where conditions.subject = 'activity'
    )

select
    activities.activity_key,
    activities.deal_key,
    activities.crm,
    activities.occurred_at,
    activities.direction,
    activities.evidence_kind = 'customer_action' as is_by_customer,
    asked_types.funnel is not null as is_asked_at_gates
from activities
inner join deals on activities.deal_key = deals.deal_key
left join
    asked_types
    on deals.funnel = asked_types.funnel
    and activities.activity_type = asked_types.activity_type
where activities.status = 'held' and coalesce(activities.direction, '') <> 'internal'
