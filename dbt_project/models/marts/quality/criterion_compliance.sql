with
    deal_compliance as (select * from {{ ref("int_deal_compliance") }}),

    criterion_deals as (select * from {{ ref("int_criterion_deals") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    deals as (select * from {{ ref("int_compared_deals") }}),

    users as (select * from {{ ref("int_users") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- The criteria of one deal are met or missed together, so that they are no independent facts:
    -- squares and products tell by how much they vary from deal to deal.
    by_owner as (
        select
            deals.owner_key,
            deal_compliance.funnel,
            deal_compliance.stage,
            deal_compliance.severity,
            count(*) as deals,
            sum(case when asked > not_evaluated then 1 else 0 end) as evaluated_deals,
            sum(asked) as asked,
            sum(met) as met,
            sum(late) as late,
            sum(waived) as waived,
            sum(missing) as missing,
            sum(failed) as failed,
            sum(not_evaluated) as not_evaluated,
            sum(met * met) as met_squared,
            sum(met * (asked - not_evaluated)) as met_times_evaluated,
            sum((asked - not_evaluated) * (asked - not_evaluated)) as evaluated_squared
        from deal_compliance
        inner join deals on deal_compliance.deal_key = deals.deal_key
        group by
            deals.owner_key, deal_compliance.funnel, deal_compliance.stage, deal_compliance.severity
    ),

    by_criterion as (
        select
            criteria.criterion_id,
            criteria.funnel,
            criteria.stage,
            criteria.severity,
            count(*) as deals,
            sum(case when passages > not_evaluated then 1 else 0 end) as evaluated_deals,
            sum(passages) as asked,
            sum(met) as met,
            sum(late) as late,
            sum(waived) as waived,
            sum(missing) as missing,
            sum(failed) as failed,
            sum(not_evaluated) as not_evaluated,
            sum(met * met) as met_squared,
            sum(met * (passages - not_evaluated)) as met_times_evaluated,
            sum((passages - not_evaluated) * (passages - not_evaluated)) as evaluated_squared
        from criterion_deals
        inner join criteria on criterion_deals.criterion_number = criteria.criterion_number
        group by criteria.criterion_id, criteria.funnel, criteria.stage, criteria.severity
    ),

    with_teams as (
        select
            by_owner.*,
            coalesce(by_owner.owner_key, '(none)') as owner,
            coalesce(users.owner_name, by_owner.owner_key, '(none)') as owner_name,
            coalesce(users.team, '(none)') as team
        from by_owner
        left join users on by_owner.owner_key = users.owner_key
    ),

    -- Stages of two funnels have nothing in common but perhaps a name: for the whole company all
    -- stages are told together.
    with_company as (
        select *
        from with_teams
        union all
        select
            owner_key,
            'all' as funnel,
            stage,
            severity,
            deals,
            evaluated_deals,
            asked,
            met,
            late,
            waived,
            missing,
            failed,
            not_evaluated,
            met_squared,
            met_times_evaluated,
            evaluated_squared,
            owner,
            owner_name,
            team
        from with_teams
        where stage = 'all'
    ),

    scoped as (
        select with_company.*, 'all' as scope, 'all' as scope_value, 'all' as scope_name
        from with_company
        union all
        select with_company.*, 'team' as scope, team as scope_value, team as scope_name
        from with_company
        union all
        select with_company.*, 'owner' as scope, owner as scope_value, owner_name as scope_name
        from with_company
    ),

    counted as (
        select
            funnel,
            stage,
            scope,
            scope_value,
            max(scope_name) as scope_name,
            severity,
            sum(deals) as deals,
            sum(evaluated_deals) as evaluated_deals,
            sum(asked) as asked,
            sum(met) as met,
            sum(late) as late,
            sum(waived) as waived,
            sum(missing) as missing,
            sum(failed) as failed,
            sum(not_evaluated) as not_evaluated,
            sum(met_squared) as met_squared,
            sum(met_times_evaluated) as met_times_evaluated,
            sum(evaluated_squared) as evaluated_squared
        from scoped
        group by funnel, stage, scope, scope_value, severity
        union all
        select
            funnel,
            stage,
            'criterion' as scope,
            criterion_id as scope_value,
            criterion_id as scope_name,
            severity,
            deals,
            evaluated_deals,
            asked,
            met,
            late,
            waived,
            missing,
            failed,
            not_evaluated,
            met_squared,
            met_times_evaluated,
            evaluated_squared
        from by_criterion
    ),

    rated as (
        select
            counted.*,
            asked - not_evaluated as evaluated,
            {{ rate_of("met", "(asked - not_evaluated)") }} as compliance
        from counted
    ),

    -- How many independent criteria say as much (Korn and Graubard 1998): variance of a ratio
    -- between deals over that of a plain share. Of one deal, or where all or none are met, it is
    -- deals that are counted.
    weighed as (
        select
            rated.*,
            case
                when evaluated_deals < 2 or met = 0 or met = evaluated
                then cast(evaluated_deals as double precision)
                else
                    evaluated / greatest(
                        1.0,
                        (
                            met_squared
                            - 2 * compliance * met_times_evaluated
                            + compliance * compliance * evaluated_squared
                        )
                        * evaluated_deals
                        / (evaluated_deals - 1)
                        / (evaluated * compliance * (1 - compliance))
                    )
            end as effective_n
        from rated
    ),

    parents as (
        select funnel, stage, severity, compliance as compliance_parent
        from rated
        where scope = 'all'
    ),

    ranks as (
        select funnel, stage, max(stage_rank) as stage_rank
        from stages
        where outcome is null
        group by funnel, stage
    )

select
    weighed.funnel,
    weighed.stage,
    cast(ranks.stage_rank as bigint) as stage_rank,
    weighed.scope,
    weighed.scope_value,
    weighed.scope_name,
    weighed.severity,
    cast(weighed.deals as bigint) as deals,
    cast(weighed.evaluated_deals as bigint) as evaluated_deals,
    cast(weighed.asked as bigint) as asked,
    cast(weighed.evaluated as bigint) as evaluated,
    cast(weighed.met as bigint) as met,
    cast(weighed.late as bigint) as late,
    cast(weighed.waived as bigint) as waived,
    cast(weighed.missing as bigint) as missing,
    cast(weighed.failed as bigint) as failed,
    cast(weighed.not_evaluated as bigint) as not_evaluated,
    weighed.compliance,
    {{ wilson_low("weighed.compliance * weighed.effective_n", "weighed.effective_n") }}
    as compliance_low,
    {{ wilson_high("weighed.compliance * weighed.effective_n", "weighed.effective_n") }}
    as compliance_high,
    weighed.effective_n,
    {{ rate_of("(weighed.met + weighed.late)", "weighed.evaluated") }} as proven_by_now_share,
    weighed.evaluated_deals < company.minimum_n as is_insufficient_history,
    parents.compliance_parent,
    cast(company.shrinkage_deals as bigint) as shrinkage_deals,
    (
        weighed.evaluated_deals * coalesce(weighed.compliance, 0)
        + company.shrinkage_deals * parents.compliance_parent
    )
    / (weighed.evaluated_deals + company.shrinkage_deals) as compliance_shrunk
from weighed
cross join company
left join
    parents
    on weighed.funnel = parents.funnel
    and weighed.stage = parents.stage
    and weighed.severity = parents.severity
left join ranks on weighed.funnel = ranks.funnel and weighed.stage = ranks.stage
