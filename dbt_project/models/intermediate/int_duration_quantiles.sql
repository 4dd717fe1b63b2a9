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

    -- Each stay leaves those at risk when it ends (kind 0) or is lost sight of (1); one that was
    -- first seen at a known age joins them only then (2, left truncation).
    happenings as (
        select
            curves.curve_id,
            timed.deal_key,
            timed.days,
            case when timed.is_ended then 0 else 1 end as kind
        from timed
        inner join
            curves
            on timed.measure = curves.measure
            and timed.funnel = curves.funnel
            and timed.stage = curves.stage
        union all
        select curves.curve_id, timed.deal_key, timed.observed_after_days as days, 2 as kind
        from timed
        inner join
            curves
            on timed.measure = curves.measure
            and timed.funnel = curves.funnel
            and timed.stage = curves.stage
        where timed.observed_after_days > 0
    ),

    sizes as (
        select
            happenings.curve_id,
            segments.segment_id,
            count(*) as instants,
            sum(case when happenings.kind < 2 then 1 else -1 end) as at_risk_from_start
        from happenings
        inner join segments on happenings.deal_key = segments.deal_key
        group by happenings.curve_id, segments.segment_id
    ),

    instants as (
        select
            happenings.curve_id,
            segments.segment_id,
            happenings.days,
            happenings.kind,
            row_number() over (
                partition by happenings.curve_id, segments.segment_id
                order by happenings.days, happenings.kind
            ) as instant_number
        from happenings
        inner join segments on happenings.deal_key = segments.deal_key
    ),

    interruptions as (
        select
            instants.*,
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
            interruptions.days,
            interruptions.instant_number,
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
            curve_id,
            segment_id,
            cast(-1.0 as double precision) as days,
            0 as instant_number,
            2 as kind,
            at_risk_from_start as at_risk,
            0.0 as factor
        from sizes
        union all
        select
            curve_id,
            segment_id,
            days,
            instant_number,
            kind,
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
            days,
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
            ) as next_instant_number,
            lead(days) over (
                partition by curve_id, segment_id order by instant_number
            ) as next_days,
            lead(kind) over (partition by curve_id, segment_id order by instant_number) as next_kind
        from starts
    ),

    surviving as (
        select
            stretches.curve_id,
            stretches.segment_id,
            stretches.days,
            stretches.next_days,
            stretches.next_kind,
            stretches.instant_number,
            stretches.at_risk,
            cast(stretches.at_risk as double precision)
            / case when sizes.at_risk_from_start = 0 then 1 else sizes.at_risk_from_start end
            / stretches.interrupted as still_there,
            coalesce(stretches.next_instant_number, sizes.instants + 1)
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
            surviving.*,
            levels.percentile,
            ceil(
                surviving.at_risk * (1.0 - (levels.share + 1e-9) / surviving.still_there)
            ) as ends_needed
        from surviving
        cross join levels
        where surviving.ends > 0 and surviving.still_there > levels.share + 1e-9
        union all
        -- Where the last at risk ends before older stays join, the curve would be zero and plainly
        -- wrong: from there on nothing is known.
        select surviving.*, 0 as percentile, surviving.ends as ends_needed
        from surviving
        where surviving.ends > 0 and surviving.ends = surviving.at_risk and surviving.next_kind = 2
    ),

    possible as (
        select
            curve_id,
            segment_id,
            percentile,
            days as after_days,
            next_days as until_days,
            cast(ends_needed as bigint) as ends_needed,
            row_number() over (
                partition by curve_id, segment_id, percentile order by instant_number
            ) as crossing_number
        from crossings
        where ends_needed <= ends
    ),

    first_crossings as (select * from possible where crossing_number = 1),

    spans as (select distinct curve_id, segment_id, after_days, until_days from first_crossings),

    -- The ends of the one stretch in which a share is reached, in their order. Whatever ends on the
    -- day of an interruption ends before it.
    ends_of_spans as (
        select
            spans.curve_id,
            spans.segment_id,
            spans.after_days,
            happenings.days,
            row_number() over (
                partition by spans.curve_id, spans.segment_id, spans.after_days
                order by happenings.days
            ) as end_number
        from happenings
        inner join segments on happenings.deal_key = segments.deal_key
        inner join
            spans
            on happenings.curve_id = spans.curve_id
            and segments.segment_id = spans.segment_id
            and happenings.days > spans.after_days
            and (spans.until_days is null or happenings.days <= spans.until_days)
        where happenings.kind = 0
    ),

    dated as (
        select
            first_crossings.curve_id,
            first_crossings.segment_id,
            first_crossings.percentile,
            ends_of_spans.days
        from first_crossings
        inner join
            ends_of_spans
            on first_crossings.curve_id = ends_of_spans.curve_id
            and first_crossings.segment_id = ends_of_spans.segment_id
            and first_crossings.after_days = ends_of_spans.after_days
            and first_crossings.ends_needed = ends_of_spans.end_number
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
