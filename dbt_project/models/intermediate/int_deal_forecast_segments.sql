with
    deals as (select * from {{ ref("int_known_deals") }}),

    segments as (select * from {{ ref("int_deal_segment_names") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- Where deals stand without a customer, the customer is named on the way, at the close at the
    -- latest: that a deal has one tells how far it came. One in a hundred is a slip of the pen.
    crms_naming_customers_at_once as (
        select crm
        from deals
        where not is_departed
        group by crm
        having count(*) - count(account_key) <= 0.01 * count(*)
    ),

    -- A customer is what it was when the deal began: how well it fits tonight may have been learned
    -- since.
    bands as (
        select
            deals.deal_key,
            case
                when crms_naming_customers_at_once.crm is null
                then 'unknown'
                else scores.icp_band_at_creation
            end as icp_band
        from deals
        left join crms_naming_customers_at_once on deals.crm = crms_naming_customers_at_once.crm
        left join scores on deals.deal_key = scores.deal_key
    )

select
    segments.deal_key,
    bands.icp_band,
    case
        when company.forecast_segment = 'icp_band' then bands.icp_band else segments.segment_value
    end as segment
from segments
inner join company on segments.segment = company.forecast_segment
inner join bands on segments.deal_key = bands.deal_key
