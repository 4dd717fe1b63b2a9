with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    touches as (select * from {{ ref("int_touches") }}),

    crms_touching as (select * from {{ ref("int_crms_touching") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    lives as (
        select
            deals.deal_key,
            deals.crm,
            deals.funnel,
            deals.owner_key,
            deals.is_open,
            deals.created_at,
            case when deals.is_open then clock.as_of_at else positions.closed_at end as ended_at
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        cross join clock
    ),

    -- What was done before the deal was there is the lead's, and what after its close no follow-up.
    touches_in_order as (
        select
            touches.deal_key,
            touches.occurred_at,
            touches.direction,
            touches.is_by_customer,
            lives.created_at,
            lag(touches.occurred_at) over (
                partition by touches.deal_key order by touches.occurred_at, touches.activity_key
            ) as previous_at
        from touches
        inner join lives on touches.deal_key = lives.deal_key
        where touches.occurred_at >= lives.created_at and touches.occurred_at <= lives.ended_at
    ),

    gaps as (
        select
            touches_in_order.*,
            {{ days_between("coalesce(previous_at, created_at)", "occurred_at") }} as days_before
        from touches_in_order
    ),

    summed as (
        select
            deal_key,
            count(*) as touches,
            sum(case when direction is not null then 1 else 0 end) as directed_touches,
            sum(case when direction = 'inbound' then 1 else 0 end) as inbound_touches,
            min(case when is_by_customer then occurred_at end) as first_customer_activity_at,
            min(occurred_at) as first_touch_at,
            max(occurred_at) as last_touch_at,
            max(days_before) as longest_days_before
        from gaps
        group by deal_key
    ),

    -- Of a deal that was there before its CRM told of activities, what was done first is not known.
    known as (
        select lives.deal_key
        from lives
        inner join
            crms_touching
            on lives.crm = crms_touching.crm
            and lives.created_at >= crms_touching.first_touch_at
    ),

    measured as (
        select
            lives.deal_key,
            lives.funnel,
            lives.owner_key,
            lives.is_open,
            lives.created_at,
            lives.ended_at,
            known.deal_key is not null as is_activity_known,
            {{ days_between("lives.created_at", "lives.ended_at") }} as followed_days,
            case when known.deal_key is not null then coalesce(summed.touches, 0) end as touches,
            summed.directed_touches,
            summed.inbound_touches,
            summed.first_touch_at,
            summed.last_touch_at,
            summed.first_customer_activity_at,
            summed.longest_days_before,
            {{ days_between("coalesce(summed.last_touch_at, lives.created_at)", "lives.ended_at") }}
            as days_after
        from lives
        left join known on lives.deal_key = known.deal_key
        left join summed on known.deal_key = summed.deal_key
    )

select
    deal_key,
    funnel,
    owner_key,
    is_open,
    is_activity_known,
    created_at,
    followed_days,
    first_customer_activity_at,
    {{ days_between("created_at", "first_customer_activity_at") }}
    as days_to_first_customer_activity,
    first_touch_at,
    last_touch_at,
    cast(touches as bigint) as touches,
    case when followed_days >= 1 then touches * 7.0 / followed_days end as touches_per_week,
    cast(directed_touches as bigint) as directed_touches,
    cast(inbound_touches as bigint) as inbound_touches,
    {{ rate_of("inbound_touches", "directed_touches") }} as inbound_share,
    case
        when is_activity_known
        then case when longest_days_before > days_after then longest_days_before else days_after end
    end as longest_gap_days,
    case
        when touches >= 2 then {{ days_between("first_touch_at", "last_touch_at") }} / (touches - 1)
    end as mean_gap_days
from measured
