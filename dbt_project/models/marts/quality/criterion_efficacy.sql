with
    outcomes as (select * from {{ ref("int_criterion_outcomes") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    segment_values as (select * from {{ ref("int_segment_values") }}),

    dwell as (select * from {{ ref("int_criterion_dwell") }}),

    ultimates as (select * from {{ ref("int_criterion_ultimates") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    summed as (
        select
            outcomes.criterion_number,
            segment_values.segment,
            segment_values.segment_value,
            sum(outcomes.deals) as deals,
            sum(outcomes.into_won) as into_won,
            sum(outcomes.not_evaluated) as not_evaluated,
            sum(outcomes.met) as met,
            sum(outcomes.met_decided) as met_decided,
            sum(outcomes.met_won) as met_won,
            sum(outcomes.not_met) as not_met,
            sum(outcomes.not_met_decided) as not_met_decided,
            sum(outcomes.not_met_won) as not_met_won,
            sum(outcomes.missing) as missing,
            sum(outcomes.failed) as failed,
            sum(outcomes.waived) as waived,
            sum(outcomes.late) as late,
            sum(outcomes.late_decided) as late_decided,
            sum(outcomes.late_won) as late_won
        from outcomes
        inner join segment_values on outcomes.segment_id = segment_values.segment_id
        group by outcomes.criterion_number, segment_values.segment, segment_values.segment_value
    ),

    -- Deals are compared within strata that are alike in customer fit when the deal was created, in
    -- lead source, and in how many of the gate's other criteria they met: good customers bring
    -- proof
    -- and win, and proofs come together.
    strata as (
        select
            outcomes.criterion_number,
            segment_values.segment,
            segment_values.segment_value,
            cast(outcomes.met_won as double precision) as won1,
            cast(outcomes.met_decided as double precision) as n1,
            cast(outcomes.not_met_won as double precision) as won0,
            cast(outcomes.not_met_decided as double precision) as n0,
            cast(outcomes.met_decided + outcomes.not_met_decided as double precision) as n
        from outcomes
        inner join segment_values on outcomes.segment_id = segment_values.segment_id
        where outcomes.met_decided > 0 and outcomes.not_met_decided > 0
    ),

    -- The terms are rounded to fixed places, so that their sums are the same in any order.
    pooled as (
        select
            criterion_number,
            segment,
            segment_value,
            cast(sum(n) as bigint) as deals,
            count(*) as strata,
            cast(sum(cast(n1 * n0 / n as decimal(28, 10))) as double precision) as weight,
            cast(
                sum(cast((won1 * n0 - won0 * n1) / n as decimal(28, 10))) as double precision
            ) as excess,
            cast(
                sum(
                    cast(
                        (n1 * n1 * won0 - n0 * n0 * won1 + n1 * n0 * (n0 - n1) / 2)
                        / (n * n) as decimal(28, 10)
                    )
                ) as double precision
            ) as p,
            cast(
                sum(
                    cast((won1 * (n0 - won0) + won0 * (n1 - won1)) / (2 * n) as decimal(28, 10))
                ) as double precision
            ) as q
        from strata
        group by criterion_number, segment, segment_value
    ),

    -- Where each stratum won or lost every deal on both sides, nothing can be told from them.
    adjusted as (
        select
            pooled.*,
            excess / weight as difference,
            {{ klingenberg_middle("excess / weight", "weight", "p") }} as middle,
            {{ klingenberg_half_width("excess / weight", "weight", "p", "q") }} as half_width
        from pooled
        where q > 0
    ),

    -- A criterion that no deal has come to yet has a row too.
    cells as (
        select criterion_number, segment, segment_value
        from summed
        union
        select criterion_number, 'all' as segment, 'all' as segment_value
        from criteria
    ),

    counted as (
        select
            cells.criterion_number,
            cells.segment,
            cells.segment_value,
            coalesce(summed.deals, 0) as deals,
            coalesce(summed.into_won, 0) as into_won,
            coalesce(summed.not_evaluated, 0) as not_evaluated,
            coalesce(summed.met, 0) as met,
            coalesce(summed.met_decided, 0) as met_decided,
            coalesce(summed.met_won, 0) as met_won,
            coalesce(summed.not_met, 0) as not_met,
            coalesce(summed.not_met_decided, 0) as not_met_decided,
            coalesce(summed.not_met_won, 0) as not_met_won,
            coalesce(summed.missing, 0) as missing,
            coalesce(summed.failed, 0) as failed,
            coalesce(summed.waived, 0) as waived,
            coalesce(summed.late, 0) as late,
            coalesce(summed.late_decided, 0) as late_decided,
            coalesce(summed.late_won, 0) as late_won
        from cells
        left join
            summed
            on cells.criterion_number = summed.criterion_number
            and cells.segment = summed.segment
            and cells.segment_value = summed.segment_value
    ),

    -- Of all deals either side is shrunk to the rate of both, of a segment to that of its side
    -- among
    -- all: the less is known, the nearer to no difference.
    gate_rates as (
        select
            criterion_number,
            {{ rate_of("(met_won + not_met_won)", "(met_decided + not_met_decided)") }} as win_rate
        from counted
        where segment = 'all'
    ),

    parents as (
        select
            counted.criterion_number,
            gate_rates.win_rate,
            (counted.met_won + company.shrinkage_deals * gate_rates.win_rate)
            / (counted.met_decided + company.shrinkage_deals) as met_win_rate,
            (counted.not_met_won + company.shrinkage_deals * gate_rates.win_rate)
            / (counted.not_met_decided + company.shrinkage_deals) as not_met_win_rate
        from counted
        inner join gate_rates on counted.criterion_number = gate_rates.criterion_number
        cross join company
        where counted.segment = 'all'
    ),

    compared as (
        select
            counted.*,
            case
                when counted.segment = 'all' then parents.win_rate else parents.met_win_rate
            end as met_win_rate_parent,
            case
                when counted.segment = 'all' then parents.win_rate else parents.not_met_win_rate
            end as not_met_win_rate_parent,
            {{ rate_of("counted.met_won", "counted.met_decided") }}
            - {{ rate_of("counted.not_met_won", "counted.not_met_decided") }} as difference,
            {{
                newcombe_low(
                    "counted.met_won",
                    "counted.met_decided",
                    "counted.not_met_won",
                    "counted.not_met_decided",
                )
            }} as difference_low,
            {{
                newcombe_high(
                    "counted.met_won",
                    "counted.met_decided",
                    "counted.not_met_won",
                    "counted.not_met_decided",
                )
            }} as difference_high,
            adjusted.difference as adjusted_difference,
            adjusted.middle - adjusted.half_width as adjusted_low,
            adjusted.middle + adjusted.half_width as adjusted_high,
            adjusted.criterion_number is not null as is_adjusted,
            coalesce(adjusted.deals, 0) as adjusted_deals,
            coalesce(adjusted.strata, 0) as adjusted_strata,
            counted.met_decided < company.minimum_n
            or counted.not_met_decided < company.minimum_n
            or counted.met_won + counted.not_met_won = 0
            or counted.met_won + counted.not_met_won
            = counted.met_decided + counted.not_met_decided as is_insufficient_history
        from counted
        inner join parents on counted.criterion_number = parents.criterion_number
        cross join company
        left join
            adjusted
            on counted.criterion_number = adjusted.criterion_number
            and counted.segment = adjusted.segment
            and counted.segment_value = adjusted.segment_value
    ),

    judged as (
        select
            compared.*,
            case
                when deals > 0 and into_won = deals
                then 'passed_by_winning_alone'
                when is_insufficient_history
                then 'insufficient_history'
                when coalesce(adjusted_low, difference_low) > 0
                then 'supported'
                when coalesce(adjusted_high, difference_high) < 0
                then 'contradicted'
                else 'not_supported'
            end as verdict
        from compared
    )

select
    criteria.funnel,
    criteria.criterion_id,
    judged.segment,
    judged.segment_value,
    criteria.stage,
    cast(criteria.stage_rank as bigint) as stage_rank,
    criteria.gate,
    criteria.severity,
    criteria.wording_en,
    criteria.wording_zh,
    criteria.versions,
    criteria.is_in_force,
    cast(judged.deals as bigint) as deals,
    cast(judged.into_won as bigint) as passed_by_winning_deals,
    cast(judged.not_evaluated as bigint) as not_evaluated_deals,
    cast(judged.met as bigint) as met_deals,
    cast(judged.met - judged.met_decided as bigint) as met_open_deals,
    cast(judged.met_decided as bigint) as met_decided_deals,
    cast(judged.met_won as bigint) as met_won_deals,
    {{ rate_of("judged.met_won", "judged.met_decided") }} as met_win_rate,
    {{ wilson_low("judged.met_won", "judged.met_decided") }} as met_win_rate_low,
    {{ wilson_high("judged.met_won", "judged.met_decided") }} as met_win_rate_high,
    judged.met_win_rate_parent,
    (judged.met_won + company.shrinkage_deals * judged.met_win_rate_parent)
    / (judged.met_decided + company.shrinkage_deals) as met_win_rate_shrunk,
    expected_met.probability as met_win_rate_expected,
    expected_met.undecided_share as met_win_rate_expected_undecided,
    dwell_met.p25_days as met_onward_p25_days,
    dwell_met.p50_days as met_onward_p50_days,
    dwell_met.p50_low_days as met_onward_p50_low_days,
    dwell_met.p50_high_days as met_onward_p50_high_days,
    dwell_met.p75_days as met_onward_p75_days,
    cast(judged.not_met as bigint) as not_met_deals,
    cast(judged.missing as bigint) as missing_deals,
    cast(judged.failed as bigint) as failed_deals,
    cast(judged.waived as bigint) as waived_deals,
    cast(judged.late as bigint) as late_deals,
    cast(judged.not_met - judged.not_met_decided as bigint) as not_met_open_deals,
    cast(judged.not_met_decided as bigint) as not_met_decided_deals,
    cast(judged.not_met_won as bigint) as not_met_won_deals,
    {{ rate_of("judged.not_met_won", "judged.not_met_decided") }} as not_met_win_rate,
    {{ wilson_low("judged.not_met_won", "judged.not_met_decided") }} as not_met_win_rate_low,
    {{ wilson_high("judged.not_met_won", "judged.not_met_decided") }} as not_met_win_rate_high,
    judged.not_met_win_rate_parent,
    (judged.not_met_won + company.shrinkage_deals * judged.not_met_win_rate_parent)
    / (judged.not_met_decided + company.shrinkage_deals) as not_met_win_rate_shrunk,
    expected_not_met.probability as not_met_win_rate_expected,
    expected_not_met.undecided_share as not_met_win_rate_expected_undecided,
    dwell_not_met.p25_days as not_met_onward_p25_days,
    dwell_not_met.p50_days as not_met_onward_p50_days,
    dwell_not_met.p50_low_days as not_met_onward_p50_low_days,
    dwell_not_met.p50_high_days as not_met_onward_p50_high_days,
    dwell_not_met.p75_days as not_met_onward_p75_days,
    cast(judged.late_decided as bigint) as late_decided_deals,
    cast(judged.late_won as bigint) as late_won_deals,
    {{ rate_of("judged.late_won", "judged.late_decided") }} as late_win_rate,
    {{ wilson_low("judged.late_won", "judged.late_decided") }} as late_win_rate_low,
    {{ wilson_high("judged.late_won", "judged.late_decided") }} as late_win_rate_high,
    cast(company.shrinkage_deals as bigint) as shrinkage_deals,
    judged.difference as win_rate_difference,
    judged.difference_low as win_rate_difference_low,
    judged.difference_high as win_rate_difference_high,
    judged.adjusted_difference as win_rate_difference_adjusted,
    judged.adjusted_low as win_rate_difference_adjusted_low,
    judged.adjusted_high as win_rate_difference_adjusted_high,
    judged.is_adjusted,
    cast(judged.adjusted_deals as bigint) as adjusted_deals,
    cast(judged.adjusted_strata as bigint) as adjusted_strata,
    expected_met.probability - expected_not_met.probability as win_rate_difference_expected,
    judged.is_insufficient_history,
    case
        judged.verdict
        when 'supported'
        then true
        when 'contradicted'
        then true
        when 'not_supported'
        then false
    end as has_effect,
    judged.verdict
from judged
inner join criteria on judged.criterion_number = criteria.criterion_number
cross join company
left join
    dwell as dwell_met
    on judged.segment = 'all'
    and dwell_met.side = 'met'
    and criteria.criterion_id = dwell_met.criterion_id
left join
    dwell as dwell_not_met
    on judged.segment = 'all'
    and dwell_not_met.side = 'not_met'
    and criteria.criterion_id = dwell_not_met.criterion_id
left join
    ultimates as expected_met
    on judged.segment = 'all'
    and expected_met.side = 'met'
    and criteria.criterion_id = expected_met.criterion_id
left join
    ultimates as expected_not_met
    on judged.segment = 'all'
    and expected_not_met.side = 'not_met'
    and criteria.criterion_id = expected_not_met.criterion_id
