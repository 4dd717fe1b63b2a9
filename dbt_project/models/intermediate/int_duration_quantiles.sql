with
    durations as (select * from {{ ref("int_durations") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    segment_values as (select * from {{ ref("int_segment_values") }}),

    -- A stay that was under nobody's eyes before it ended cannot be in the curve: only long ones
    -- lived to be seen.
    timed as (
        select *
        from durations
        where days >= 0 and (observed_after_days = 0 or observed_after_days < days)
    ),

    things as (select distinct measure, funnel, stage from timed),

    -- Numbers for names: a curve of a segment has millions of stays, and names are slow to compare.
    curves as (
        select
            measure,
            funnel,
            stage,
            cast(row_number() over (order by measure, funnel, stage) as integer) as curve_id
        from things
    ),

    stays as (
        select
            curves.curve_id,
            segments.segment_id,
            timed.observed_after_days,
            timed.days,
            case when timed.is_ended then 0 else 1 end as kind
        from timed
        inner join
            curves
            on timed.measure = curves.measure
            and timed.funnel = curves.funnel
            and timed.stage = curves.stage
        inner join segments on timed.deal_key = segments.deal_key
    ),

    sizes as (
        select
            curve_id,
            segment_id,
            count(*) as stays,
            sum(case when observed_after_days = 0 then 1 else 0 end) as at_risk_from_start,
            sum(case when observed_after_days > 0 then 1 else 0 end) as entries
        from stays
        group by curve_id, segment_id
    ),

    -- Each stay leaves those at risk when it ends (kind 0) or is lost sight of (1); one that was
    -- first seen at a known age joins them only then (2, left truncation).
    happenings as (
        select curve_id, segment_id, days, kind
        from stays
        union all
        select curve_id, segment_id, observed_after_days as days, 2 as kind
        from stays
        where observed_after_days > 0
    ),

    instants as (
        select
            curve_id,
            segment_id,
            days,
            kind,
            row_number() over (
                partition by curve_id, segment_id order by days, kind
            ) as instant_number
        from happenings
    ),

    interruptions as (
        select
            instants.*,
            lag(instant_number) over (
                partition by curve_id, segment_id order by instant_number
            ) as previous_instant_number,
            sum(case when kind = 2 then 1 else 0 end) over (
                partition by curve_id, segment_id
                order by instant_number
                rows between unbounded preceding and current row
            ) as entries_so_far
        from instants
        where kind > 0
    ),

    counted as (
        select
            interruptions.curve_id,
            interruptions.segment_id,
            interruptions.instant_number,
            interruptions.previous_instant_number,
            interruptions.kind,
            sizes.at_risk_from_start
            + 2 * interruptions.entries_so_far
            - interruptions.instant_number as at_risk_after,
            case when interruptions.kind = 2 then 1 else -1 end as change
        from interruptions
        inner join
            sizes
            on interruptions.curve_id = sizes.curve_id
            and interruptions.segment_id = sizes.segment_id
    ),

    starts as (
        select
            curve_id, segment_id, 0 as instant_number, at_risk_from_start as at_risk, 0.0 as factor
        from sizes
        union all
        select
            curve_id,
            segment_id,
            instant_number,
            at_risk_after as at_risk,
            case
                when at_risk_after > 0 and at_risk_after > change
                then ln(cast(at_risk_after as double precision) / (at_risk_after - change))
                else 0.0
            end as factor
        from counted
    ),

    -- Kaplan and Meier (1958). Between two interruptions the product of the shares that did not end
    -- is the share of those at risk that are left, so only interruptions need be multiplied up.
    stretches as (
        select
            curve_id,
            segment_id,
            instant_number,
            at_risk,
            exp(
                sum(factor) over (
                    partition by curve_id, segment_id
                    order by instant_number
                    rows between unbounded preceding and current row
                )
            ) as interrupted,
            lead(instant_number) over (
                partition by curve_id, segment_id order by instant_number
            ) as next_instant_number
        from starts
    ),

    surviving as (
        select
            stretches.curve_id,
            stretches.segment_id,
            stretches.instant_number,
            stretches.at_risk,
            cast(stretches.at_risk as double precision)
            / case when sizes.at_risk_from_start = 0 then 1 else sizes.at_risk_from_start end
            / stretches.interrupted as still_there,
            coalesce(stretches.next_instant_number, sizes.stays + sizes.entries + 1)
            - stretches.instant_number
            - 1 as ends
        from stretches
        inner join
            sizes on stretches.curve_id = sizes.curve_id and stretches.segment_id = sizes.segment_id
        where stretches.at_risk > 0
    ),

    levels as (
        select 25 as percentile, 0.75 as share
        union all
        select 50 as percentile, 0.5 as share
        union all
        select 75 as percentile, 0.25 as share
        union all
        select 80 as percentile, 0.2 as share
        union all
        select 90 as percentile, 0.1 as share
    ),

    -- How many of a stretch must end until no more than the share is there. 1e-9 forgives what
    -- division, exp and ln lose: 3/4 * 2/3 must count as one half.
    crossings as (
        select
            surviving.curve_id,
            surviving.segment_id,
            levels.percentile,
            surviving.instant_number,
            surviving.ends,
            ceil(
                surviving.at_risk * (1.0 - (levels.share + 1e-9) / surviving.still_there)
            ) as ends_needed
        from surviving
        cross join levels
        where surviving.ends > 0 and surviving.still_there > levels.share + 1e-9
    ),

    first_crossings as (
        select
            curve_id,
            segment_id,
            percentile,
            min(instant_number + cast(ends_needed as bigint)) as instant_number
        from crossings
        where ends_needed <= ends
        group by curve_id, segment_id, percentile
    ),

    -- Where the last at risk ends before older stays join, the curve would be zero and plainly
    -- wrong: from there on nothing is known.
    run_out as (
        select curve_id, segment_id, 0 as percentile, min(instant_number) - 1 as instant_number
        from counted
        where
            kind = 2
            and at_risk_after = 1
            and instant_number - 1 > coalesce(previous_instant_number, 0)
        group by curve_id, segment_id
    ),

    wanted as (
        select *
        from first_crossings
        union all
        select *
        from run_out
    ),

    dated as (
        select instants.curve_id, instants.segment_id, wanted.percentile, instants.days
        from instants
        inner join
            wanted
            on instants.curve_id = wanted.curve_id
            and instants.segment_id = wanted.segment_id
            and instants.instant_number = wanted.instant_number
    ),

    side_by_side as (
        select
            curve_id,
            segment_id,
            max(case when percentile = 0 then days end) as unknown_from_days,
            max(case when percentile = 25 then days end) as p25_days,
            max(case when percentile = 50 then days end) as p50_days,
            max(case when percentile = 75 then days end) as p75_days,
            max(case when percentile = 80 then days end) as p80_days,
            max(case when percentile = 90 then days end) as p90_days
        from dated
        group by curve_id, segment_id
    ),

    known as (
        select
            sizes.curve_id,
            sizes.segment_id,
            side_by_side.p25_days,
            side_by_side.p50_days,
            side_by_side.p75_days,
            side_by_side.p80_days,
            side_by_side.p90_days,
            side_by_side.unknown_from_days
        from sizes
        left join
            side_by_side
            on sizes.curve_id = side_by_side.curve_id
            and sizes.segment_id = side_by_side.segment_id
    )

select
    curves.measure,
    curves.funnel,
    segment_values.segment,
    segment_values.segment_value,
    curves.stage,
    case
        when unknown_from_days is null or p25_days < unknown_from_days then p25_days
    end as p25_days,
    case
        when unknown_from_days is null or p50_days < unknown_from_days then p50_days
    end as p50_days,
    case
        when unknown_from_days is null or p75_days < unknown_from_days then p75_days
    end as p75_days,
    case
        when unknown_from_days is null or p80_days < unknown_from_days then p80_days
    end as p80_days,
    case
        when unknown_from_days is null or p90_days < unknown_from_days then p90_days
    end as p90_days
from known
inner join curves on known.curve_id = curves.curve_id
inner join segment_values on known.segment_id = segment_values.segment_id
