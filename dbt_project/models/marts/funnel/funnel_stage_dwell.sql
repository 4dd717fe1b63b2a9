with
    visits as (select * from {{ ref("int_visits") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    quantiles as (select * from {{ ref("int_duration_quantiles") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    of_deals as (
        select
            deal_key,
            funnel,
            stage,
            max(stage_rank) as stage_rank,
            count(*) as visits,
            sum(case when is_ongoing then 0 else 1 end) as completed_visits,
            sum(case when is_ongoing then 1 else 0 end) as ongoing_visits,
            sum(case when dwell_days is null then 1 else 0 end) as unknown_entry_visits,
            sum(case when observed_after_days > 0 then 1 else 0 end) as late_entry_visits,
            count(case when not is_ongoing then dwell_days end) as timed_visits,
            -- Whole microseconds, so that their sum is exact in any order of rows.
            sum(
                case when not is_ongoing then cast(round(dwell_days * 86400000000) as bigint) end
            ) as completed_microseconds
        from visits
        where stage_rank is not null
        group by deal_key, funnel, stage
    ),

    summed as (
        select
            of_deals.funnel,
            segments.segment,
            segments.segment_value,
            of_deals.stage,
            max(of_deals.stage_rank) as stage_rank,
            count(*) as deals,
            sum(of_deals.visits) as visits,
            sum(of_deals.completed_visits) as completed_visits,
            sum(of_deals.ongoing_visits) as ongoing_visits,
            sum(of_deals.unknown_entry_visits) as unknown_entry_visits,
            sum(of_deals.late_entry_visits) as late_entry_visits,
            cast(sum(of_deals.completed_microseconds) as double precision)
            / nullif(sum(of_deals.timed_visits), 0)
            / 86400000000.0 as completed_mean_days
        from of_deals
        inner join segments on of_deals.deal_key = segments.deal_key
        group by of_deals.funnel, segments.segment, segments.segment_value, of_deals.stage
    )

select
    summed.funnel,
    summed.segment,
    summed.segment_value,
    summed.stage,
    cast(summed.stage_rank as bigint) as stage_rank,
    cast(summed.visits as bigint) as visits,
    cast(summed.completed_visits as bigint) as completed_visits,
    cast(summed.ongoing_visits as bigint) as ongoing_visits,
    cast(summed.unknown_entry_visits as bigint) as unknown_entry_visits,
    cast(summed.late_entry_visits as bigint) as late_entry_visits,
    of_visits.p25_days as dwell_p25_days,
    of_visits.p50_days as dwell_p50_days,
    of_visits.p75_days as dwell_p75_days,
    of_visits.p80_days as dwell_p80_days,
    of_visits.p90_days as dwell_p90_days,
    summed.completed_mean_days,
    summed.deals,
    of_totals.p25_days as dwell_cumulative_p25_days,
    of_totals.p50_days as dwell_cumulative_p50_days,
    of_totals.p75_days as dwell_cumulative_p75_days,
    of_totals.p80_days as dwell_cumulative_p80_days,
    of_totals.p90_days as dwell_cumulative_p90_days,
    summed.visits < company.minimum_n as is_insufficient_history
from summed
cross join company
left join
    quantiles as of_visits
    on of_visits.measure = 'visit'
    and summed.funnel = of_visits.funnel
    and summed.segment = of_visits.segment
    and summed.segment_value = of_visits.segment_value
    and summed.stage = of_visits.stage
left join
    quantiles as of_totals
    on of_totals.measure = 'stage_total'
    and summed.funnel = of_totals.funnel
    and summed.segment = of_totals.segment
    and summed.segment_value = of_totals.segment_value
    and summed.stage = of_totals.stage
