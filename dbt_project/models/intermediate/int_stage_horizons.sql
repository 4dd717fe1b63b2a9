with quantiles as (select * from {{ ref("int_duration_quantiles") }})

select
    funnel,
    stage,
    -- Nine of ten visits have ended by then; where so few have ended yet that the curve does not
    -- get there, the longest it tells.
    coalesce(p90_days, p80_days, p75_days, p50_days, p25_days) as horizon_days
from quantiles
where measure = 'visit' and segment = 'all'
