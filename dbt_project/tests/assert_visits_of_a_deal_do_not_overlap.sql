-- A returned row is a visit that began before the visit ahead of it had ended.
with
    visits as (select * from {{ ref("deal_visits") }}),

    compared as (
        select
            visit_id,
            entered_at,
            lag(exited_at) over (partition by deal_key order by visit_number) as exited_before_at
        from visits
    )

select visit_id, entered_at, exited_before_at
from compared
where entered_at < exited_before_at
