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
            compared.mix_id
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        inner join compared on deals.deal_key = compared.deal_key
        where
            deals.funnel is not null
            and deals.outcome is not null
            and positions.closed_at is not null
    ),

    funnels as (
        select
            funnel,
            count(*) as closed_deals,
            cast(sum(case when is_won then 1 else 0 end) as double precision) / count(*) as win_rate
        from closed
        group by funnel
    ),

    mixes as (
        select
            funnel, mix_id, count(*) as deals, sum(case when is_won then 1 else 0 end) as won_deals
        from closed
        group by funnel, mix_id
    ),

    ranked as (
        select
            mixes.funnel,
            mixes.mix_id,
            mixes.deals,
            funnels.closed_deals,
            sum(mixes.deals) over (
                partition by mixes.funnel
                order by
                    (mixes.won_deals + company.shrinkage_deals * funnels.win_rate)
                    / (mixes.deals + company.shrinkage_deals),
                    mixes.mix_id
                rows between unbounded preceding and current row
            ) as deals_up_to
        from mixes
        inner join funnels on mixes.funnel = funnels.funnel
        cross join company
    ),

    -- Thirds of the deals by how often deals of their customer fit and lead source are won: good
    -- customers grant more meetings and buy more. Every pair of the two by itself would leave no
    -- two deals alike.
    prospects as (
        select
            funnel,
            mix_id,
            closed_deals,
            floor(3.0 * (deals_up_to - deals / 2.0) / closed_deals) as prospect_class
        from ranked
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
inner join prospects on closed.funnel = prospects.funnel and closed.mix_id = prospects.mix_id
