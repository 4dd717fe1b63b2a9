with
    inputs as (select * from {{ ref("stg_night__inputs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    latest as (
        select crm, feeds, max(last_extracted_at) as last_extracted_at
        from inputs
        group by crm, feeds
    )

select
    latest.crm,
    latest.feeds as input,
    latest.last_extracted_at,
    coalesce(
        {{ days_between("latest.last_extracted_at", "clock.as_of_at") }}
        <= company.stale_after_days,
        false
    ) as is_fresh
from latest
cross join clock
cross join company
