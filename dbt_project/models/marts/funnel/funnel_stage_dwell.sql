with
    visits as (select * from {{ ref("int_visits") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    segmented as (
        select
            visits.funnel,
            segments.segment,
            segments.segment_value,
            visits.stage,
            visits.stage_rank,
            visits.dwell_days,
            visits.is_ongoing
        from visits
        inner join segments on visits.deal_key = segments.deal_key
        where visits.stage_rank is not null
    ),

    summed as (
        select
            funnel,
            segment,
            segment_value,
            stage,
            stage_rank,
            count(*) as visits,
            sum(case when is_ongoing then 0 else 1 end) as completed_visits,
            sum(case when is_ongoing then 1 else 0 end) as ongoing_visits,
            sum(case when dwell_days is null then 1 else 0 end) as unknown_entry_visits,
            avg(case when not is_ongoing then dwell_days end) as completed_mean_days
        from segmented
        group by funnel, segment, segment_value, stage, stage_rank
    ),

    -- Kaplan and Meier (1958): at each dwell at which a visit ended, the share of the visits
    -- still going on
    -- that did not end then. A visit that still goes on is at risk up to its age and never
    -- counted as ended.
    by_dwell as (
        select
            funnel,
            segment,
            segment_value,
            stage,
            dwell_days,
            sum(case when is_ongoing then 0 else 1 end) as ended,
            count(*) as seen
        from segmented
        where dwell_days is not null
        group by funnel, segment, segment_value, stage, dwell_days
    ),

    at_risk as (
        select
            by_dwell.*,
            sum(seen) over (
                partition by funnel, segment, segment_value, stage
                order by dwell_days desc
                rows between unbounded preceding and current row
            ) as at_risk
        from by_dwell
    ),

    -- The product of the shares, as a sum of logarithms; where all that are left end, the product
    -- is zero.
    survival as (
        select
            funnel,
            segment,
            segment_value,
            stage,
            dwell_days,
            case
                when
                    max(case when ended = at_risk then 1 else 0 end) over (
                        partition by funnel, segment, segment_value, stage
                        order by dwell_days
                        rows between unbounded preceding and current row
                    )
                    = 1
                then 0.0
                else
                    exp(
                        sum(
                            case
                                when ended < at_risk
                                then ln(1.0 - cast(ended as double precision) / at_risk)
                                else 0.0
                            end
                        ) over (
                            partition by funnel, segment, segment_value, stage
                            order by dwell_days
                            rows between unbounded preceding and current row
                        )
                    )
            end as still_there
        from at_risk
    ),

    -- The first dwell by which the share has ended. 1e-9 forgives what exp and ln lose: 3/4 * 2/3
    -- must count
    -- as one half.
    quantiles as (
        select
            funnel,
            segment,
            segment_value,
            stage,
            min(case when still_there <= 0.75 + 1e-9 then dwell_days end) as dwell_p25_days,
            min(case when still_there <= 0.50 + 1e-9 then dwell_days end) as dwell_p50_days,
            min(case when still_there <= 0.25 + 1e-9 then dwell_days end) as dwell_p75_days,
            min(case when still_there <= 0.20 + 1e-9 then dwell_days end) as dwell_p80_days,
            min(case when still_there <= 0.10 + 1e-9 then dwell_days end) as dwell_p90_days
        from survival
        group by funnel, segment, segment_value, stage
    )

select
    summed.funnel,
    summed.segment,
    summed.segment_value,
    summed.stage,
    cast(summed.stage_rank as bigint) as stage_rank,
    summed.visits,
    cast(summed.completed_visits as bigint) as completed_visits,
    cast(summed.ongoing_visits as bigint) as ongoing_visits,
    cast(summed.unknown_entry_visits as bigint) as unknown_entry_visits,
    quantiles.dwell_p25_days,
    quantiles.dwell_p50_days,
    quantiles.dwell_p75_days,
    quantiles.dwell_p80_days,
    quantiles.dwell_p90_days,
    summed.completed_mean_days,
    summed.visits < company.minimum_n as is_insufficient_history
from summed
cross join company
left join
    quantiles
    on summed.funnel = quantiles.funnel
    and summed.segment = quantiles.segment
    and summed.segment_value = quantiles.segment_value
    and summed.stage = quantiles.stage
