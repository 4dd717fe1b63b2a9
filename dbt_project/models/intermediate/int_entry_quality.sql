with
    entries as (select * from {{ ref("int_stage_entries") }}),

    traits as (select * from {{ ref("int_compared_deals") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    leads as (
        select
            entries.funnel,
            entries.stage,
            traits.icp_band_at_creation,
            traits.lead_source,
            count(*) as deals,
            sum(case when entries.is_advanced then 1 else 0 end) as advanced
        from entries
        inner join traits on entries.deal_key = traits.deal_key
        group by entries.funnel, entries.stage, traits.icp_band_at_creation, traits.lead_source
    ),

    -- Half a deal on either side, so that a stage from which all went on has finite odds.
    totals as (
        select
            funnel, stage, sum(deals) as deals, (sum(advanced) + 0.5) / (sum(deals) + 1.0) as rate
        from leads
        group by funnel, stage
    ),

    values_of_leads as (
        select
            funnel, stage, 'icp_band' as trait, icp_band_at_creation as trait_value, deals, advanced
        from leads
        union all
        select funnel, stage, 'lead_source' as trait, lead_source as trait_value, deals, advanced
        from leads
    ),

    counted as (
        select funnel, stage, trait, trait_value, sum(deals) as deals, sum(advanced) as advanced
        from values_of_leads
        group by funnel, stage, trait, trait_value
    ),

    shrunken as (
        select
            counted.funnel,
            counted.stage,
            counted.trait,
            counted.trait_value,
            (counted.advanced + company.shrinkage_deals * totals.rate)
            / (counted.deals + company.shrinkage_deals) as rate,
            totals.rate as stage_rate
        from counted
        inner join totals on counted.funnel = totals.funnel and counted.stage = totals.stage
        cross join company
    ),

    terms as (
        select shrunken.*, ln(rate / (1 - rate)) - ln(stage_rate / (1 - stage_rate)) as log_odds
        from shrunken
    ),

    scored as (
        select
            leads.funnel,
            leads.stage,
            leads.icp_band_at_creation,
            leads.lead_source,
            leads.deals,
            leads.icp_band_at_creation = 'unknown' and leads.lead_source = '(none)' as is_unknown,
            cast(bands.log_odds + sources.log_odds as decimal(28, 10)) as score
        from leads
        inner join
            terms as bands
            on leads.funnel = bands.funnel
            and leads.stage = bands.stage
            and bands.trait = 'icp_band'
            and leads.icp_band_at_creation = bands.trait_value
        inner join
            terms as sources
            on leads.funnel = sources.funnel
            and leads.stage = sources.stage
            and sources.trait = 'lead_source'
            and leads.lead_source = sources.trait_value
    ),

    -- Thirds of the deals whose lead is known; of those with one score all are in one class.
    placed as (
        select
            scored.*,
            sum(case when is_unknown then 0 else deals end) over (
                partition by funnel, stage
            ) as known_deals,
            sum(case when is_unknown then 0 else deals end) over (
                partition by funnel, stage
                order by score
                range between unbounded preceding and current row
            ) as deals_up_to,
            sum(case when is_unknown then 0 else deals end) over (
                partition by funnel, stage, score
            ) as deals_alike
        from scored
    )

select
    funnel,
    stage,
    icp_band_at_creation,
    lead_source,
    cast(score as double precision) as score,
    case
        when is_unknown
        then 'unknown'
        when 3 * (deals_up_to - deals_alike) + 1.5 * deals_alike < known_deals
        then 'weak'
        when 3 * (deals_up_to - deals_alike) + 1.5 * deals_alike < 2 * known_deals
        then 'middle'
        else 'strong'
    end as quality_class
from placed
