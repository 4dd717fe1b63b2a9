with
    criterion_deals as (select * from {{ ref("int_criterion_deals") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }})

select
    criterion_deals.deal_key,
    criteria.funnel,
    coalesce(criteria.stage, 'all') as stage,
    coalesce(criteria.severity, 'all') as severity,
    cast(sum(criterion_deals.passages) as integer) as asked,
    cast(sum(criterion_deals.met) as integer) as met,
    cast(sum(criterion_deals.late) as integer) as late,
    cast(sum(criterion_deals.waived) as integer) as waived,
    cast(sum(criterion_deals.missing) as integer) as missing,
    cast(sum(criterion_deals.failed) as integer) as failed,
    cast(sum(criterion_deals.not_evaluated) as integer) as not_evaluated
from criterion_deals
inner join criteria on criterion_deals.criterion_number = criteria.criterion_number
group by
    grouping sets (
        (criterion_deals.deal_key, criteria.funnel, criteria.stage, criteria.severity),
        (criterion_deals.deal_key, criteria.funnel, criteria.stage),
        (criterion_deals.deal_key, criteria.funnel, criteria.severity),
        (criterion_deals.deal_key, criteria.funnel)
    )
