with
    scenarios as (select * from {{ ref("int_chain_scenarios") }}),

    solutions as (select * from {{ ref("int_chain_solutions") }}),

    counts as (select * from {{ ref("int_transition_counts") }}),

    outcomes as (select * from {{ ref("int_deal_outcomes") }}),

    visits as (select * from {{ ref("int_visits") }}),

    velocity as (select * from {{ ref("funnel_velocity") }}),

    segments as (select * from {{ ref("stg_standards__segments") }}),

    -- What the funnel took in during the window, by the stage in which it began.
    starts as (
        select visits.funnel, visits.stage, count(*) as deals_started
        from visits
        inner join
            outcomes on visits.deal_key = outcomes.deal_key and visits.funnel = outcomes.funnel
        where visits.run_number = 1 and outcomes.is_created_in_window
        group by visits.funnel, visits.stage
    ),

    as_is as (select * from solutions where segment = 'all' and scenario = 'as_is'),

    whole as (
        select
            funnel,
            from_stage as stage,
            max(from_stage_rank) as stage_rank,
            max(from_visits) as completed_visits,
            sum(
                case
                    when to_kind = 'close' and to_state = 'won'
                    then visits
                    when to_kind = 'stage' and to_stage_rank > from_stage_rank
                    then visits
                    else 0
                end
            ) as forward_visits,
            max(from_mean_days) as completed_mean_days
        from counts
        where segment = 'all'
        group by funnel, from_stage
    ),

    what_if as (
        select distinct funnel, scenario, compared_by, moved_stage
        from scenarios
        where compared_by is not null
    ),

    -- Whole billionths, so that their sum is exact in any order of rows.
    gained as (
        select
            what_if.funnel,
            what_if.compared_by,
            what_if.moved_stage,
            sum(
                case
                    when what_if.scenario like 'share/%'
                    then
                        cast(
                            starts.deals_started
                            * (better.won_probability - as_is.won_probability) as decimal(28, 9)
                        )
                end
            ) as won_deals_gained,
            sum(
                case
                    when what_if.scenario like 'days/%'
                    then
                        cast(
                            starts.deals_started
                            * (as_is.days_to_close - better.days_to_close) as decimal(28, 9)
                        )
                end
            ) as deal_days_gained,
            sum(
                case
                    when what_if.scenario like 'days/%' and better.days_to_close is not null
                    then starts.deals_started
                end
            ) as deals_timed
        from what_if
        inner join
            solutions as better
            on what_if.funnel = better.funnel
            and better.segment = 'all'
            and what_if.scenario = better.scenario
        inner join as_is on better.funnel = as_is.funnel and better.stage = as_is.stage
        inner join starts on better.funnel = starts.funnel and better.stage = starts.stage
        group by what_if.funnel, what_if.compared_by, what_if.moved_stage
    ),

    targets as (
        select
            funnel,
            compared_by,
            moved_stage,
            max(segments_compared) as segments_compared,
            max(target_forward_share) as target_forward_share,
            max(target_days) as target_days
        from scenarios
        where compared_by is not null
        group by funnel, compared_by, moved_stage
    ),

    intake as (select funnel, sum(deals_started) as deals_started from starts group by funnel),

    compared as (
        select
            whole.funnel,
            segments.segment as compared_by,
            whole.stage,
            whole.stage_rank,
            whole.completed_visits,
            whole.forward_visits,
            whole.completed_mean_days,
            coalesce(targets.segments_compared, 0) as segments_compared,
            targets.target_forward_share,
            targets.target_days,
            velocity.window_days,
            coalesce(intake.deals_started, 0) as deals_started,
            velocity.won_mean_amount,
            cast(gained.won_deals_gained as double precision) as won_deals_gained,
            cast(
                cast(gained.won_deals_gained as double precision)
                * cast(velocity.won_mean_amount as double precision) as decimal(18, 2)
            ) as won_amount_gained,
            cast(gained.deal_days_gained as double precision)
            / nullif(gained.deals_timed, 0) as days_gained
        from whole
        cross join segments
        inner join velocity on whole.funnel = velocity.funnel and velocity.segment = 'all'
        left join intake on whole.funnel = intake.funnel
        left join
            targets
            on whole.funnel = targets.funnel
            and whole.stage = targets.moved_stage
            and segments.segment = targets.compared_by
        left join
            gained
            on whole.funnel = gained.funnel
            and whole.stage = gained.moved_stage
            and segments.segment = gained.compared_by
        where segments.segment <> 'all'
    )

select
    funnel,
    compared_by,
    stage,
    cast(stage_rank as bigint) as stage_rank,
    cast(completed_visits as bigint) as completed_visits,
    cast(forward_visits as double precision) / completed_visits as forward_share,
    {{ wilson_low("forward_visits", "completed_visits") }} as forward_share_low,
    {{ wilson_high("forward_visits", "completed_visits") }} as forward_share_high,
    completed_mean_days,
    cast(segments_compared as bigint) as segments_compared,
    segments_compared < 4 as is_insufficient_history,
    target_forward_share,
    target_days,
    window_days,
    cast(deals_started as bigint) as deals_started,
    won_mean_amount,
    won_deals_gained,
    won_amount_gained,
    case
        when won_amount_gained is not null
        then
            rank() over (
                partition by funnel, compared_by
                order by
                    case when won_amount_gained is null then 1 else 0 end, won_amount_gained desc
            )
    end as rank_by_won_amount,
    days_gained,
    case
        when days_gained is not null
        then
            rank() over (
                partition by funnel, compared_by
                order by case when days_gained is null then 1 else 0 end, days_gained desc
            )
    end as rank_by_days
from compared
