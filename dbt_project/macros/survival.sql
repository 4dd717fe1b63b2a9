{#
  Curves of what has not ended yet: common table expressions that a model names among its own. One place for each
  estimator, so that all tables mean the same by a median and by an expected share.

  What is added up is cast to 18 places first: a sum of floating-point numbers, a running one too, depends on how the
  rows were shared out among threads, and two runs of one night must agree in every bit.
#}
{#
  Quantiles by Kaplan and Meier (1958) with censoring and left truncation.

  Reads: durations (measure, funnel, stage: the curve; deal_key, observed_after_days, days, is_ended) and
  segments (deal_key, segment_id; a deal that stands in none is left out).
  Gives: curves (curve_id, measure, funnel, stage) and known (curve_id, segment_id, p25_days to p90_days, null where
  the curve does not get there); with has_median_interval also p50_low_days and p50_high_days, 95 %.
#}
{% macro kaplan_meier(has_median_interval=false) -%}
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
            cast(0 as decimal(38, 18)) as factor
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
                then
                    cast(
                        ln(
                            cast(at_risk_after as double precision) / (at_risk_after - change)
                        ) as decimal(38, 18)
                    )
                else 0
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
                cast(
                    sum(factor) over (
                        partition by curve_id, segment_id
                        order by instant_number
                        rows between unbounded preceding and current row
                    ) as double precision
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

    {% if has_median_interval -%}
        -- Greenwood (1926): with each end the variance of the curve, divided by its square, grows
        -- by
        -- 1 / (r (r - 1)), where r are at risk. Over a stretch these add up to the difference of
        -- two
        -- reciprocals.
        varying as (
            select
                curve_id,
                segment_id,
                instant_number,
                coalesce(
                    cast(
                        sum(
                            case
                                when at_risk > ends
                                then
                                    cast(
                                        1.0 / cast(at_risk - ends as double precision)
                                        - 1.0 / at_risk as decimal(38, 18)
                                    )
                                else 0
                            end
                        ) over (
                            partition by curve_id, segment_id
                            order by instant_number
                            rows between unbounded preceding and 1 preceding
                        ) as double precision
                    ),
                    0.0
                ) as variance_before
            from surviving
        ),

        halves as (
            select
                crossings.curve_id,
                crossings.segment_id,
                crossings.still_there
                * (crossings.at_risk - crossings.ends_needed)
                / crossings.at_risk as level,
                varying.variance_before
                + 1.0 / (crossings.at_risk - crossings.ends_needed)
                - 1.0 / crossings.at_risk as relative_variance,
                row_number() over (
                    partition by crossings.curve_id, crossings.segment_id
                    order by crossings.instant_number
                ) as crossing_number
            from crossings
            inner join
                varying
                on crossings.curve_id = varying.curve_id
                and crossings.segment_id = varying.segment_id
                and crossings.instant_number = varying.instant_number
            where
                crossings.percentile = 50
                and crossings.ends_needed <= crossings.ends
                and crossings.ends_needed < crossings.at_risk
        ),

        -- Where the median would lie were the curve higher or lower by 1.96 of its standard errors
        -- there (after Brookmeyer and Crowley, 1982).
        bounds as (
            select
                curve_id,
                segment_id,
                49 as percentile,
                0.5 + 1.959963984540054 * level * sqrt(relative_variance) as share
            from halves
            where crossing_number = 1
            union all
            select
                curve_id,
                segment_id,
                51 as percentile,
                0.5 - 1.959963984540054 * level * sqrt(relative_variance) as share
            from halves
            where crossing_number = 1
        ),

        bound_crossings as (
            select
                surviving.*,
                bounds.percentile,
                ceil(
                    surviving.at_risk * (1.0 - (bounds.share + 1e-9) / surviving.still_there)
                ) as ends_needed
            from surviving
            inner join
                bounds
                on surviving.curve_id = bounds.curve_id
                and surviving.segment_id = bounds.segment_id
            where
                surviving.ends > 0
                and bounds.share > 0
                and surviving.still_there > bounds.share + 1e-9
        ),

        all_crossings as (
            select *
            from crossings
            union all
            select *
            from bound_crossings
        ),
    {%- else -%} all_crossings as (select * from crossings),
    {%- endif %}

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
        from all_crossings
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
            {% if has_median_interval -%}
                max(case when percentile = 49 then days end) as p50_low_days,
                max(case when percentile = 51 then days end) as p50_high_days,
            {%- endif %}
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
            {%- if has_median_interval -%}
                ,
                case
                    when unknown_from_days is null or p50_low_days < unknown_from_days
                    then p50_low_days
                end as p50_low_days,
                case
                    when unknown_from_days is null or p50_high_days < unknown_from_days
                    then p50_high_days
                end as p50_high_days
            {%- endif %}
        from sizes
        left join
            side_by_side
            on sizes.curve_id = side_by_side.curve_id
            and sizes.segment_id = side_by_side.segment_id
    )
{%- endmacro %}

{#
  Ultimate probability by Aalen and Johansen (1978), other ends competing, what is open censored.

  Reads: late_deals (curve_id, deal_key, days, kind: 0 the end that is asked about, 1 another, 2 still open), which needs
  only those from the first day on which one of the curve is lost sight of; totals (curve_id, segment_id, seen, asked,
  others: counts of all deals of the curve); segments (deal_key, segment_id).
  Gives: ultimates (curve_id, segment_id, deals, probability, undecided_share).
#}
{% macro aalen_johansen() -%}
    late_counts as (
        select
            late_deals.curve_id,
            segments.segment_id,
            count(*) as seen,
            sum(case when late_deals.kind = 0 then 1 else 0 end) as asked
        from late_deals
        inner join segments on late_deals.deal_key = segments.deal_key
        group by late_deals.curve_id, segments.segment_id
    ),

    sizes as (
        select
            totals.*,
            totals.seen - coalesce(late_counts.seen, 0) as early,
            totals.asked - coalesce(late_counts.asked, 0) as asked_early
        from totals
        left join
            late_counts
            on totals.curve_id = late_counts.curve_id
            and totals.segment_id = late_counts.segment_id
    ),

    exits as (
        select
            late_deals.curve_id,
            segments.segment_id,
            late_deals.kind,
            row_number() over (
                partition by late_deals.curve_id, segments.segment_id
                order by late_deals.days, late_deals.kind
            ) as exit_number
        from late_deals
        inner join segments on late_deals.deal_key = segments.deal_key
    ),

    lost_sight_of as (
        select
            curve_id,
            segment_id,
            exit_number,
            row_number() over (
                partition by curve_id, segment_id order by exit_number
            ) as open_number
        from exits
        where kind = 2
    ),

    asked_or_open as (
        select
            late_deals.curve_id,
            segments.segment_id,
            late_deals.kind,
            row_number() over (
                partition by late_deals.curve_id, segments.segment_id
                order by late_deals.days, late_deals.kind
            ) as number_of_both
        from late_deals
        inner join segments on late_deals.deal_key = segments.deal_key
        where late_deals.kind in (0, 2)
    ),

    asked_before as (
        select
            curve_id,
            segment_id,
            number_of_both,
            row_number() over (
                partition by curve_id, segment_id order by number_of_both
            ) as open_number
        from asked_or_open
        where kind = 2
    ),

    losses as (
        select
            lost_sight_of.curve_id,
            lost_sight_of.segment_id,
            lost_sight_of.open_number,
            sizes.seen,
            sizes.seen - sizes.early - lost_sight_of.exit_number + 1 as at_risk,
            sizes.asked_early + asked_before.number_of_both - asked_before.open_number as asked
        from lost_sight_of
        inner join
            asked_before
            on lost_sight_of.curve_id = asked_before.curve_id
            and lost_sight_of.segment_id = asked_before.segment_id
            and lost_sight_of.open_number = asked_before.open_number
        inner join
            sizes
            on lost_sight_of.curve_id = sizes.curve_id
            and lost_sight_of.segment_id = sizes.segment_id
    ),

    -- Aalen and Johansen (1978), in the form of weights (Satten and Datta 2001): each deal that is
    -- lost sight of hands its weight on, in equal parts, to those still at risk. So only deals that
    -- are open need be multiplied up.
    weighted as (
        select
            losses.*,
            asked - lag(asked, 1, cast(0 as bigint)) over (
                partition by curve_id, segment_id order by open_number
            ) as asked_since,
            coalesce(
                exp(
                    cast(
                        sum(
                            case
                                when at_risk > 1
                                then
                                    cast(
                                        ln(
                                            cast(at_risk - 1 as double precision) / at_risk
                                        ) as decimal(38, 18)
                                    )
                                else 0
                            end
                        ) over (
                            partition by curve_id, segment_id
                            order by open_number
                            rows between unbounded preceding and 1 preceding
                        ) as double precision
                    )
                ),
                1.0
            ) as kept_before,
            row_number() over (
                partition by curve_id, segment_id order by open_number desc
            ) as reverse_number
        from losses
    ),

    accumulated as (
        select
            weighted.*,
            cast(
                sum(
                    cast(
                        cast(asked_since as double precision)
                        / seen
                        / kept_before as decimal(38, 18)
                    )
                ) over (
                    partition by curve_id, segment_id
                    order by open_number
                    rows between unbounded preceding and current row
                ) as double precision
            ) as probability
        from weighted
    ),

    last_losses as (
        select
            accumulated.*,
            kept_before * case
                when at_risk > 1 then cast(at_risk - 1 as double precision) / at_risk else 1.0
            end as kept
        from accumulated
        where reverse_number = 1
    ),

    ultimates as (
        select
            sizes.curve_id,
            sizes.segment_id,
            cast(sizes.seen as bigint) as deals,
            case
                when sizes.asked + sizes.others = 0
                then null
                when last_losses.curve_id is null
                then cast(sizes.asked as double precision) / sizes.seen
                else
                    last_losses.probability
                    + cast(sizes.asked - last_losses.asked as double precision)
                    / sizes.seen
                    / last_losses.kept
            end as probability,
            case
                when last_losses.at_risk = 1
                then 1.0 / sizes.seen / last_losses.kept_before
                else 0.0
            end as undecided_share
        from sizes
        left join
            last_losses
            on sizes.curve_id = last_losses.curve_id
            and sizes.segment_id = last_losses.segment_id
    )
{%- endmacro %}
