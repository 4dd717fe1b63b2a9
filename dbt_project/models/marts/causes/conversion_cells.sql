with
    factors as (select * from {{ ref("deal_stage_factors") }}),

    quarters as (select * from {{ ref("int_compared_quarters") }}),

    compared as (
        select
            factors.funnel,
            factors.stage,
            factors.stage_rank,
            factors.horizon_days,
            cast(factors.entered_quarter as {{ dbt.type_string() }}) as entered_quarter,
            quarters.quarters_back,
            coalesce(factors.owner_key, '(none)') as owner_key,
            coalesce(factors.owner_name, '(none)') as owner_name,
            coalesce(factors.team, '(none)') as team,
            factors.quality_class,
            factors.criteria_missed,
            factors.criteria_not_known,
            factors.has_loose_owner,
            factors.cadence_class,
            factors.pace_class,
            case when factors.is_advanced then 1 else 0 end as advanced
        from factors
        inner join
            quarters
            on factors.funnel = quarters.funnel
            and factors.stage = quarters.stage
            and factors.entered_quarter = quarters.entered_quarter
    ),

    by_quarter as (
        select
            funnel,
            stage,
            stage_rank,
            horizon_days,
            'quarter' as scope,
            entered_quarter as member,
            entered_quarter as member_name,
            quarters_back,
            quality_class,
            criteria_missed,
            criteria_not_known,
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
            criteria_missed,
            criteria_not_known,
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
            max(owner_name) as member_name,
            cast(null as bigint) as quarters_back,
            quality_class,
            criteria_missed,
            criteria_not_known,
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
            criteria_missed,
            criteria_not_known,
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
            team as member_name,
            cast(null as bigint) as quarters_back,
            quality_class,
            criteria_missed,
            criteria_not_known,
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
            criteria_missed,
            criteria_not_known,
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
    member_name,
    cast(quarters_back as bigint) as quarters_back,
    horizon_days,
    quality_class,
    criteria_missed,
    criteria_not_known,
    has_loose_owner,
    cadence_class,
    pace_class,
    cast(deals as bigint) as deals,
    cast(advanced as bigint) as advanced
from every_scope
