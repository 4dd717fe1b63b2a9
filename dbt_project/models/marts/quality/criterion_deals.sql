with
    criterion_deals as (select * from {{ ref("int_criterion_deals") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }})

select
    criteria.funnel,
    criteria.criterion_id,
    criterion_deals.deal_key,
    criterion_deals.side,
    criterion_deals.first_status,
    criterion_deals.came_to,
    criterion_deals.side in ('met', 'not_met') and criterion_deals.came_to <> 'open' as is_compared
from criterion_deals
inner join criteria on criterion_deals.criterion_number = criteria.criterion_number
where criterion_deals.is_in_funnel
