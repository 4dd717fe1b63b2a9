with observations as (select * from {{ ref("int_deal_observations") }})

select deal_key, min(observed_at) as first_observed_at
from observations
where is_present
group by deal_key
