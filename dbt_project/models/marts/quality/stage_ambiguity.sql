with
    comparisons as (select * from {{ ref("int_owner_comparisons") }}),

    horizons as (select * from {{ ref("int_stage_horizons") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    open_stages as (
        select funnel, stage, max(stage_rank) as stage_rank
        from stages
        where outcome is null
        group by funnel, stage
    ),

    measures as (
        select 'criteria_met' as measure, 'share' as unit
        union all
        select 'dwell' as measure, 'days' as unit
        union all
        select 'conversion' as measure, 'share' as unit
    ),

    measured as (
        select
            measure,
            funnel,
            stage,
            sum(deals) as deals,
            cast(sum(cast(mean_value * deals as decimal(28, 6))) as double precision)
            / sum(deals) as mean_value,
            count(owner_key) as owners
        from comparisons
        group by measure, funnel, stage
    ),

    enough as (
        select comparisons.*
        from comparisons
        cross join company
        where
            comparisons.owner_key is not null and comparisons.comparable_deals >= company.minimum_n
    ),

    -- DerSimonian and Laird (1986): squared distances, each by the variance of the owner's deals,
    -- add up to chance_q if owners differ by chance alone, and grow by q_per_variance for each unit
    -- of variance between owners.
    summed as (
        select
            measure,
            funnel,
            stage,
            count(*) as compared_owners,
            sum(comparable_deals) as comparable_deals,
            cast(sum(cast(deal_variance as decimal(28, 10))) as double precision)
            / sum(comparable_deals) as deal_variance,
            cast(
                sum(
                    case
                        when deal_variance > 0
                        then cast(excess * excess / deal_variance as decimal(28, 10))
                    end
                ) as double precision
            ) as q,
            cast(
                sum(
                    case
                        when deal_variance > 0
                        then cast(chance_variance / deal_variance as decimal(28, 10))
                    end
                ) as double precision
            ) as chance_q,
            cast(
                sum(
                    case
                        when deal_variance > 0
                        then
                            cast(
                                comparable_deals
                                * compared_weight
                                / deal_variance as decimal(28, 10)
                            )
                    end
                ) as double precision
            ) as q_per_variance
        from enough
        group by measure, funnel, stage
    ),

    -- Wilson and Hilferty (1931): the cube root of a chi-squared over its degrees of freedom is
    -- normal, with this mean and deviation.
    distributed as (
        select
            summed.*,
            1 - 2 / (9 * chance_q) as root_mean,
            sqrt(2 / (9 * chance_q)) as root_deviation
        from summed
        where chance_q > 0
    ),

    tested as (
        select
            distributed.*,
            (power(q / chance_q, 1.0 / 3) - root_mean) / root_deviation as chance_z,
            chance_q * power(root_mean + 1.959963984540054 * root_deviation, 3) as q_high,
            case
                when root_mean > 1.959963984540054 * root_deviation
                then chance_q * power(root_mean - 1.959963984540054 * root_deviation, 3)
            end as q_low
        from distributed
    ),

    estimated as (
        select
            open_stages.funnel,
            open_stages.stage,
            open_stages.stage_rank,
            measures.measure,
            measures.unit,
            case
                when measures.measure <> 'criteria_met' then horizons.horizon_days
            end as horizon_days,
            coalesce(measured.deals, 0) as deals,
            measured.mean_value,
            coalesce(measured.owners, 0) as owners,
            coalesce(summed.compared_owners, 0) as compared_owners,
            coalesce(summed.comparable_deals, 0) as comparable_deals,
            coalesce(summed.compared_owners, 0) < 2 as is_insufficient_history,
            summed.deal_variance,
            tested.q,
            tested.chance_q,
            tested.q_per_variance,
            tested.chance_z,
            tested.q_high,
            tested.q_low
        from open_stages
        cross join measures
        left join
            horizons on open_stages.funnel = horizons.funnel and open_stages.stage = horizons.stage
        left join
            measured
            on open_stages.funnel = measured.funnel
            and open_stages.stage = measured.stage
            and measures.measure = measured.measure
        left join
            summed
            on open_stages.funnel = summed.funnel
            and open_stages.stage = summed.stage
            and measures.measure = summed.measure
        left join
            tested
            on open_stages.funnel = tested.funnel
            and open_stages.stage = tested.stage
            and measures.measure = tested.measure
    ),

    -- Where all deals are alike (all met every criterion) owners do not differ, and there is no
    -- chance to take off.
    spread_out as (
        select
            estimated.*,
            case
                when is_insufficient_history
                then null
                when chance_q is null
                then 0.0
                when q > chance_q
                then (q - chance_q) / q_per_variance
                else 0.0
            end as variance_beyond_chance
        from estimated
    ),

    shared as (
        select
            spread_out.*,
            case
                when variance_beyond_chance >= deal_variance
                then case when deal_variance > 0 then 1.0 end
                else variance_beyond_chance / deal_variance
            end as owner_variance_share
        from spread_out
    ),

    -- Chance takes one of the three past 2.128 in one stage of twenty. With many deals any two
    -- people differ beyond chance, so that the owner must make a difference too: 6 % of the
    -- variance, which Cohen (1988) calls a medium effect.
    verdicts as (
        select
            funnel,
            stage,
            max(case when chance_z > 2.128045 and owner_variance_share >= 0.06 then 1 else 0 end)
            = 1 as is_ambiguous
        from shared
        where not is_insufficient_history
        group by funnel, stage
    )

select
    shared.funnel,
    shared.stage,
    cast(shared.stage_rank as bigint) as stage_rank,
    shared.measure,
    shared.unit,
    shared.horizon_days,
    cast(shared.deals as bigint) as deals,
    shared.mean_value,
    cast(shared.owners as bigint) as owners,
    cast(shared.compared_owners as bigint) as compared_owners,
    cast(shared.comparable_deals as bigint) as comparable_deals,
    case
        when not shared.is_insufficient_history
        then coalesce(sqrt(shared.q / shared.q_per_variance), 0.0)
    end as spread_observed,
    case
        when not shared.is_insufficient_history
        then coalesce(sqrt(shared.chance_q / shared.q_per_variance), 0.0)
    end as spread_by_chance,
    sqrt(shared.variance_beyond_chance) as spread,
    case
        when not shared.is_insufficient_history
        then
            sqrt(
                greatest(
                    (shared.q / shared.q_high - 1) * shared.chance_q / shared.q_per_variance, 0.0
                )
            )
    end as spread_low,
    case
        when not shared.is_insufficient_history and shared.q_low is not null
        then
            sqrt(
                greatest(
                    (shared.q / shared.q_low - 1) * shared.chance_q / shared.q_per_variance, 0.0
                )
            )
    end as spread_high,
    shared.owner_variance_share,
    case when not shared.is_insufficient_history then shared.chance_z end as chance_z,
    shared.is_insufficient_history,
    case
        when not shared.is_insufficient_history
        then coalesce(shared.chance_z > 1.959963984540054, false)
    end as has_owner_spread,
    verdicts.is_ambiguous
from shared
left join verdicts on shared.funnel = verdicts.funnel and shared.stage = verdicts.stage
