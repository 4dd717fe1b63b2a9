with
    reach as (select * from {{ ref("int_stage_reach") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    dated as (
        select
            reach.*,
            {{ days_between("reach.reached_at", "reach.advanced_at") }} as days_to_advance,
            {{ days_between("reach.reached_at", "clock.as_of_at") }} as days_followed,
            cast(
                {{ dbt.date_trunc("month", local_date("reach.reached_at", "company.time_zone")) }}
                as date
            ) as reached_month
        from reach
        cross join clock
        cross join company
    ),

    -- Every deal stands in the cohort of all and in that of its month; one reached at an unknown
    -- instant has
    -- no month, and says so.
    in_cohorts as (
        select dated.*, 'all' as cohort_kind, cast(null as date) as cohort_month
        from dated
        union all
        select
            dated.*,
            case when reached_month is null then 'unknown' else 'month' end as cohort_kind,
            reached_month as cohort_month
        from dated
    ),

    counted as (
        select
            in_cohorts.funnel,
            segments.segment,
            segments.segment_value,
            in_cohorts.cohort_kind,
            in_cohorts.cohort_month,
            in_cohorts.stage,
            in_cohorts.stage_rank,
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
        from in_cohorts
        inner join segments on in_cohorts.deal_key = segments.deal_key
        group by
            in_cohorts.funnel,
            segments.segment,
            segments.segment_value,
            in_cohorts.cohort_kind,
            in_cohorts.cohort_month,
            in_cohorts.stage,
            in_cohorts.stage_rank
    ),

    -- The parent that a small cohort is shrunk to: all deals that ever reached the stage.
    parents as (
        select funnel, stage, cast(advanced as double precision) / reached as conversion_parent
        from counted
        where segment = 'all' and cohort_kind = 'all'
    )

select
    counted.funnel,
    counted.segment,
    counted.segment_value,
    counted.cohort_kind,
    counted.cohort_month,
    counted.stage,
    cast(counted.stage_rank as bigint) as stage_rank,
    counted.reached,
    cast(counted.visited as bigint) as visited,
    cast(counted.skipped as bigint) as skipped,
    cast(counted.advanced as bigint) as advanced,
    cast(counted.lost as bigint) as lost,
    cast(counted.still_open as bigint) as still_open,
    cast(counted.advanced as double precision) / counted.reached as conversion_to_date,
    {{ wilson_low("counted.advanced", "counted.reached") }} as conversion_to_date_low,
    {{ wilson_high("counted.advanced", "counted.reached") }} as conversion_to_date_high,
    cast(counted.n_matured_30d as bigint) as n_matured_30d,
    cast(counted.advanced_30d as double precision)
    / nullif(counted.n_matured_30d, 0) as conversion_within_30d,
    cast(counted.n_matured_60d as bigint) as n_matured_60d,
    cast(counted.advanced_60d as double precision)
    / nullif(counted.n_matured_60d, 0) as conversion_within_60d,
    cast(counted.n_matured_90d as bigint) as n_matured_90d,
    cast(counted.advanced_90d as double precision)
    / nullif(counted.n_matured_90d, 0) as conversion_within_90d,
    cast(counted.n_matured_180d as bigint) as n_matured_180d,
    cast(counted.advanced_180d as double precision)
    / nullif(counted.n_matured_180d, 0) as conversion_within_180d,
    counted.reached < company.minimum_n as is_insufficient_history,
    parents.conversion_parent,
    cast(company.shrinkage_deals as bigint) as shrinkage_deals,
    (counted.advanced + company.shrinkage_deals * parents.conversion_parent)
    / (counted.reached + company.shrinkage_deals) as conversion_shrunk
from counted
inner join parents on counted.funnel = parents.funnel and counted.stage = parents.stage
cross join company
