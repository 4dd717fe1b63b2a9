with
    cohorts as (select * from {{ ref("int_reach_cohorts") }}),

    closes as (select * from {{ ref("int_stage_closes") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    -- What a deal does first: what is asked about, or another close that makes it impossible. A
    -- deal that has done neither is at risk up to as-of.
    followed as (
        select
            deal_key,
            'advance' as question,
            funnel,
            cohort_kind,
            cohort_start,
            stage,
            case
                when is_advanced
                then days_to_advance
                when is_lost
                then days_to_close
                else days_followed
            end as days,
            case when is_advanced then 1 else 0 end as is_event,
            case when is_lost then 1 else 0 end as is_other
        from cohorts
        union all
        select
            deal_key,
            'won' as question,
            funnel,
            'all' as cohort_kind,
            cast(null as date) as cohort_start,
            stage,
            days_followed as days,
            case when outcome = 'won' then 1 else 0 end as is_event,
            case when outcome <> 'won' then 1 else 0 end as is_other
        from closes
    ),

    by_day as (
        select
            followed.question,
            followed.funnel,
            segments.segment,
            segments.segment_value,
            followed.cohort_kind,
            followed.cohort_start,
            followed.stage,
            followed.days,
            sum(followed.is_event) as events,
            sum(followed.is_other) as others,
            count(*) as seen
        from followed
        inner join segments on followed.deal_key = segments.deal_key
        where followed.days is not null
        group by
            followed.question,
            followed.funnel,
            segments.segment,
            segments.segment_value,
            followed.cohort_kind,
            followed.cohort_start,
            followed.stage,
            followed.days
    ),

    at_risk as (
        select
            by_day.*,
            sum(seen) over (
                partition by
                    question, funnel, segment, segment_value, cohort_kind, cohort_start, stage
                order by days desc
                rows between unbounded preceding and current row
            ) as at_risk
        from by_day
    ),

    -- Aalen and Johansen (1978): who is still undecided just before an instant, as the product of
    -- the shares that stayed so, kept as a sum of logarithms. The last instant alone may leave
    -- nobody, so no logarithm before it is of zero.
    undecided as (
        select
            at_risk.*,
            coalesce(
                exp(
                    sum(
                        case
                            when events + others < at_risk
                            then ln(1.0 - cast(events + others as double precision) / at_risk)
                            else 0.0
                        end
                    ) over (
                        partition by
                            question,
                            funnel,
                            segment,
                            segment_value,
                            cohort_kind,
                            cohort_start,
                            stage
                        order by days
                        rows between unbounded preceding and 1 preceding
                    )
                ),
                1.0
            ) as undecided_before
        from at_risk
    ),

    -- Running sums in the order of days, not a plain sum: that of floating-point numbers depends
    -- on the order of rows, and two runs of one night must agree in every bit.
    accumulated as (
        select
            undecided.*,
            sum(undecided_before * cast(events as double precision) / at_risk) over (
                partition by
                    question, funnel, segment, segment_value, cohort_kind, cohort_start, stage
                order by days
                rows between unbounded preceding and current row
            ) as probability,
            undecided_before
            * (1.0 - cast(events + others as double precision) / at_risk) as undecided_share,
            sum(events) over (
                partition by
                    question, funnel, segment, segment_value, cohort_kind, cohort_start, stage
            ) as all_events,
            sum(others) over (
                partition by
                    question, funnel, segment, segment_value, cohort_kind, cohort_start, stage
            ) as all_others,
            sum(seen) over (
                partition by
                    question, funnel, segment, segment_value, cohort_kind, cohort_start, stage
            ) as deals,
            row_number() over (
                partition by
                    question, funnel, segment, segment_value, cohort_kind, cohort_start, stage
                order by days desc
            ) as reverse_number
        from undecided
    )

select
    question,
    funnel,
    segment,
    segment_value,
    cohort_kind,
    cohort_start,
    stage,
    cast(deals as bigint) as deals,
    case when all_events + all_others > 0 then probability end as probability,
    undecided_share
from accumulated
where reverse_number = 1
