with
    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    versions as (select * from {{ ref("stg_standards__funnel_versions") }}),

    funnels as (select funnel, count(*) as versions from versions group by funnel),

    -- Worded or weighted otherwise it is the same question; with another predicate it is another.
    asks as (
        select
            funnel,
            criterion_id,
            definition,
            min(version) as first_version,
            min(stage_rank) as stage_rank,
            count(*) as versions
        from criteria
        group by funnel, criterion_id, definition
    ),

    counted as (select asks.*, count(*) over (partition by criterion_id) as definitions from asks)

select
    -- Millions of rows are joined and grouped by it; names are slow to compare.
    cast(
        row_number() over (order by counted.criterion_id, counted.first_version) as integer
    ) as ask_number,
    counted.funnel,
    counted.criterion_id,
    counted.definition,
    counted.criterion_id || case
        when counted.definitions > 1
        then '@' || cast(counted.first_version as {{ dbt.type_string() }})
        else ''
    end as ask,
    counted.stage_rank,
    counted.versions < funnels.versions as is_of_some_versions
from counted
inner join funnels on counted.funnel = funnels.funnel
