with
    evaluations as (select * from {{ ref("int_gate_evaluations") }}),

    statuses as (
        select
            criterion_id,
            deal_key,
            visit_id,
            funnel,
            funnel_version,
            passed_at,
            to_stage,
            case when outcome <> 'met' and is_late then 'late' else outcome end as status
        from evaluations
    )

select *
from statuses
