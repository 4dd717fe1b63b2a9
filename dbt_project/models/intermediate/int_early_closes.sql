with
    visits as (select * from {{ ref("int_visits") }}),

    deals as (select * from {{ ref("int_deals") }}),

    touches as (select * from {{ ref("int_touches") }}),

    crms_touching as (select * from {{ ref("int_crms_touching") }}),

    settings as (select * from {{ ref("stg_standards__cause_settings") }}),

    -- Where a CRM tells of no activities yet, nobody knows whether somebody had tried. To see soon
    -- that a deal is none, and say so, is no giving up.
    closed_soon as (
        select
            visits.deal_key,
            visits.visit_id,
            visits.funnel,
            visits.stage,
            visits.occurrence,
            visits.ended_as,
            visits.entered_at,
            visits.exited_at,
            visits.dwell_days,
            settings.closed_early_with_touches
        from visits
        inner join deals on visits.deal_key = deals.deal_key
        inner join crms_touching on deals.crm = crms_touching.crm
        cross join settings
        where
            visits.ended_as in ('lost', 'nurtured')
            and visits.dwell_days <= settings.closed_early_within_days
            and visits.entered_at >= crms_touching.first_touch_at
    ),

    touched as (
        select closed_soon.deal_key, closed_soon.visit_id, count(*) as touches
        from closed_soon
        inner join
            touches
            on closed_soon.deal_key = touches.deal_key
            and closed_soon.entered_at <= touches.occurred_at
            and closed_soon.exited_at >= touches.occurred_at
        group by closed_soon.deal_key, closed_soon.visit_id
    )

select
    closed_soon.deal_key,
    closed_soon.visit_id,
    closed_soon.funnel,
    closed_soon.stage,
    closed_soon.occurrence,
    closed_soon.ended_as,
    closed_soon.entered_at,
    closed_soon.exited_at,
    closed_soon.dwell_days,
    coalesce(touched.touches, 0) as touches
from closed_soon
left join
    touched on closed_soon.deal_key = touched.deal_key and closed_soon.visit_id = touched.visit_id
where coalesce(touched.touches, 0) <= closed_soon.closed_early_with_touches
