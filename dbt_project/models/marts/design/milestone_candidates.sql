with
    kinds as (select * from {{ ref("int_milestone_kinds") }}),

    contrasts as (select * from {{ ref("int_milestone_contrasts") }}),

    stages as (select * from {{ ref("int_milestone_stages") }}),

    milestones as (select * from {{ ref("int_milestones") }}),

    closed_deals as (select * from {{ ref("int_milestone_deals") }}),

    orders as (select * from {{ ref("int_milestone_order") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    days_before_close as (
        select
            kinds.milestone_number,
            {{ days_between("milestones.first_at", "closed_deals.closed_at") }} as days
        from milestones
        inner join
            kinds on milestones.funnel = kinds.funnel and milestones.milestone = kinds.milestone
        inner join closed_deals on milestones.deal_key = closed_deals.deal_key
        where closed_deals.is_won and milestones.first_at <= closed_deals.closed_at
    ),

    timing as (
        select
            milestone_number,
            percentile_cont(0.25) within group (order by days) as p25_days,
            percentile_cont(0.5) within group (order by days) as p50_days,
            percentile_cont(0.75) within group (order by days) as p75_days
        from days_before_close
        group by milestone_number
    ),

    ranked_stages as (
        select
            contrasts.milestone_number,
            contrasts.won_here_deals,
            stages.stage,
            stages.stage_rank,
            row_number() over (
                partition by contrasts.milestone_number
                order by contrasts.won_here_deals desc, stages.stage_rank, stages.stage
            ) as place
        from contrasts
        inner join stages on contrasts.stage_number = stages.stage_number
        where contrasts.won_here_deals > 0
    ),

    usual_stages as (select * from ranked_stages where place = 1),

    pooled as (
        select
            milestone_number,
            sum(compared_deals) as compared_deals,
            sum(compared_with_visits) as compared_with_visits,
            cast(sum(weight) as double precision) as weight,
            cast(sum(won_with) as double precision) as won_with,
            cast(sum(won_without) as double precision) as won_without,
            cast(sum(p) as double precision) as p,
            cast(sum(q) as double precision) as q
        from contrasts
        group by milestone_number
    ),

    -- Two groups of the minimum size that are compared one to one have half of it as weight. Where
    -- all strata were won or lost whole, q is zero and nothing can be told from them.
    compared as (
        select
            kinds.*,
            kinds.won_deals - kinds.won_with_deals as won_not_with_deals,
            kinds.with_deals - kinds.won_with_deals as lost_with_deals,
            kinds.closed_deals - kinds.won_deals as lost_deals,
            coalesce(pooled.compared_deals, 0) as compared_deals,
            coalesce(pooled.compared_with_visits, 0) as compared_with_visits,
            pooled.weight,
            pooled.won_with / pooled.weight as win_rate_with,
            pooled.won_without / pooled.weight as win_rate_without,
            (pooled.won_with - pooled.won_without) / pooled.weight as difference,
            pooled.p,
            pooled.q,
            coalesce(
                pooled.compared_deals < company.minimum_n
                or pooled.weight < company.minimum_n / 2.0
                or pooled.q <= 0,
                true
            ) as is_insufficient_history
        from kinds
        cross join company
        left join pooled on kinds.milestone_number = pooled.milestone_number and pooled.weight > 0
    ),

    judged as (
        select
            compared.*,
            sum(case when not is_insufficient_history then 1 else 0 end) over (
                partition by funnel
            ) as judged_candidates
        from compared
    ),

    reaching as (
        select judged.*, {{ simultaneous_z("judged_candidates") }} as z_needed from judged
    ),

    bounded as (
        select
            reaching.*,
            case
                when q > 0
                then {{ klingenberg_middle("difference", "weight", "p", "(z_needed * z_needed)") }}
            end as middle,
            case
                when q > 0
                then
                    {{
                        klingenberg_half_width(
                            "difference", "weight", "p", "q", "(z_needed * z_needed)"
                        )
                    }}
            end as half_width,
            {{ rate_of("won_with_deals", "with_deals") }} as naive_rate_with,
            {{ rate_of("won_not_with_deals", "(closed_deals - with_deals)") }}
            as naive_rate_without,
            {{ rate_of("won_deals", "closed_deals") }} as win_rate
        from reaching
    ),

    -- Records that are written with hindsight, at a share of a deal's life, are commoner early in
    -- short lives: those of a kind that has nothing to do with winning are as common among won as
    -- among lost deals, whatever the comparison in time says. So both must show it.
    naively as (
        select
            bounded.*,
            (naive_rate_with - naive_rate_without) / nullif(
                sqrt(
                    win_rate
                    * (1 - win_rate)
                    * (1.0 / nullif(with_deals, 0) + 1.0 / nullif(closed_deals - with_deals, 0))
                ),
                0
            ) as naive_z
        from bounded
    ),

    concluded as (
        select
            naively.*,
            case
                when is_insufficient_history
                then 'insufficient_history'
                when middle - half_width > 0 and coalesce(naive_z > z_needed, false)
                then 'found'
                when middle + half_width < 0 and coalesce(naive_z < - z_needed, false)
                then 'harmful'
                else 'not_found'
            end as verdict
        from naively
    )

select
    concluded.funnel,
    concluded.milestone,
    concluded.subject,
    concluded.subject_key,
    concluded.contact_role,
    concluded.won_deals,
    concluded.won_with_deals,
    {{ rate_of("concluded.won_with_deals", "concluded.won_deals") }} as won_share,
    {{ wilson_low("concluded.won_with_deals", "concluded.won_deals") }} as won_share_low,
    {{ wilson_high("concluded.won_with_deals", "concluded.won_deals") }} as won_share_high,
    cast(concluded.lost_deals as bigint) as lost_deals,
    cast(concluded.lost_with_deals as bigint) as lost_with_deals,
    {{ rate_of("concluded.lost_with_deals", "concluded.lost_deals") }} as lost_share,
    {{ wilson_low("concluded.lost_with_deals", "concluded.lost_deals") }} as lost_share_low,
    {{ wilson_high("concluded.lost_with_deals", "concluded.lost_deals") }} as lost_share_high,
    {{ rate_of("concluded.won_by_customer_deals", "concluded.won_with_deals") }}
    as by_customer_share,
    concluded.naive_rate_with / nullif(concluded.naive_rate_without, 0) as naive_lift,
    cast(concluded.compared_deals as bigint) as compared_deals,
    cast(concluded.compared_with_visits as bigint) as compared_with_visits,
    concluded.win_rate_with,
    concluded.win_rate_without,
    concluded.difference as win_rate_difference,
    concluded.middle - concluded.half_width as win_rate_difference_low,
    concluded.middle + concluded.half_width as win_rate_difference_high,
    1 + concluded.difference / nullif(concluded.win_rate_without, 0) as lift,
    1
    + (concluded.middle - concluded.half_width) / nullif(concluded.win_rate_without, 0) as lift_low,
    1
    + (concluded.middle + concluded.half_width)
    / nullif(concluded.win_rate_without, 0) as lift_high,
    cast(concluded.judged_candidates as bigint) as judged_candidates,
    usual_stages.stage as usual_stage,
    usual_stages.stage_rank as usual_stage_rank,
    {{ rate_of("usual_stages.won_here_deals", "concluded.won_with_deals") }} as usual_stage_share,
    timing.p25_days as days_before_close_p25,
    timing.p50_days as days_before_close_p50,
    timing.p75_days as days_before_close_p75,
    {{ rate_of("orders.pairs_in_usual_order", "orders.ordered_pairs") }} as order_stability,
    coalesce(orders.ordered_pairs, 0) as ordered_pairs,
    concluded.asked_by,
    concluded.asked_by is not null as is_asked,
    concluded.is_insufficient_history,
    concluded.verdict = 'found' as is_found,
    concluded.verdict
from concluded
left join usual_stages on concluded.milestone_number = usual_stages.milestone_number
left join timing on concluded.milestone_number = timing.milestone_number
left join orders on concluded.milestone_number = orders.milestone_number
