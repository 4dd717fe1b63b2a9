with
    milestones as (select * from {{ ref("int_milestones") }}),

    kinds as (select * from {{ ref("int_milestone_kinds") }}),

    closed_deals as (select * from {{ ref("int_milestone_deals") }}),

    won_milestones as (
        select kinds.milestone_number, milestones.deal_key, milestones.first_at
        from milestones
        inner join
            kinds on milestones.funnel = kinds.funnel and milestones.milestone = kinds.milestone
        inner join closed_deals on milestones.deal_key = closed_deals.deal_key
        where closed_deals.is_won and milestones.first_at <= closed_deals.closed_at
    ),

    -- A kind of activity and the same with a role are one event; at one instant there is no order.
    pairs as (
        select
            earlier.milestone_number as one_number,
            later.milestone_number as other_number,
            count(*) as deals
        from won_milestones as earlier
        inner join
            won_milestones as later
            on earlier.deal_key = later.deal_key
            and earlier.first_at < later.first_at
        group by earlier.milestone_number, later.milestone_number
    ),

    both_ways as (
        select
            one_number as milestone_number,
            other_number,
            deals as before_deals,
            cast(0 as bigint) as after_deals
        from pairs
        union all
        select
            other_number as milestone_number,
            one_number as other_number,
            cast(0 as bigint) as before_deals,
            deals as after_deals
        from pairs
    ),

    summed as (
        select
            milestone_number,
            other_number,
            sum(before_deals) as before_deals,
            sum(after_deals) as after_deals
        from both_ways
        group by milestone_number, other_number
    )

select
    milestone_number,
    cast(sum(before_deals + after_deals) as bigint) as ordered_pairs,
    cast(sum(greatest(before_deals, after_deals)) as bigint) as pairs_in_usual_order
from summed
group by milestone_number
