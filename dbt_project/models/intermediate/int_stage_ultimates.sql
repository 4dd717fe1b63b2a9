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

    -- Curves are told apart by two numbers while they are computed: sorting millions of rows by
    -- their
    -- names would cost several times as much.
    segment_numbers as (
        select
            segment,
            segment_value,
            row_number() over (order by segment, segment_value) as segment_number
        from (select distinct segment, segment_value from segments) as known_segments
    ),

    numbered_segments as (
        select segments.deal_key, segment_numbers.segment_number
        from segments
        inner join
            segment_numbers
            on segments.segment = segment_numbers.segment
            and segments.segment_value = segment_numbers.segment_value
    ),

    cells as (
        select
            question,
            funnel,
            cohort_kind,
            cohort_start,
            stage,
            row_number() over (
                order by question, funnel, cohort_kind, cohort_start, stage
            ) as cell_number
        from
            (
                select distinct question, funnel, cohort_kind, cohort_start, stage from followed
            ) as known_cells
    ),

    numbered as (
        select
            cells.cell_number,
            followed.deal_key,
            followed.days,
            followed.is_event,
            followed.is_other
        from followed
        inner join
            cells
            on followed.question = cells.question
            and followed.funnel = cells.funnel
            and followed.cohort_kind = cells.cohort_kind
            and followed.stage = cells.stage
            and (
                followed.cohort_start = cells.cohort_start
                or (followed.cohort_start is null and cells.cohort_start is null)
            )
        where followed.days is not null
    ),

    by_day as (
        select
            numbered.cell_number,
            numbered_segments.segment_number,
            numbered.days,
            sum(numbered.is_event) as events,
            sum(numbered.is_other) as others,
            count(*) as seen
        from numbered
        inner join numbered_segments on numbered.deal_key = numbered_segments.deal_key
        group by numbered.cell_number, numbered_segments.segment_number, numbered.days
    ),

    at_risk as (
        select
            by_day.*,
            sum(seen) over (
                partition by cell_number, segment_number
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
                        partition by cell_number, segment_number
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
                partition by cell_number, segment_number
                order by days
                rows between unbounded preceding and current row
            ) as probability,
            undecided_before
            * (1.0 - cast(events + others as double precision) / at_risk) as undecided_share,
            sum(events) over (partition by cell_number, segment_number) as all_events,
            sum(others) over (partition by cell_number, segment_number) as all_others,
            sum(seen) over (partition by cell_number, segment_number) as deals,
            row_number() over (
                partition by cell_number, segment_number order by days desc
            ) as reverse_number
        from undecided
    )

select
    cells.question,
    cells.funnel,
    segment_numbers.segment,
    segment_numbers.segment_value,
    cells.cohort_kind,
    cells.cohort_start,
    cells.stage,
    cast(accumulated.deals as bigint) as deals,
    case
        when accumulated.all_events + accumulated.all_others > 0 then accumulated.probability
    end as probability,
    accumulated.undecided_share
from accumulated
inner join cells on accumulated.cell_number = cells.cell_number
inner join segment_numbers on accumulated.segment_number = segment_numbers.segment_number
where accumulated.reverse_number = 1
