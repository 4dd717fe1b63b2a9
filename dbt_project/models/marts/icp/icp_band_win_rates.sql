with
    deals as (select * from {{ ref("int_deals") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    bands as (select * from {{ ref("stg_standards__icp_bands") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    closed as (
        select
            deals.funnel,
            scores.icp_band_at_creation as icp_band,
            case when deals.outcome = 'won' then 1 else 0 end as won
        from deals
        inner join scores on deals.deal_key = scores.deal_key
        where deals.outcome is not null and deals.funnel is not null
    ),

    counted as (
        select funnel, icp_band, count(*) as closed_deals, sum(won) as won_deals
        from closed
        group by funnel, icp_band
        union all
        select 'all', icp_band, count(*), sum(won)
        from closed
        group by icp_band
    ),

    funnels as (
        select distinct funnel
        from counted
        union
        select 'all'
    ),

    band_names as (
        select band as icp_band, minimum_score
        from bands
        union all
        select 'unknown', cast(null as double precision)
    ),

    -- A band without a closed deal has a row too: that it has none is told, not left out.
    rated as (
        select
            funnels.funnel,
            band_names.icp_band,
            band_names.minimum_score,
            cast(coalesce(counted.closed_deals, 0) as bigint) as closed_deals,
            cast(coalesce(counted.won_deals, 0) as bigint) as won_deals,
            coalesce(counted.closed_deals, 0) < company.minimum_n as is_insufficient_history
        from funnels
        cross join band_names
        cross join company
        left join
            counted on funnels.funnel = counted.funnel and band_names.icp_band = counted.icp_band
    ),

    -- Every band against every one below it, where both have history enough: two small steps
    -- down can be noise each and a fall together.
    pairs as (
        select
            better.funnel,
            better.icp_band,
            worse.icp_band as other_band,
            worse.minimum_score as other_minimum_score,
            cast(worse.won_deals as double precision) / worse.closed_deals
            - cast(better.won_deals as double precision) / better.closed_deals as excess,
            cast(better.won_deals + worse.won_deals as double precision)
            / (better.closed_deals + worse.closed_deals) as pooled,
            1.0 / better.closed_deals + 1.0 / worse.closed_deals as sizes
        from rated as better
        inner join
            rated as worse
            on better.funnel = worse.funnel
            and better.minimum_score > worse.minimum_score
        where not better.is_insufficient_history and not worse.is_insufficient_history
    ),

    tested as (
        select pairs.*, excess / sqrt(nullif(pooled * (1 - pooled) * sizes, 0)) as z
        from pairs
        where excess > 0
    ),

    ranked as (
        select
            tested.*,
            row_number() over (
                partition by funnel, icp_band order by z desc, other_minimum_score desc
            ) as place
        from tested
    ),

    outwon as (select * from ranked where place = 1),

    compared as (select distinct funnel, icp_band from pairs)

select
    rated.funnel,
    rated.icp_band,
    rated.minimum_score,
    rated.closed_deals,
    rated.won_deals,
    cast(rated.won_deals as double precision) / nullif(rated.closed_deals, 0) as win_rate,
    {{ wilson_low("rated.won_deals", "rated.closed_deals") }} as win_rate_low,
    {{ wilson_high("rated.won_deals", "rated.closed_deals") }} as win_rate_high,
    rated.is_insufficient_history,
    outwon.other_band as outwon_by_band,
    outwon.excess as outwon_by,
    outwon.z as outwon_z,
    -- 1.645: a difference that chance alone makes in one case of twenty, looking one way.
    case
        when rated.minimum_score is null
        then 'not_ranked'
        when rated.is_insufficient_history
        then 'insufficient_history'
        when outwon.z > 1.6448536269514722
        then 'out_of_order'
        when outwon.z is not null
        then 'out_of_order_within_noise'
        when compared.icp_band is null and rated.minimum_score > 0
        then 'nothing_to_compare'
        else 'in_order'
    end as band_order
from rated
left join outwon on rated.funnel = outwon.funnel and rated.icp_band = outwon.icp_band
left join compared on rated.funnel = compared.funnel and rated.icp_band = compared.icp_band
