with
    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    latest as (
        select funnel, stage, max(version) as version
        from stages
        where outcome is null
        group by funnel, stage
    )

select
    cast(row_number() over (order by stages.funnel, stages.stage) as bigint) as stage_number,
    stages.funnel,
    stages.stage,
    stages.stage_rank
from stages
inner join
    latest
    on stages.funnel = latest.funnel
    and stages.stage = latest.stage
    and stages.version = latest.version
