with
    outcomes as (select * from {{ ref("int_deal_outcomes") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    quantiles as (select * from {{ ref("int_duration_quantiles") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    cycles as (select * from quantiles where measure = 'cycle'),

    cut as (
        select outcomes.*, segments.segment, segments.segment_value
        from outcomes
        inner join segments on outcomes.deal_key = segments.deal_key
    ),

    counted as (
        select
            funnel,
            segment,
            segment_value,
            max(window_days) as window_days,
            count(*) as deals,
            sum(case when is_open then 1 else 0 end) as open_deals,
            sum(case when is_undated_close then 1 else 0 end) as undated_closes,
            sum(case when is_closed_in_window then 1 else 0 end) as closed_deals,
            sum(case when is_closed_in_window and outcome = 'won' then 1 else 0 end) as won_deals,
            sum(case when is_closed_in_window and outcome = 'lost' then 1 else 0 end) as lost_deals,
            sum(
                case when is_closed_in_window and outcome in ('won', 'lost') then 1 else 0 end
            ) as won_or_lost_deals,
            count(
                case when is_closed_in_window and outcome = 'won' then amount_reporting end
            ) as won_deals_with_amount,
            coalesce(
                sum(case when is_closed_in_window and outcome = 'won' then amount_reporting end), 0
            ) as won_amount,
            sum(case when is_closed_in_window then amount_reporting end) as closed_amount
        from cut
        group by funnel, segment, segment_value
    ),

    won_cycles as (
        select
            funnel,
            segment,
            segment_value,
            count(*) as won_deals_with_cycle,
            percentile_cont(0.5) within group (order by cycle_days) as won_cycle_p50_days
        from cut
        where is_closed_in_window and outcome = 'won' and cycle_days >= 0
        group by funnel, segment, segment_value
    ),

    rated as (
        select
            counted.*,
            coalesce(won_cycles.won_deals_with_cycle, 0) as won_deals_with_cycle,
            won_cycles.won_cycle_p50_days,
            cast(won_deals as double precision) / nullif(closed_deals, 0) as win_rate,
            cast(won_deals as double precision) / nullif(won_or_lost_deals, 0) as win_rate_narrow,
            cast(won_amount as double precision)
            / nullif(cast(closed_amount as double precision), 0) as win_rate_amount_weighted,
            cast(won_amount as double precision)
            / nullif(won_deals_with_amount, 0) as won_mean_amount
        from counted
        left join
            won_cycles
            on counted.funnel = won_cycles.funnel
            and counted.segment = won_cycles.segment
            and counted.segment_value = won_cycles.segment_value
    ),

    parents as (select funnel, win_rate as win_rate_parent from rated where segment = 'all')

select
    rated.funnel,
    rated.segment,
    rated.segment_value,
    rated.window_days,
    rated.deals,
    cast(rated.open_deals as bigint) as open_deals,
    cast(rated.closed_deals as bigint) as closed_deals,
    cast(rated.undated_closes as bigint) as undated_closes,
    cast(rated.won_deals as bigint) as won_deals,
    cast(rated.lost_deals as bigint) as lost_deals,
    rated.win_rate,
    {{ wilson_low("rated.won_deals", "rated.closed_deals") }} as win_rate_low,
    {{ wilson_high("rated.won_deals", "rated.closed_deals") }} as win_rate_high,
    rated.closed_deals < company.minimum_n as is_insufficient_history,
    parents.win_rate_parent,
    cast(company.shrinkage_deals as bigint) as shrinkage_deals,
    (rated.won_deals + company.shrinkage_deals * parents.win_rate_parent)
    / (rated.closed_deals + company.shrinkage_deals) as win_rate_shrunk,
    rated.win_rate_narrow,
    {{ wilson_low("rated.won_deals", "rated.won_or_lost_deals") }} as win_rate_narrow_low,
    {{ wilson_high("rated.won_deals", "rated.won_or_lost_deals") }} as win_rate_narrow_high,
    rated.win_rate_amount_weighted,
    rated.won_deals_with_amount,
    cast(rated.won_amount as decimal(18, 2)) as won_amount,
    cast(rated.won_mean_amount as decimal(18, 2)) as won_mean_amount,
    rated.won_deals_with_cycle,
    rated.won_cycle_p50_days,
    cast(
        rated.open_deals
        * rated.win_rate
        * rated.won_mean_amount
        / nullif(rated.won_cycle_p50_days, 0) as decimal(18, 2)
    ) as velocity_amount_per_day,
    cast(
        cast(rated.won_amount as double precision) / nullif(rated.window_days, 0) as decimal(18, 2)
    ) as observed_won_amount_per_day,
    cycles.p25_days as sales_cycle_p25_days,
    cycles.p50_days as sales_cycle_p50_days,
    cycles.p75_days as sales_cycle_p75_days,
    cycles.p80_days as sales_cycle_p80_days,
    cycles.p90_days as sales_cycle_p90_days
from rated
cross join company
inner join parents on rated.funnel = parents.funnel
left join
    cycles
    on rated.funnel = cycles.funnel
    and rated.segment = cycles.segment
    and rated.segment_value = cycles.segment_value
