with targets as (select * from {{ ref("int_targets") }})

select funnel, team, owner_key, period_start, period_end, amount_reporting, amount_exclusion
from targets
