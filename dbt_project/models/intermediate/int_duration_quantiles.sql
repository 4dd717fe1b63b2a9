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

    by_day as (
        select
            instants.measure,
            instants.funnel,
            segments.segment,
            segments.segment_value,
            instants.stage,
            instants.days,
            sum(instants.ended) as ended,
            sum(instants.at_risk_until) as at_risk_until
        from instants
        inner join segments on instants.deal_key = segments.deal_key
        group by
            instants.measure,
            instants.funnel,
            segments.segment,
            segments.segment_value,
            instants.stage,
            instants.days
    ),

    at_risk as (
        select
            by_day.*,
            sum(at_risk_until) over (
                partition by measure, funnel, segment, segment_value, stage
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
                    and lead(days) over (
                        partition by measure, funnel, segment, segment_value, stage order by days
                    )
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
            measure,
            funnel,
            segment,
            segment_value,
            stage,
            days,
            case
                when
                    max(is_emptied_early) over (
                        partition by measure, funnel, segment, segment_value, stage
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
                            partition by measure, funnel, segment, segment_value, stage
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
    measure,
    funnel,
    segment,
    segment_value,
    stage,
    min(case when still_there <= 0.75 + 1e-9 then days end) as p25_days,
    min(case when still_there <= 0.50 + 1e-9 then days end) as p50_days,
    min(case when still_there <= 0.25 + 1e-9 then days end) as p75_days,
    min(case when still_there <= 0.20 + 1e-9 then days end) as p80_days,
    min(case when still_there <= 0.10 + 1e-9 then days end) as p90_days
from survival
group by measure, funnel, segment, segment_value, stage
