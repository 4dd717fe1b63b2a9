with
    durations as (select * from {{ ref("int_durations") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    -- A stay that was under nobody's eyes before it ended cannot be in the curve: only long ones
    -- lived to be seen.
    timed as (
        select *
        from durations
        where days >= 0 and (observed_after_days = 0 or observed_after_days < days)
    ),

    -- Each stay leaves those at risk at its end; one that was first seen at a known age joins them
    -- only then (left truncation).
    instants as (
        select
            measure,
            deal_key,
            funnel,
            stage,
            days,
            case when is_ended then 1 else 0 end as ended,
            1 as at_risk_until
        from timed
        union all
        select
            measure,
            deal_key,
            funnel,
            stage,
            observed_after_days as days,
            0 as ended,
            -1 as at_risk_until
        from timed
        where observed_after_days > 0
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
            measure,
            funnel,
            stage,
            row_number() over (order by measure, funnel, stage) as cell_number
        from (select distinct measure, funnel, stage from timed) as known_cells
    ),

    numbered as (
        select
            cells.cell_number,
            instants.deal_key,
            instants.days,
            instants.ended,
            instants.at_risk_until
        from instants
        inner join
            cells
            on instants.measure = cells.measure
            and instants.funnel = cells.funnel
            and instants.stage = cells.stage
    ),

    by_day as (
        select
            numbered.cell_number,
            numbered_segments.segment_number,
            numbered.days,
            sum(numbered.ended) as ended,
            sum(numbered.at_risk_until) as at_risk_until
        from numbered
        inner join numbered_segments on numbered.deal_key = numbered_segments.deal_key
        group by numbered.cell_number, numbered_segments.segment_number, numbered.days
    ),

    at_risk as (
        select
            by_day.*,
            sum(at_risk_until) over (
                partition by cell_number, segment_number
                order by days desc
                rows between unbounded preceding and current row
            ) as at_risk
        from by_day
    ),

    emptied as (
        select
            at_risk.*,
            case
                when
                    ended > 0
                    and ended = at_risk
                    and lead(days) over (partition by cell_number, segment_number order by days)
                    is not null
                then 1
                else 0
            end as is_emptied_early
        from at_risk
    ),

    -- Kaplan and Meier (1958): the product of the shares that did not end, as a sum of logarithms;
    -- where all that are left end, it is zero. Where those at risk run out while older stays join
    -- later, it would be zero too and is plainly wrong: from there on nothing is known.
    survival as (
        select
            cell_number,
            segment_number,
            days,
            case
                when
                    max(is_emptied_early) over (
                        partition by cell_number, segment_number
                        order by days
                        rows between unbounded preceding and current row
                    )
                    = 1
                then null
                when ended > 0 and ended = at_risk
                then 0.0
                else
                    exp(
                        sum(
                            case
                                when ended > 0 and ended < at_risk
                                then ln(1.0 - cast(ended as double precision) / at_risk)
                                else 0.0
                            end
                        ) over (
                            partition by cell_number, segment_number
                            order by days
                            rows between unbounded preceding and current row
                        )
                    )
            end as still_there
        from emptied
    )

-- The first day by which the share has ended. 1e-9 forgives what exp and ln lose: 3/4 * 2/3 must
-- count as one half.
select
    cells.measure,
    cells.funnel,
    segment_numbers.segment,
    segment_numbers.segment_value,
    cells.stage,
    min(case when still_there <= 0.75 + 1e-9 then days end) as p25_days,
    min(case when still_there <= 0.50 + 1e-9 then days end) as p50_days,
    min(case when still_there <= 0.25 + 1e-9 then days end) as p75_days,
    min(case when still_there <= 0.20 + 1e-9 then days end) as p80_days,
    min(case when still_there <= 0.10 + 1e-9 then days end) as p90_days
from survival
inner join cells on survival.cell_number = cells.cell_number
inner join segment_numbers on survival.segment_number = segment_numbers.segment_number
group by
    cells.measure, cells.funnel, segment_numbers.segment, segment_numbers.segment_value, cells.stage
