with
    reach as (select * from {{ ref("int_reach_cohorts") }}),

    counts as (select * from {{ ref("int_cohort_counts") }}),

    closes as (select * from {{ ref("int_stage_closes") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    segment_values as (select * from {{ ref("int_segment_values") }}),

    -- What a deal does first: what is asked about (0), or another close that makes it impossible
    -- (1). A deal that has done neither (2) is at risk up to as-of.
    reached as (
        select
            deal_key,
            funnel,
            stage,
            reached_month,
            reached_quarter,
            days_undecided as days,
            case when is_advanced then 0 when is_lost then 1 else 2 end as kind
        from reach
        where days_undecided is not null
    ),

    closed as (
        select
            deal_key,
            funnel,
            stage,
            days_followed as days,
            case when outcome = 'won' then 0 when outcome is not null then 1 else 2 end as kind
        from closes
        where days_followed is not null
    ),

    reached_groups as (
        select
            funnel,
            stage,
            reached_month,
            reached_quarter,
            min(case when kind = 2 then days end) as open_from_days
        from reached
        group by funnel, stage, reached_month, reached_quarter
    ),

    -- Up to the day on which the first deal is lost sight of nothing is estimated: what was decided
    -- by then is counted.
    opened as (
        select
            'advance' as question,
            funnel,
            stage,
            'all' as cohort_kind,
            cast(null as date) as cohort_start,
            min(open_from_days) as open_from_days
        from reached_groups
        group by funnel, stage
        union all
        select
            'advance' as question,
            funnel,
            stage,
            'month' as cohort_kind,
            reached_month as cohort_start,
            min(open_from_days) as open_from_days
        from reached_groups
        group by funnel, stage, reached_month
        union all
        select
            'advance' as question,
            funnel,
            stage,
            'quarter' as cohort_kind,
            reached_quarter as cohort_start,
            min(open_from_days) as open_from_days
        from reached_groups
        where reached_quarter is not null
        group by funnel, stage, reached_quarter
        union all
        select
            'won' as question,
            funnel,
            stage,
            'all' as cohort_kind,
            cast(null as date) as cohort_start,
            min(case when kind = 2 then days end) as open_from_days
        from closed
        group by funnel, stage
    ),

    curves as (
        select
            opened.*,
            cast(
                row_number() over (
                    order by question, funnel, stage, cohort_kind, cohort_start
                ) as integer
            ) as curve_id
        from opened
    ),

    curves_of_groups as (
        select
            reached_groups.funnel,
            reached_groups.stage,
            reached_groups.reached_month,
            of_all.curve_id as all_curve_id,
            of_all.open_from_days as all_open_from_days,
            of_month.curve_id as month_curve_id,
            of_month.open_from_days as month_open_from_days,
            of_quarter.curve_id as quarter_curve_id,
            of_quarter.open_from_days as quarter_open_from_days
        from reached_groups
        inner join
            curves as of_all
            on reached_groups.funnel = of_all.funnel
            and reached_groups.stage = of_all.stage
            and of_all.question = 'advance'
            and of_all.cohort_kind = 'all'
        inner join
            curves as of_month
            on reached_groups.funnel = of_month.funnel
            and reached_groups.stage = of_month.stage
            and reached_groups.reached_month = of_month.cohort_start
            and of_month.question = 'advance'
            and of_month.cohort_kind = 'month'
        left join
            curves as of_quarter
            on reached_groups.funnel = of_quarter.funnel
            and reached_groups.stage = of_quarter.stage
            and reached_groups.reached_quarter = of_quarter.cohort_start
            and of_quarter.question = 'advance'
            and of_quarter.cohort_kind = 'quarter'
    ),

    placed as (
        select reached.deal_key, reached.days, reached.kind, curves_of_groups.*
        from reached
        inner join
            curves_of_groups
            on reached.funnel = curves_of_groups.funnel
            and reached.stage = curves_of_groups.stage
            and reached.reached_month = curves_of_groups.reached_month
    ),

    late_deals as (
        select deal_key, all_curve_id as curve_id, days, kind
        from placed
        where days >= all_open_from_days
        union all
        select deal_key, month_curve_id as curve_id, days, kind
        from placed
        where days >= month_open_from_days
        union all
        select deal_key, quarter_curve_id as curve_id, days, kind
        from placed
        where days >= quarter_open_from_days
        union all
        select closed.deal_key, curves.curve_id, closed.days, closed.kind
        from closed
        inner join
            curves
            on closed.funnel = curves.funnel
            and closed.stage = curves.stage
            and curves.question = 'won'
        where closed.days >= curves.open_from_days
    ),

    cohort_totals as (
        select
            'advance' as question,
            funnel,
            stage,
            'all' as cohort_kind,
            cast(null as date) as cohort_start,
            segment_id,
            sum(timed) as seen,
            sum(timed_advanced) as asked,
            sum(timed_lost) as others
        from counts
        where timed > 0
        group by funnel, stage, segment_id
        union all
        select
            'advance' as question,
            funnel,
            stage,
            'month' as cohort_kind,
            reached_month as cohort_start,
            segment_id,
            sum(timed) as seen,
            sum(timed_advanced) as asked,
            sum(timed_lost) as others
        from counts
        where timed > 0
        group by funnel, stage, reached_month, segment_id
        union all
        select
            'advance' as question,
            funnel,
            stage,
            'quarter' as cohort_kind,
            reached_quarter as cohort_start,
            segment_id,
            sum(timed) as seen,
            sum(timed_advanced) as asked,
            sum(timed_lost) as others
        from counts
        where timed > 0 and reached_quarter is not null
        group by funnel, stage, reached_quarter, segment_id
    ),

    closed_shapes as (
        select closed.deal_key, closed.kind, curves.curve_id
        from closed
        inner join
            curves
            on closed.funnel = curves.funnel
            and closed.stage = curves.stage
            and curves.question = 'won'
    ),

    totals as (
        select
            curves.curve_id,
            cohort_totals.segment_id,
            cohort_totals.seen,
            cohort_totals.asked,
            cohort_totals.others
        from cohort_totals
        inner join
            curves
            on cohort_totals.question = curves.question
            and cohort_totals.funnel = curves.funnel
            and cohort_totals.stage = curves.stage
            and cohort_totals.cohort_kind = curves.cohort_kind
            and coalesce(cohort_totals.cohort_start, cast('0001-01-01' as date))
            = coalesce(curves.cohort_start, cast('0001-01-01' as date))
        union all
        select
            closed_shapes.curve_id,
            segments.segment_id,
            count(*) as seen,
            sum(case when closed_shapes.kind = 0 then 1 else 0 end) as asked,
            sum(case when closed_shapes.kind = 1 then 1 else 0 end) as others
        from closed_shapes
        inner join segments on closed_shapes.deal_key = segments.deal_key
        group by closed_shapes.curve_id, segments.segment_id
    ),

    {{ aalen_johansen() }}

select
    curves.question,
    curves.funnel,
    segment_values.segment,
    segment_values.segment_value,
    curves.cohort_kind,
    curves.cohort_start,
    curves.stage,
    ultimates.deals,
    ultimates.probability,
    ultimates.undecided_share
from ultimates
inner join curves on ultimates.curve_id = curves.curve_id
inner join segment_values on ultimates.segment_id = segment_values.segment_id
