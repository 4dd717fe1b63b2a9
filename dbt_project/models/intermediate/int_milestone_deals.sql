with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    compared as (select * from {{ ref("int_compared_deals") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    closed as (
        select
            deals.deal_key,
            deals.funnel,
            deals.outcome = 'won' as is_won,
            deals.created_at,
            positions.closed_at,
            compared.icp_band_at_creation,
            compared.lead_source
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        inner join compared on deals.deal_key = compared.deal_key
        where
            deals.funnel is not null
            and deals.outcome is not null
            and positions.closed_at is not null
    ),

    -- Half a deal on either side, so that a funnel that won all has finite odds.
    funnels as (
        select
            funnel,
            count(*) as closed_deals,
            (sum(case when is_won then 1 else 0 end) + 0.5) / (count(*) + 1.0) as win_rate
        from closed
        group by funnel
    ),

    mixes as (
        select
            funnel,
            icp_band_at_creation,
            lead_source,
            count(*) as deals,
            sum(case when is_won then 1 else 0 end) as won_deals
        from closed
        group by funnel, icp_band_at_creation, lead_source
    ),

    traits as (
        select funnel, 'icp_band' as trait, icp_band_at_creation as trait_value, deals, won_deals
        from mixes
        union all
        select funnel, 'lead_source' as trait, lead_source as trait_value, deals, won_deals
        from mixes
    ),

    values_told as (
        select funnel, trait, trait_value, sum(deals) as deals, sum(won_deals) as won_deals
        from traits
        group by funnel, trait, trait_value
    ),

    -- A source of one deal has the win rate of that deal: it would say of each such deal how it
    -- ended, and deals would be compared with those that ended alike. What too few others have
    -- counts as one.
    levels as (
        select
            values_told.*,
            case
                when values_told.deals > company.minimum_n
                then values_told.trait_value
                else '(other)'
            end as level
        from values_told
        cross join company
    ),

    counted as (
        select funnel, trait, level, sum(deals) as deals, sum(won_deals) as won_deals
        from levels
        group by funnel, trait, level
    ),

    -- All the small ones together may still be few; then they are as the funnel is.
    rates as (
        select
            counted.funnel,
            counted.trait,
            counted.level,
            funnels.win_rate as funnel_rate,
            case
                when counted.deals > company.minimum_n
                then
                    (counted.won_deals + company.shrinkage_deals * funnels.win_rate)
                    / (counted.deals + company.shrinkage_deals)
                else funnels.win_rate
            end as win_rate
        from counted
        inner join funnels on counted.funnel = funnels.funnel
        cross join company
    ),

    terms as (
        select
            levels.funnel,
            levels.trait,
            levels.trait_value,
            ln(rates.win_rate / (1 - rates.win_rate))
            - ln(rates.funnel_rate / (1 - rates.funnel_rate)) as log_odds
        from levels
        inner join
            rates
            on levels.funnel = rates.funnel
            and levels.trait = rates.trait
            and levels.level = rates.level
    ),

    scored as (
        select
            mixes.funnel,
            mixes.icp_band_at_creation,
            mixes.lead_source,
            mixes.deals,
            cast(bands.log_odds + sources.log_odds as decimal(28, 10)) as score
        from mixes
        inner join
            terms as bands
            on mixes.funnel = bands.funnel
            and bands.trait = 'icp_band'
            and mixes.icp_band_at_creation = bands.trait_value
        inner join
            terms as sources
            on mixes.funnel = sources.funnel
            and sources.trait = 'lead_source'
            and mixes.lead_source = sources.trait_value
    ),

    placed as (
        select
            scored.*,
            sum(deals) over (
                partition by funnel order by score range between unbounded preceding and current row
            ) as deals_up_to,
            sum(deals) over (partition by funnel, score) as deals_alike
        from scored
    ),

    -- Thirds of the deals by how often deals of their customer fit and lead source are won: good
    -- customers grant more meetings and buy more. Every pair of the two by itself would leave no
    -- two deals alike. Of those with one score all are in one class.
    prospects as (
        select
            placed.funnel,
            placed.icp_band_at_creation,
            placed.lead_source,
            funnels.closed_deals,
            case
                when 3 * (deals_up_to - deals_alike) + 1.5 * deals_alike < funnels.closed_deals
                then 0
                when 3 * (deals_up_to - deals_alike) + 1.5 * deals_alike < 2 * funnels.closed_deals
                then 1
                else 2
            end as prospect_class
        from placed
        inner join funnels on placed.funnel = funnels.funnel
    )

select
    closed.deal_key,
    closed.funnel,
    closed.is_won,
    closed.created_at,
    closed.closed_at,
    cast(prospects.prospect_class as bigint) as prospect_class,
    -- The more deals, the smaller a bias shows as an effect, and the finer the classes of time in
    -- which deals count as alike; with few deals fine classes would leave nobody to compare with.
    cast(greatest(floor(ln(prospects.closed_deals) / ln(10.0) + 1e-9), 2) as bigint) as time_steps
from closed
inner join
    prospects
    on closed.funnel = prospects.funnel
    and closed.icp_band_at_creation = prospects.icp_band_at_creation
    and closed.lead_source = prospects.lead_source
