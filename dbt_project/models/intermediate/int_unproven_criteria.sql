with
    evaluations as (select * from {{ ref("int_gate_evaluations") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    asks as (select * from {{ ref("int_criterion_asks") }}),

    asked as (
        select criteria.criterion_id, criteria.version, asks.ask_number
        from criteria
        inner join
            asks
            on criteria.criterion_id = asks.criterion_id
            and criteria.definition = asks.definition
    ),

    -- An undated passage was at the deal's first change. Proof that its grace let in counts from
    -- the passage on.
    passages as (
        select
            asked.ask_number,
            evaluations.deal_key,
            coalesce(evaluations.passed_at, cast('1970-01-01' as timestamp)) as passed_at,
            evaluations.outcome,
            case
                when evaluations.outcome = 'met'
                then coalesce(evaluations.passed_at, cast('1970-01-01' as timestamp))
                else evaluations.evidence_at
            end as proven_at
        from evaluations
        inner join
            asked
            on evaluations.criterion_id = asked.criterion_id
            and evaluations.funnel_version = asked.version
    )

select
    ask_number,
    deal_key,
    min(case when outcome not in ('met', 'not_evaluated') then passed_at end) as missed_at,
    min(case when outcome = 'not_evaluated' then passed_at end) as unknown_at,
    min(proven_at) as proven_at
from passages
group by ask_number, deal_key
having max(case when outcome = 'met' then 0 else 1 end) = 1
