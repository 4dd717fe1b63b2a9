with
    deals as (select * from {{ ref("int_deals") }}),

    reach as (select * from {{ ref("int_stage_reach") }}),

    visits as (select * from {{ ref("int_visits") }}),

    early_closes as (select * from {{ ref("int_early_closes") }}),

    crms_touching as (select * from {{ ref("int_crms_touching") }}),

    follow_up as (select * from {{ ref("deal_follow_up") }}),

    amounts as (select * from {{ ref("int_deal_amounts") }}),

    close_fields as (select * from {{ ref("int_deal_close_fields") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    closed as (
        select deal_key, crm, funnel, outcome, lost_reason
        from deals
        where funnel is not null and outcome is not null
    ),

    furthest as (
        select deal_key, max(stage_rank) as stage_rank from reach where is_visited group by deal_key
    ),

    stages as (
        select reach.deal_key, reach.stage, reach.stage_rank
        from reach
        inner join
            furthest
            on reach.deal_key = furthest.deal_key
            and reach.stage_rank = furthest.stage_rank
    ),

    -- The stay that the close ended: of a deal that was reopened, the last one.
    last_visits as (
        select deal_key, max(visit_number) as visit_number from visits group by deal_key
    ),

    closing_visits as (
        select visits.deal_key, visits.visit_id, visits.entered_at, visits.dwell_days
        from visits
        inner join
            last_visits
            on visits.deal_key = last_visits.deal_key
            and visits.visit_number = last_visits.visit_number
    ),

    told as (
        select
            closed.deal_key,
            closed.funnel,
            closed.outcome,
            coalesce(stages.stage, '(none)') as stage,
            coalesce(stages.stage_rank, 0) as stage_rank,
            coalesce(
                case
                    when closed.outcome = 'won'
                    then close_fields.won_reason
                    else nullif(trim(closed.lost_reason), '')
                end,
                '(not recorded)'
            ) as reason,
            coalesce(close_fields.competitor, '(not recorded)') as competitor,
            amounts.amount_reporting,
            closing_visits.dwell_days,
            follow_up.touches,
            -- Nobody knows of a stay that began before the CRM told of activities.
            case
                when crms_touching.crm is not null then early_closes.visit_id is not null
            end as is_closed_early
        from closed
        left join stages on closed.deal_key = stages.deal_key
        left join close_fields on closed.deal_key = close_fields.deal_key
        left join amounts on closed.deal_key = amounts.deal_key
        left join closing_visits on closed.deal_key = closing_visits.deal_key
        left join follow_up on closed.deal_key = follow_up.deal_key
        left join
            crms_touching
            on closed.crm = crms_touching.crm
            and closing_visits.entered_at >= crms_touching.first_touch_at
        left join
            early_closes
            on closing_visits.deal_key = early_closes.deal_key
            and closing_visits.visit_id = early_closes.visit_id
    ),

    counted as (
        select
            told.funnel,
            told.outcome,
            told.stage,
            told.stage_rank,
            segments.segment,
            segments.segment_value,
            told.reason,
            told.competitor,
            count(*) as deals,
            sum(told.amount_reporting) as amount,
            sum(case when told.amount_reporting is null then 1 else 0 end) as deals_without_amount,
            percentile_cont(0.5) within group (order by told.dwell_days) as median_days,
            percentile_cont(0.5) within group (
                order by cast(told.touches as double precision)
            ) as median_touches,
            sum(
                case when told.is_closed_early then 1 when not told.is_closed_early then 0 end
            ) as closed_early_deals
        from told
        inner join segments on told.deal_key = segments.deal_key
        group by
            told.funnel,
            told.outcome,
            told.stage,
            told.stage_rank,
            segments.segment,
            segments.segment_value,
            told.reason,
            told.competitor
    ),

    totals as (
        select
            funnel,
            outcome,
            segment,
            segment_value,
            sum(deals) as outcome_deals,
            sum(amount) as outcome_amount
        from counted
        group by funnel, outcome, segment, segment_value
    )

select
    counted.funnel,
    counted.outcome,
    cast(counted.stage_rank as bigint) as stage_rank,
    counted.stage,
    counted.segment,
    counted.segment_value,
    counted.reason,
    counted.competitor,
    cast(counted.deals as bigint) as deals,
    cast(totals.outcome_deals as bigint) as outcome_deals,
    {{ rate_of("counted.deals", "totals.outcome_deals") }} as share,
    {{ wilson_low("counted.deals", "totals.outcome_deals") }} as share_low,
    {{ wilson_high("counted.deals", "totals.outcome_deals") }} as share_high,
    cast(coalesce(counted.amount, 0) as decimal(28, 2)) as amount,
    cast(counted.deals_without_amount as bigint) as deals_without_amount,
    counted.median_days as median_days_in_last_stage,
    counted.median_touches,
    cast(counted.closed_early_deals as bigint) as closed_early_deals,
    totals.outcome_deals < company.minimum_n as is_insufficient_history
from counted
inner join
    totals
    on counted.funnel = totals.funnel
    and counted.outcome = totals.outcome
    and counted.segment = totals.segment
    and counted.segment_value = totals.segment_value
cross join company
