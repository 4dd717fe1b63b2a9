with
    segments as (select * from {{ ref("int_deal_segments") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    company as (select * from {{ ref("stg_standards__company") }})

-- A customer is what it was when the deal began: how well it fits tonight may have been learned
-- since.
select
    segments.deal_key,
    case
        when company.forecast_segment = 'icp_band'
        then scores.icp_band_at_creation
        else segments.segment_value
    end as segment
from segments
inner join company on segments.segment = company.forecast_segment
left join scores on segments.deal_key = scores.deal_key
