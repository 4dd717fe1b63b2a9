with
    cohorts as (select * from {{ ref("int_reach_cohorts") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    ultimates as (select * from {{ ref("int_stage_ultimates") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    counted as (
        select
            cohorts.funnel,
            segments.segment,
            segments.segment_value,
            cohorts.cohort_kind,
            cohorts.cohort_start,
            cohorts.stage,
            cohorts.stage_rank,
            count(*) as reached,
            sum(case when is_visited then 1 else 0 end) as visited,
            sum(case when is_skipped then 1 else 0 end) as skipped,
            sum(case when is_advanced then 1 else 0 end) as advanced,
            sum(case when is_lost then 1 else 0 end) as lost,
            sum(case when is_open then 1 else 0 end) as still_open,
            sum(case when days_followed >= 30 then 1 else 0 end) as n_matured_30d,
            sum(
                case when days_followed >= 30 and days_to_advance <= 30 then 1 else 0 end
            ) as advanced_30d,
            sum(case when days_followed >= 60 then 1 else 0 end) as n_matured_60d,
            sum(
                case when days_followed >= 60 and days_to_advance <= 60 then 1 else 0 end
            ) as advanced_60d,
            sum(case when days_followed >= 90 then 1 else 0 end) as n_matured_90d,
            sum(
                case when days_followed >= 90 and days_to_advance <= 90 then 1 else 0 end
            ) as advanced_90d,
            sum(case when days_followed >= 180 then 1 else 0 end) as n_matured_180d,
            sum(
                case when days_followed >= 180 and days_to_advance <= 180 then 1 else 0 end
            ) as advanced_180d
        from cohorts
        inner join segments on cohorts.deal_key = segments.deal_key
        group by
            cohorts.funnel,
            segments.segment,
            segments.segment_value,
            cohorts.cohort_kind,
            cohorts.cohort_start,
            cohorts.stage,
            cohorts.stage_rank
    ),

    -- The parent that a small cohort is shrunk to: all deals that ever reached the stage.
    parents as (
        select funnel, stage, cast(advanced as double precision) / reached as conversion_parent
        from counted
        where segment = 'all' and cohort_kind = 'all'
    ),

    expected as (select * from ultimates where question = 'advance')

select
    counted.funnel,
    counted.segment,
    counted.segment_value,
    counted.cohort_kind,
    counted.cohort_start,
    counted.stage,
    cast(counted.stage_rank as bigint) as stage_rank,
    counted.reached,
    cast(counted.visited as bigint) as visited,
    cast(counted.skipped as bigint) as skipped,
    cast(counted.advanced as bigint) as advanced,
    cast(counted.lost as bigint) as lost,
    cast(counted.still_open as bigint) as still_open,
    expected.probability as conversion_expected,
    expected.undecided_share as conversion_expected_undecided,
    cast(coalesce(expected.deals, 0) as bigint) as n_expected,
    cast(counted.advanced as double precision) / counted.reached as conversion_to_date,
    {{ wilson_low("counted.advanced", "counted.reached") }} as conversion_to_date_low,
    {{ wilson_high("counted.advanced", "counted.reached") }} as conversion_to_date_high,
    cast(counted.n_matured_30d as bigint) as n_matured_30d,
    cast(counted.advanced_30d as bigint) as advanced_within_30d,
    cast(counted.advanced_30d as double precision)
    / nullif(counted.n_matured_30d, 0) as conversion_within_30d,
    {{ wilson_low("counted.advanced_30d", "counted.n_matured_30d") }} as conversion_within_30d_low,
    {{ wilson_high("counted.advanced_30d", "counted.n_matured_30d") }}
    as conversion_within_30d_high,
    cast(counted.n_matured_60d as bigint) as n_matured_60d,
    cast(counted.advanced_60d as bigint) as advanced_within_60d,
    cast(counted.advanced_60d as double precision)
    / nullif(counted.n_matured_60d, 0) as conversion_within_60d,
    {{ wilson_low("counted.advanced_60d", "counted.n_matured_60d") }} as conversion_within_60d_low,
    {{ wilson_high("counted.advanced_60d", "counted.n_matured_60d") }}
    as conversion_within_60d_high,
    cast(counted.n_matured_90d as bigint) as n_matured_90d,
    cast(counted.advanced_90d as bigint) as advanced_within_90d,
    cast(counted.advanced_90d as double precision)
    / nullif(counted.n_matured_90d, 0) as conversion_within_90d,
    {{ wilson_low("counted.advanced_90d", "counted.n_matured_90d") }} as conversion_within_90d_low,
    {{ wilson_high("counted.advanced_90d", "counted.n_matured_90d") }}
    as conversion_within_90d_high,
    cast(counted.n_matured_180d as bigint) as n_matured_180d,
    cast(counted.advanced_180d as bigint) as advanced_within_180d,
    cast(counted.advanced_180d as double precision)
    / nullif(counted.n_matured_180d, 0) as conversion_within_180d,
    {{ wilson_low("counted.advanced_180d", "counted.n_matured_180d") }}
    as conversion_within_180d_low,
    {{ wilson_high("counted.advanced_180d", "counted.n_matured_180d") }}
    as conversion_within_180d_high,
    counted.reached < company.minimum_n as is_insufficient_history,
    parents.conversion_parent,
    cast(company.shrinkage_deals as bigint) as shrinkage_deals,
    (counted.advanced + company.shrinkage_deals * parents.conversion_parent)
    / (counted.reached + company.shrinkage_deals) as conversion_shrunk
from counted
inner join parents on counted.funnel = parents.funnel and counted.stage = parents.stage
cross join company
left join
    expected
    on counted.funnel = expected.funnel
    and counted.segment = expected.segment
    and counted.segment_value = expected.segment_value
    and counted.cohort_kind = expected.cohort_kind
    and counted.stage = expected.stage
    and (
        counted.cohort_start = expected.cohort_start
        or (counted.cohort_start is null and expected.cohort_start is null)
    )
