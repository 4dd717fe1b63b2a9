with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    segments as (select * from {{ ref("int_deal_forecast_segments") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- A deal that was entered in the CRM when it was closed has begun too. Closed on the day it was
    -- created, it began so; closed later, nobody saw where it began.
    begun as (
        select
            runs.deal_key,
            runs.funnel,
            case
                when runs.outcome is null and runs.stage_rank is not null
                then runs.stage
                when
                    runs.outcome is not null
                    and {{ local_date("runs.entered_at", "company.time_zone") }}
                    = {{ local_date("deals.created_at", "company.time_zone") }}
                then runs.stage
                else '(unknown)'
            end as stage,
            case
                when runs.outcome is null
                then coalesce(deals.created_at, runs.entered_at)
                else deals.created_at
            end as began_at
        from runs
        cross join company
        inner join deals on runs.deal_key = deals.deal_key
        where runs.run_number = 1 and runs.funnel is not null
    )

select
    begun.funnel,
    segments.segment,
    segments.team,
    segments.owner_key,
    segments.from_as_of_date,
    segments.until_as_of_date,
    begun.stage,
    {{ local_date("begun.began_at", "company.time_zone") }} as created_on,
    {{ local_date("deals.known_until_at", "company.time_zone") }} as departed_on,
    count(*) as deals
from begun
cross join company
inner join deals on begun.deal_key = deals.deal_key
inner join segments on begun.deal_key = segments.deal_key
where begun.began_at is not null
group by
    begun.funnel,
    segments.segment,
    segments.team,
    segments.owner_key,
    segments.from_as_of_date,
    segments.until_as_of_date,
    begun.stage,
    {{ local_date("begun.began_at", "company.time_zone") }},
    {{ local_date("deals.known_until_at", "company.time_zone") }}
