with
    entries as (select * from {{ ref("int_stage_entries") }}),

    touches as (select * from {{ ref("int_touches") }}),

    crms_touching as (select * from {{ ref("int_crms_touching") }}),

    -- What a gate asks for is its proof, which is told apart from how often somebody gets in touch.
    counted as (
        select entries.visit_id, entries.deal_key, count(*) as touches
        from entries
        inner join
            touches
            on entries.deal_key = touches.deal_key
            and entries.entered_at <= touches.occurred_at
            and entries.follow_up_until_at > touches.occurred_at
        where not touches.is_asked_at_gates
        group by entries.visit_id, entries.deal_key
    ),

    watched as (
        select
            entries.deal_key,
            entries.visit_id,
            entries.funnel,
            entries.stage,
            coalesce(counted.touches, 0) as touches,
            {{ microseconds_since_1970("entries.follow_up_until_at") }}
            - {{ microseconds_since_1970("entries.entered_at") }} as watched_microseconds
        from entries
        inner join
            crms_touching
            on entries.crm = crms_touching.crm
            and entries.entered_at >= crms_touching.first_touch_at
        left join
            counted on entries.visit_id = counted.visit_id and entries.deal_key = counted.deal_key
    ),

    usual as (
        select
            funnel,
            stage,
            cast(sum(touches) as double precision)
            / nullif(cast(sum(cast(watched_microseconds as decimal(38, 0))) as double precision), 0)
            * 604800000000.0 as touches_per_week
        from watched
        group by funnel, stage
    )

select
    watched.deal_key,
    watched.visit_id,
    watched.funnel,
    watched.stage,
    watched.touches,
    watched.watched_microseconds / 86400000000.0 as watched_days,
    -- Shrunk to the stage's own by two weeks: a visit of two days without a touch tells little.
    (watched.touches + 2 * usual.touches_per_week)
    / (watched.watched_microseconds / 604800000000.0 + 2) as touches_per_week_shrunk
from watched
inner join usual on watched.funnel = usual.funnel and watched.stage = usual.stage
