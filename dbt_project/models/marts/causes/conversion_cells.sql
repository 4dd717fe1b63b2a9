with
    factors as (select * from {{ ref("deal_stage_factors") }}),

    periods as (select * from {{ ref("stg_standards__periods") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    stages as (
        select funnel, stage, max(horizon_days) as horizon_days from factors group by funnel, stage
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
    latest_quarters as (
        select stages.funnel, stages.stage, max(quarters.quarter_number) as quarter_number
        from stages
        cross join quarters
        cross join clock
        where {{ days_between("quarters.ended_at", "clock.as_of_at") }} >= stages.horizon_days
        group by stages.funnel, stages.stage
    ),

    compared as (
        select
            factors.funnel,
            factors.stage,
            factors.stage_rank,
            factors.horizon_days,
            cast(factors.entered_quarter as {{ dbt.type_string() }}) as entered_quarter,
            latest_quarters.quarter_number - quarters.quarter_number as quarters_back,
            coalesce(factors.owner_key, '(none)') as owner_key,
            coalesce(factors.team, '(none)') as team,
            factors.quality_class,
            factors.proof_class,
            factors.has_loose_owner,
            factors.cadence_class,
            factors.pace_class,
            case when factors.is_advanced then 1 else 0 end as advanced
        from factors
        inner join quarters on factors.entered_quarter = quarters.period_start
        inner join
            latest_quarters
            on factors.funnel = latest_quarters.funnel
            and factors.stage = latest_quarters.stage
        where
            quarters.quarter_number
            between latest_quarters.quarter_number - 8 and latest_quarters.quarter_number
    ),

    by_quarter as (
        select
            funnel,
            stage,
            stage_rank,
            horizon_days,
            'quarter' as scope,
            entered_quarter as member,
            quarters_back,
            quality_class,
            proof_class,
            has_loose_owner,
            cadence_class,
            pace_class,
            count(*) as deals,
            sum(advanced) as advanced
        from compared
        group by
            funnel,
            stage,
            stage_rank,
            horizon_days,
            entered_quarter,
            quarters_back,
            quality_class,
            proof_class,
            has_loose_owner,
            cadence_class,
            pace_class
    ),

    -- Whether its owner is looser than others says nothing of a deal where owners are compared:
    -- all deals of an owner are the one or the other.
    by_owner as (
        select
            funnel,
            stage,
            stage_rank,
            horizon_days,
            'owner' as scope,
            owner_key as member,
            cast(null as bigint) as quarters_back,
            quality_class,
            proof_class,
            false as has_loose_owner,
            cadence_class,
            pace_class,
            count(*) as deals,
            sum(advanced) as advanced
        from compared
        where quarters_back < 4
        group by
            funnel,
            stage,
            stage_rank,
            horizon_days,
            owner_key,
            quality_class,
            proof_class,
            cadence_class,
            pace_class
    ),

    by_team as (
        select
            funnel,
            stage,
            stage_rank,
            horizon_days,
            'team' as scope,
            team as member,
            cast(null as bigint) as quarters_back,
            quality_class,
            proof_class,
            false as has_loose_owner,
            cadence_class,
            pace_class,
            count(*) as deals,
            sum(advanced) as advanced
        from compared
        where quarters_back < 4
        group by
            funnel,
            stage,
            stage_rank,
            horizon_days,
            team,
            quality_class,
            proof_class,
            cadence_class,
            pace_class
    ),

    every_scope as (
        select *
        from by_quarter
        union all
        select *
        from by_owner
        union all
        select *
        from by_team
    )

select
    funnel,
    stage,
    stage_rank,
    scope,
    member,
    cast(quarters_back as bigint) as quarters_back,
    horizon_days,
    quality_class,
    proof_class,
    has_loose_owner,
    cadence_class,
    pace_class,
    cast(deals as bigint) as deals,
    cast(advanced as bigint) as advanced
from every_scope
