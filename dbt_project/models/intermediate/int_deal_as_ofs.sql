with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    as_ofs as (select * from {{ ref("int_as_ofs") }}),

    versions as (select * from {{ ref("stg_standards__funnel_versions") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    -- A run whose beginning nothing dates is known to go on tonight and at no time before. A stage
    -- that no funnel file maps has no rank; the deal is open all the same, and stays in all totals.
    open_runs as (
        select
            *,
            case
                when next_stage is null then cast('9999-12-31' as timestamp) else left_at
            end as known_left_at
        from runs
        where outcome is null and funnel is not null
    ),

    tonight as (select * from as_ofs where is_tonight),

    before_tonight as (select * from as_ofs where not is_tonight),

    standing as (
        select
            tonight.as_of_date,
            tonight.as_of_at,
            tonight.is_tonight,
            open_runs.deal_key,
            open_runs.funnel,
            open_runs.stage,
            open_runs.stage_rank,
            open_runs.entered_at
        from open_runs
        cross join tonight
        where open_runs.next_stage is null and not open_runs.is_departed
        union all
        select
            before_tonight.as_of_date,
            before_tonight.as_of_at,
            before_tonight.is_tonight,
            open_runs.deal_key,
            open_runs.funnel,
            open_runs.stage,
            open_runs.stage_rank,
            open_runs.entered_at
        from open_runs
        inner join
            before_tonight
            on open_runs.entered_at < before_tonight.as_of_at
            and open_runs.known_left_at >= before_tonight.as_of_at
            and (
                open_runs.known_until_at is null
                or open_runs.known_until_at >= before_tonight.as_of_at
            )
    ),

    -- A visit is told by the version that it began under; whether a deal can still be won from
    -- where
    -- it stands, by the one of that day.
    closed_then as (
        select as_ofs.as_of_date, stages.funnel, stages.stage
        from as_ofs
        inner join
            versions
            on as_ofs.as_of_date >= versions.valid_from
            and (versions.valid_to is null or as_ofs.as_of_date < versions.valid_to)
        inner join stages on versions.funnel = stages.funnel and versions.version = stages.version
        where stages.outcome is not null
    )

select standing.*
from standing
left join
    closed_then
    on standing.as_of_date = closed_then.as_of_date
    and standing.funnel = closed_then.funnel
    and standing.stage = closed_then.stage
where closed_then.stage is null
