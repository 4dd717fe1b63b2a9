with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    traits as (
        select
            deals.deal_key,
            deals.funnel,
            deals.owner_key,
            coalesce(scores.icp_band_at_creation, 'unknown') as icp_band_at_creation,
            coalesce(deals.lead_source, '(none)') as lead_source,
            case
                when deals.outcome = 'won' then 'won' when deals.is_open then 'open' else 'other'
            end as came_to,
            case when deals.is_open then clock.as_of_at else positions.closed_at end as ended_at
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        cross join clock
        left join scores on deals.deal_key = scores.deal_key
    ),

    found as (select distinct icp_band_at_creation, lead_source from traits),

    numbered as (
        select
            found.*,
            cast(
                row_number() over (order by icp_band_at_creation, lead_source) as integer
            ) as mix_id
        from found
    )

select
    traits.deal_key,
    traits.funnel,
    traits.owner_key,
    numbered.mix_id,
    traits.icp_band_at_creation,
    traits.lead_source,
    traits.came_to,
    {{ microseconds_since_1970("traits.ended_at") }} as ended_microseconds
from traits
inner join
    numbered
    on traits.icp_band_at_creation = numbered.icp_band_at_creation
    and traits.lead_source = numbered.lead_source
