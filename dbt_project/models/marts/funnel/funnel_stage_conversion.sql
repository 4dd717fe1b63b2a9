with
    counts as (select * from {{ ref("int_cohort_counts") }}),

    segment_values as (select * from {{ ref("int_segment_values") }}),

    ultimates as (select * from {{ ref("int_stage_ultimates") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- A deal stands in the cohort of all, in its month and in its fiscal quarter. One reached at an
    -- unknown instant has no month, and says so.
    cohorts as (
        select counts.*, 'all' as cohort_kind, cast(null as date) as cohort_start
        from counts
        union all
        select
            counts.*,
            case when reached_month is null then 'unknown' else 'month' end as cohort_kind,
            reached_month as cohort_start
        from counts
        union all
        select counts.*, 'quarter' as cohort_kind, reached_quarter as cohort_start
        from counts
        where reached_quarter is not null
    ),

    counted as (
        select
            cohorts.funnel,
            segment_values.segment,
            segment_values.segment_value,
            cohorts.cohort_kind,
            cohorts.cohort_start,
            cohorts.stage,
            cohorts.stage_rank,
            cast(sum(reached) as bigint) as reached,
            sum(visited) as visited,
            sum(reached) - sum(visited) as skipped,
            sum(advanced) as advanced,
            sum(lost) as lost,
            sum(still_open) as still_open,
            sum(n_matured_30d) as n_matured_30d,
            sum(advanced_30d) as advanced_30d,
            sum(n_matured_60d) as n_matured_60d,
            sum(advanced_60d) as advanced_60d,
            sum(n_matured_90d) as n_matured_90d,
            sum(advanced_90d) as advanced_90d,
            sum(n_matured_180d) as n_matured_180d,
            sum(advanced_180d) as advanced_180d
        from cohorts
        inner join segment_values on cohorts.segment_id = segment_values.segment_id
        group by
            cohorts.funnel,
            segment_values.segment,
            segment_values.segment_value,
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
    -- A plain comparison: joined by an `or`, every cohort would be held against every other.
    and coalesce(counted.cohort_start, cast('0001-01-01' as date))
    = coalesce(expected.cohort_start, cast('0001-01-01' as date))
