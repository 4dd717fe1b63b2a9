with
    entries as (select * from {{ ref("int_stage_entries") }}),

    traits as (select * from {{ ref("int_compared_deals") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    leads_by_quarter as (
        select
            entries.funnel,
            entries.stage,
            entries.entered_quarter,
            traits.icp_band_at_creation,
            traits.lead_source,
            count(*) as deals,
            sum(case when entries.is_advanced then 1 else 0 end) as advanced
        from entries
        inner join traits on entries.deal_key = traits.deal_key
        group by
            entries.funnel,
            entries.stage,
            entries.entered_quarter,
            traits.icp_band_at_creation,
            traits.lead_source
    ),

    leads as (
        select
            funnel,
            stage,
            icp_band_at_creation,
            lead_source,
            sum(deals) as deals,
            sum(advanced) as advanced
        from leads_by_quarter
        group by funnel, stage, icp_band_at_creation, lead_source
    ),

    -- Half a deal on either side, so that a stage from which all went on has finite odds.
    totals as (
        select
            funnel, stage, sum(deals) as deals, (sum(advanced) + 0.5) / (sum(deals) + 1.0) as rate
        from leads
        group by funnel, stage
    ),

    traits_by_quarter as (
        select
            funnel,
            stage,
            entered_quarter,
            'icp_band' as trait,
            icp_band_at_creation as trait_value,
            deals,
            advanced
        from leads_by_quarter
        union all
        select
            funnel,
            stage,
            entered_quarter,
            'lead_source' as trait,
            lead_source as trait_value,
            deals,
            advanced
        from leads_by_quarter
    ),

    values_by_quarter as (
        select
            funnel,
            stage,
            trait,
            trait_value,
            entered_quarter,
            sum(deals) as deals,
            sum(advanced) as advanced
        from traits_by_quarter
        group by funnel, stage, trait, trait_value, entered_quarter
    ),

    -- What is known of a value outside the quarter that it mostly belongs to: a campaign of one
    -- quarter would be scored by the very outcome that it is to explain.
    elsewhere as (
        select funnel, stage, trait, trait_value, sum(deals) - max(deals) as deals_elsewhere
        from values_by_quarter
        group by funnel, stage, trait, trait_value
    ),

    levels as (
        select
            elsewhere.funnel,
            elsewhere.stage,
            elsewhere.trait,
            elsewhere.trait_value,
            case
                when elsewhere.deals_elsewhere >= company.minimum_n
                then elsewhere.trait_value
                else '(other)'
            end as level
        from elsewhere
        cross join company
    ),

    levels_by_quarter as (
        select
            levels.funnel,
            levels.stage,
            levels.trait,
            levels.level,
            values_by_quarter.entered_quarter,
            sum(values_by_quarter.deals) as deals,
            sum(values_by_quarter.advanced) as advanced
        from levels
        inner join
            values_by_quarter
            on levels.funnel = values_by_quarter.funnel
            and levels.stage = values_by_quarter.stage
            and levels.trait = values_by_quarter.trait
            and levels.trait_value = values_by_quarter.trait_value
        group by
            levels.funnel,
            levels.stage,
            levels.trait,
            levels.level,
            values_by_quarter.entered_quarter
    ),

    counted as (
        select
            funnel,
            stage,
            trait,
            level,
            sum(deals) as deals,
            sum(advanced) as advanced,
            sum(deals) - max(deals) as deals_elsewhere
        from levels_by_quarter
        group by funnel, stage, trait, level
    ),

    -- All the small ones together may still be of one quarter; then they are as the stage is.
    shrunken as (
        select
            counted.funnel,
            counted.stage,
            counted.trait,
            counted.level,
            case
                when counted.deals_elsewhere < company.minimum_n
                then totals.rate
                else
                    (counted.advanced + company.shrinkage_deals * totals.rate)
                    / (counted.deals + company.shrinkage_deals)
            end as rate,
            totals.rate as stage_rate
        from counted
        inner join totals on counted.funnel = totals.funnel and counted.stage = totals.stage
        cross join company
    ),

    terms as (
        select
            levels.funnel,
            levels.stage,
            levels.trait,
            levels.trait_value,
            ln(shrunken.rate / (1 - shrunken.rate))
            - ln(shrunken.stage_rate / (1 - shrunken.stage_rate)) as log_odds
        from levels
        inner join
            shrunken
            on levels.funnel = shrunken.funnel
            and levels.stage = shrunken.stage
            and levels.trait = shrunken.trait
            and levels.level = shrunken.level
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
