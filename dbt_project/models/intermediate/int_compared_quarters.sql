with
    entries as (select * from {{ ref("int_stage_entries") }}),

    periods as (select * from {{ ref("stg_standards__periods") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    stages as (
        select funnel, stage, max(horizon_days) as horizon_days from entries group by funnel, stage
    ),

    quarters as (
        select
            periods.period_start,
            row_number() over (order by periods.period_start) as quarter_number,
            {{ date_starts_at(dbt.dateadd("day", 1, "periods.period_end"), "company.time_zone") }}
            as ended_at
        from periods
        cross join company
        where periods.period_kind = 'quarter'
    ),

    -- A quarter is compared once its last deal has been watched for the horizon too: a part of a
    -- quarter would be another season.
    latest as (
        select stages.funnel, stages.stage, max(quarters.quarter_number) as quarter_number
        from stages
        cross join quarters
        cross join clock
        where {{ days_between("quarters.ended_at", "clock.as_of_at") }} >= stages.horizon_days
        group by stages.funnel, stages.stage
    )

select
    latest.funnel,
    latest.stage,
    quarters.period_start as entered_quarter,
    latest.quarter_number - quarters.quarter_number as quarters_back
from latest
cross join quarters
where quarters.quarter_number between latest.quarter_number - 8 and latest.quarter_number
