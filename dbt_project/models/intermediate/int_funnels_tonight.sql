with
    versions as (select * from {{ ref("stg_standards__funnel_versions") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    clock as (select * from {{ ref("stg_night__clock") }})

select stages.funnel, stages.stage, stages.stage_rank
from versions
cross join clock
inner join stages on versions.funnel = stages.funnel and versions.version = stages.version
where
    stages.outcome is null
    and clock.business_date >= versions.valid_from
    and (versions.valid_to is null or clock.business_date < versions.valid_to)
