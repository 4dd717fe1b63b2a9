with
    evaluations as (select * from {{ ref("int_gate_evaluations") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    -- An undated passage was at the deal's first change. Proof that its grace let in counts from
    -- the passage on.
    passages as (
        select
            criteria.criterion_number,
            evaluations.deal_key,
            coalesce(evaluations.passed_at, cast('1970-01-01' as timestamp)) as passed_at,
            evaluations.outcome,
            case
                when evaluations.outcome = 'met'
                then coalesce(evaluations.passed_at, cast('1970-01-01' as timestamp))
                else evaluations.evidence_at
            end as proven_at
        from evaluations
        inner join criteria on evaluations.criterion_id = criteria.criterion_id
    )

select
    criterion_number,
    deal_key,
    min(case when outcome not in ('met', 'not_evaluated') then passed_at end) as missed_at,
    min(case when outcome = 'not_evaluated' then passed_at end) as unknown_at,
    min(proven_at) as proven_at
from passages
group by criterion_number, deal_key
having max(case when outcome = 'met' then 0 else 1 end) = 1
