with
    efficacy as (select * from {{ ref("criterion_efficacy") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    candidates as (select * from {{ ref("milestone_candidates") }}),

    merges as (select * from {{ ref("int_stage_merges") }}),

    splits as (select * from {{ ref("int_stage_splits") }}),

    stages as (select * from {{ ref("int_funnels_tonight") }}),

    funnels as (select distinct funnel from stages),

    gates as (
        select
            criteria.funnel,
            criteria.criterion_id,
            criteria.stage,
            stages.stage_rank,
            criteria.gate,
            criteria.severity,
            efficacy.met_decided_deals + efficacy.not_met_decided_deals as deals,
            efficacy.met_win_rate,
            efficacy.not_met_win_rate,
            coalesce(
                efficacy.win_rate_difference_adjusted, efficacy.win_rate_difference
            ) as difference,
            coalesce(
                efficacy.win_rate_difference_adjusted_low, efficacy.win_rate_difference_low
            ) as difference_low,
            coalesce(
                efficacy.win_rate_difference_adjusted_high, efficacy.win_rate_difference_high
            ) as difference_high,
            efficacy.verdict
        from criteria
        inner join stages on criteria.funnel = stages.funnel and criteria.stage = stages.stage
        inner join
            efficacy on criteria.criterion_id = efficacy.criterion_id and efficacy.segment = 'all'
        where criteria.is_in_force
    ),

    -- That history does not show an effect is no proof that there is none: a gate is given up only
    -- where whoever meets it surely wins less than five points more. One that only warns is given
    -- up
    -- already.
    gate_findings as (
        select
            gates.*,
            case
                when verdict = 'supported' then 'gate_supported' else 'gate_unsupported'
            end as finding,
            verdict <> 'supported'
            and severity = 'block'
            and coalesce(difference_high < 0.05, false) as is_proposed
        from gates
        where verdict in ('supported', 'not_supported', 'contradicted')
    ),

    -- A kind of activity as such is found with whoever attends it: of the two only the one that
    -- surely tells more is proposed.
    unasked as (
        select
            candidates.*,
            stages.stage_rank,
            row_number() over (
                partition by candidates.funnel, candidates.subject, candidates.subject_key
                order by
                    candidates.lift_low desc,
                    case when candidates.contact_role is null then 1 else 0 end,
                    candidates.milestone
            )
            = 1 as is_proposed
        from candidates
        inner join
            stages on candidates.funnel = stages.funnel and candidates.usual_stage = stages.stage
        where candidates.is_found and not candidates.is_asked
    ),

    findings as (
        select
            funnel,
            'gates' as question,
            finding,
            criterion_id as subject,
            stage,
            stage_rank,
            cast(null as {{ dbt.type_string() }}) as other_stage,
            criterion_id,
            gate,
            cast(null as {{ dbt.type_string() }}) as milestone,
            is_proposed,
            deals,
            met_win_rate as win_rate_with,
            not_met_win_rate as win_rate_without,
            difference,
            difference_low,
            difference_high,
            cast(null as double precision) as lift,
            cast(null as double precision) as lift_low,
            cast(null as double precision) as lift_high,
            cast(null as bigint) as dropoff_deals,
            cast(null as double precision) as dropoff_share,
            cast(null as double precision) as dropoff_share_low,
            cast(null as double precision) as dropoff_share_high,
            cast(null as double precision) as visited_share,
            cast(null as double precision) as other_visited_share,
            cast(null as double precision) as median_days,
            cast(null as double precision) as other_median_days,
            cast(null as bigint) as gate_criteria,
            cast(null as double precision) as milestone_share,
            cast(null as double precision) as days_before,
            cast(null as double precision) as days_after
        from gate_findings
        union all
        select
            funnel,
            'milestones',
            'milestone_unasked',
            milestone,
            usual_stage,
            stage_rank,
            null,
            null,
            'exit',
            milestone,
            is_proposed,
            compared_deals,
            win_rate_with,
            win_rate_without,
            win_rate_difference,
            win_rate_difference_low,
            win_rate_difference_high,
            lift,
            lift_low,
            lift_high,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null
        from unasked
        union all
        -- Win chances are those of deals that reached the later and the earlier stage.
        select
            funnel,
            'merges',
            'merge_stages',
            stage || '+' || other_stage,
            stage,
            stage_rank,
            other_stage,
            null,
            null,
            null,
            is_proposed,
            reached_deals,
            other_win_chance,
            win_chance,
            other_win_chance - win_chance,
            other_win_chance * dropoff_share_low,
            other_win_chance * dropoff_share_high,
            null,
            null,
            null,
            dropoff_deals,
            dropoff_share,
            dropoff_share_low,
            dropoff_share_high,
            visited_share,
            other_visited_share,
            median_days,
            other_median_days,
            gate_criteria,
            null,
            null,
            null
        from merges
        where is_proposed
        union all
        select
            funnel,
            'splits',
            'split_stage',
            stage || '/' || milestone,
            stage,
            stage_rank,
            null,
            null,
            null,
            milestone,
            is_proposed,
            compared_deals,
            win_rate_with,
            win_rate_without,
            difference,
            difference_low,
            difference_high,
            1 + difference / nullif(win_rate_without, 0),
            1 + difference_low / nullif(win_rate_without, 0),
            1 + difference_high / nullif(win_rate_without, 0),
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            milestone_share,
            days_before,
            days_after
        from splits
        where is_parting
    ),

    -- What was looked at, so that nothing to change is told from nothing looked at.
    looked_at as (
        select
            funnel,
            'gates' as question,
            case when verdict = 'insufficient_history' then 1 else 0 end as is_untold
        from gates
        union all
        select funnel, 'milestones', case when is_insufficient_history then 1 else 0 end
        from candidates
        where not is_asked
        union all
        select funnel, 'merges', case when is_insufficient_history then 1 else 0 end
        from merges
        union all
        select funnel, 'splits', 0
        from splits
    ),

    questions as (
        select 'gates' as question
        union all
        select 'milestones'
        union all
        select 'merges'
        union all
        select 'splits'
    ),

    examined as (
        select
            funnels.funnel,
            questions.question,
            count(looked_at.funnel) as examined,
            coalesce(sum(looked_at.is_untold), 0) as examined_without_history
        from funnels
        cross join questions
        left join
            looked_at
            on funnels.funnel = looked_at.funnel
            and questions.question = looked_at.question
        group by funnels.funnel, questions.question
    ),

    proposed as (
        select funnel, question, sum(case when is_proposed then 1 else 0 end) as proposals
        from findings
        group by funnel, question
    )

select
    findings.funnel,
    findings.question,
    findings.finding,
    findings.subject,
    findings.stage,
    cast(findings.stage_rank as bigint) as stage_rank,
    findings.other_stage,
    findings.criterion_id,
    findings.gate,
    findings.milestone,
    findings.is_proposed,
    cast(findings.deals as bigint) as deals,
    findings.win_rate_with,
    findings.win_rate_without,
    findings.difference as win_rate_difference,
    findings.difference_low as win_rate_difference_low,
    findings.difference_high as win_rate_difference_high,
    findings.lift,
    findings.lift_low,
    findings.lift_high,
    cast(findings.dropoff_deals as bigint) as dropoff_deals,
    findings.dropoff_share,
    findings.dropoff_share_low,
    findings.dropoff_share_high,
    findings.visited_share,
    findings.other_visited_share,
    findings.median_days as median_stay_days,
    findings.other_median_days as other_median_stay_days,
    cast(findings.gate_criteria as bigint) as gate_criteria,
    findings.milestone_share,
    findings.days_before as median_days_before_milestone,
    findings.days_after as median_days_after_milestone,
    cast(examined.examined as bigint) as examined,
    cast(examined.examined_without_history as bigint) as examined_without_history
from findings
inner join examined on findings.funnel = examined.funnel and findings.question = examined.question
union all
select
    examined.funnel,
    examined.question,
    'nothing_to_change',
    '(none)',
    null,
    null,
    null,
    null,
    null,
    null,
    false,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    cast(examined.examined as bigint),
    cast(examined.examined_without_history as bigint)
from examined
left join proposed on examined.funnel = proposed.funnel and examined.question = proposed.question
where coalesce(proposed.proposals, 0) = 0
