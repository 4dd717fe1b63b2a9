with
    traits as (select * from {{ ref("int_deal_traits") }}),

    segments as (select * from {{ ref("stg_standards__segments") }})

select
    traits.deal_key,
    traits.is_departed,
    segments.segment,
    case
        when segments.segment = 'all'
        then 'all'
        else
            coalesce(
                case
                    segments.segment
                    when 'icp_band'
                    then traits.icp_band
                    when 'lead_source'
                    then traits.lead_source
                    when 'owner'
                    then traits.owner
                    when 'team'
                    then traits.team
                    when 'amount_band'
                    then traits.amount_band
                    when 'region'
                    then traits.region
                    when 'product'
                    then traits.product
                    when 'deal_type'
                    then traits.deal_type
                end,
                '(none)'
            )
    end as segment_value
from traits
cross join segments
