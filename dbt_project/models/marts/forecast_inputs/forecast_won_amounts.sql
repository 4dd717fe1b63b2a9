with deals as (select * from {{ ref("deals_current") }})

select
    funnel,
    count(*) as won_deals,
    count(amount_reporting) as won_deals_with_amount,
    cast(sum(amount_reporting) as decimal(38, 2)) as won_amount
from deals
where outcome = 'won' and funnel is not null
group by funnel
