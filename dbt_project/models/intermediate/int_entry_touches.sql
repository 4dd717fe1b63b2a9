with
    entries as (select * from {{ ref("int_stage_entries") }}),

    touches as (select * from {{ ref("int_touches") }}),

    crms_touching as (select * from {{ ref("int_crms_touching") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- What a gate asks for is its proof, which is told apart from how often somebody gets in touch.
    counted as (
        select
            entries.visit_id,
            entries.deal_key,
            count(*) as touches,
            count(
                distinct {{ local_date("touches.occurred_at", "company.time_zone") }}
            ) as touch_days,
            min(
                case when touches.is_by_customer then touches.occurred_at end
            ) as first_customer_activity_at
        from entries
        inner join
            touches
            on entries.deal_key = touches.deal_key
            and entries.entered_at <= touches.occurred_at
            and entries.follow_up_until_at > touches.occurred_at
        cross join company
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
            coalesce(counted.touch_days, 0) as touch_days,
            case when counted.first_customer_activity_at is not null then 1 else 0 end as answers,
            {{ days_between("entries.entered_at", "counted.first_customer_activity_at") }}
            as days_to_customer_activity,
            {{ microseconds_since_1970("entries.follow_up_until_at") }}
            - {{ microseconds_since_1970("entries.entered_at") }} as watched_microseconds,
            {{
                microseconds_since_1970(
                    "coalesce(counted.first_customer_activity_at, entries.follow_up_until_at)"
                )
            }} - {{ microseconds_since_1970("entries.entered_at") }} as waited_microseconds
        from entries
        inner join
            crms_touching
            on entries.crm = crms_touching.crm
            and entries.entered_at >= crms_touching.first_touch_at
        left join
            counted on entries.visit_id = counted.visit_id and entries.deal_key = counted.deal_key
    ),

    summed as (
        select
            funnel,
            stage,
            cast(sum(touches) as double precision) as touches,
            cast(sum(touch_days) as double precision) as touch_days,
            cast(sum(answers) as double precision) as answers,
            cast(sum(cast(watched_microseconds as decimal(38, 0))) as double precision)
            / 604800000000.0 as watched_weeks,
            cast(sum(cast(waited_microseconds as decimal(38, 0))) as double precision)
            / 604800000000.0 as waited_weeks
        from watched
        group by funnel, stage
    ),

    usual as (
        select
            funnel,
            stage,
            touches / nullif(watched_weeks, 0) as touches_per_week,
            touch_days / nullif(watched_weeks, 0) as touch_days_per_week,
            -- Everybody answers sooner or later, unless the visit ends before: what can be told of
            -- both is how many answer in a week of waiting.
            answers / nullif(waited_weeks, 0) as answers_per_week
        from summed
    ),

    -- Shrunk to the stage's own by two weeks: a visit of two days without a touch tells little.
    shrunken as (
        select
            watched.*,
            usual.touches_per_week as usual_touches_per_week,
            usual.touch_days_per_week as usual_touch_days_per_week,
            usual.answers_per_week as usual_answers_per_week,
            (watched.touches + 2 * usual.touches_per_week)
            / (watched.watched_microseconds / 604800000000.0 + 2) as touches_per_week,
            (watched.touch_days + 2 * usual.touch_days_per_week)
            / (watched.watched_microseconds / 604800000000.0 + 2) as touch_days_per_week,
            (watched.answers + 2 * usual.answers_per_week)
            / (watched.waited_microseconds / 604800000000.0 + 2) as answers_per_week
        from watched
        inner join usual on watched.funnel = usual.funnel and watched.stage = usual.stage
    )

select
    deal_key,
    visit_id,
    funnel,
    stage,
    touches,
    touch_days,
    days_to_customer_activity,
    watched_microseconds / 86400000000.0 as watched_days,
    touches_per_week as touches_per_week_shrunk,
    7 / nullif(touch_days_per_week, 0) as gap_days_shrunk,
    answers_per_week as answers_per_week_shrunk,
    -- The three together, as times of the stage's own; rounded, so that equal ones are equal.
    cast(
        (
            coalesce(ln(touches_per_week / nullif(usual_touches_per_week, 0)), 0)
            + coalesce(ln(touch_days_per_week / nullif(usual_touch_days_per_week, 0)), 0)
            + coalesce(ln(answers_per_week / nullif(usual_answers_per_week, 0)), 0)
        )
        / 3 as decimal(28, 10)
    ) as cadence_score
from shrunken
