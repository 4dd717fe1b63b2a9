with
    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    periods as (select * from {{ ref("stg_standards__periods") }}),

    runs as (select * from {{ ref("int_known_stage_runs") }}),

    first_known as (select min(entered_at) as first_entered_at from runs),

    month_starts as (
        select
            cast({{ dbt.dateadd("day", -1, "periods.period_start") }} as date) as as_of_date,
            {{ date_starts_at("periods.period_start", "company.time_zone") }} as as_of_at
        from periods
        cross join company
        inner join clock on periods.period_start <= clock.business_date
        where periods.period_kind = 'month'
    ),

    -- Two years: each season twice.
    latest as (
        select
            month_starts.*, row_number() over (order by month_starts.as_of_date desc) as months_back
        from month_starts
        inner join first_known on month_starts.as_of_at > first_known.first_entered_at
    ),

    tried as (
        select business_date as as_of_date, as_of_at, true as is_tonight
        from clock
        union all
        select as_of_date, as_of_at, false as is_tonight
        from latest
        where months_back <= 24
    )

select
    as_of_date, as_of_at, is_tonight, lag(as_of_at) over (order by as_of_date) as previous_as_of_at
from tried
