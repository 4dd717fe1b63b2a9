with
    measures as (select * from {{ ref("int_owner_measures") }}),

    scaled as (
        select
            measures.*, case when measure = 'dwell' then 10000.0 else 1000000.0 end as units_of_one
        from measures
    ),

    totals as (
        select
            measure,
            funnel,
            stage,
            mix_id,
            max(units_of_one) as units_of_one,
            cast(sum(deals) as double precision) as deals,
            cast(sum(units) as double precision) as units,
            cast(sum(squared_units) as double precision) as squared_units,
            min(least_units) = max(most_units) as is_constant
        from scaled
        group by measure, funnel, stage, mix_id
    ),

    strata as (
        select
            totals.*,
            units / deals / units_of_one as mean_value,
            case
                when is_constant
                then 0.0
                else
                    greatest(squared_units - units * units / deals, 0.0)
                    / (deals - 1)
                    / (units_of_one * units_of_one)
            end as variance
        from totals
    ),

    -- Were owners interchangeable, the deals of an owner would be drawn from each stratum by lot:
    -- their expected sum is the mean of the stratum times their number, and chance_variance that of
    -- a sample without replacement (of shares: the hypergeometric). Where a stratum has one owner
    -- only, there is nobody to compare with.
    terms as (
        select
            scaled.measure,
            scaled.funnel,
            scaled.stage,
            scaled.owner_key,
            scaled.deals,
            scaled.units,
            scaled.units_of_one,
            case when strata.deals > scaled.deals then scaled.deals else 0 end as comparable_deals,
            cast(
                scaled.deals * (1 - scaled.deals / strata.deals) as decimal(28, 10)
            ) as compared_weight,
            cast(
                cast(scaled.units as double precision) / scaled.units_of_one
                - scaled.deals * strata.mean_value as decimal(28, 10)
            ) as excess,
            cast(
                scaled.deals
                * (1 - scaled.deals / strata.deals)
                * strata.variance as decimal(28, 10)
            ) as chance_variance,
            cast(
                case when strata.deals > scaled.deals then scaled.deals else 0 end
                * strata.variance as decimal(28, 10)
            ) as deal_variance
        from scaled
        inner join
            strata
            on scaled.measure = strata.measure
            and scaled.funnel = strata.funnel
            and scaled.stage = strata.stage
            and scaled.mix_id = strata.mix_id
    )

select
    measure,
    funnel,
    stage,
    owner_key,
    cast(sum(deals) as bigint) as deals,
    cast(sum(units) as double precision) / max(units_of_one) / sum(deals) as mean_value,
    cast(sum(comparable_deals) as bigint) as comparable_deals,
    cast(sum(compared_weight) as double precision) as compared_weight,
    cast(sum(excess) as double precision) as excess,
    cast(sum(chance_variance) as double precision) as chance_variance,
    cast(sum(deal_variance) as double precision) as deal_variance
from terms
group by measure, funnel, stage, owner_key
