with
    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    versions as (select * from {{ ref("stg_standards__funnel_versions") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    newest_first as (
        select
            criteria.*,
            count(*) over (partition by criteria.criterion_id) as versions,
            row_number() over (
                partition by criteria.criterion_id order by criteria.version desc
            ) as place
        from criteria
    ),

    in_force as (
        select criteria.criterion_id
        from criteria
        inner join
            versions on criteria.funnel = versions.funnel and criteria.version = versions.version
        cross join clock
        where
            clock.business_date >= versions.valid_from
            and (versions.valid_to is null or clock.business_date < versions.valid_to)
    )

select
    -- Millions of rows are joined and grouped by it; names are slow to compare.
    cast(row_number() over (order by newest_first.criterion_id) as integer) as criterion_number,
    newest_first.criterion_id,
    newest_first.funnel,
    newest_first.stage,
    newest_first.stage_rank,
    newest_first.gate,
    newest_first.severity,
    newest_first.evidence_kind,
    newest_first.wording_en,
    newest_first.wording_zh,
    newest_first.versions,
    in_force.criterion_id is not null as is_in_force
from newest_first
left join in_force on newest_first.criterion_id = in_force.criterion_id
where newest_first.place = 1
