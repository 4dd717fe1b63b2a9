with
    efficacy as (select * from {{ ref("criterion_efficacy") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    candidates as (select * from {{ ref("milestone_candidates") }}),

    merges as (select * from {{ ref("int_stage_merges") }}),

    splits as (select * from {{ ref("int_stage_splits") }}),

    stages as (select * from {{ ref("int_funnels_tonight") }}),

    crm_names as (select * from {{ ref("stg_standards__stage_crm_names") }}),

    versions as (select * from {{ ref("stg_standards__funnel_versions") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

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

    names_tonight as (
        select crm_names.funnel, crm_names.crm, crm_names.crm_name, stages.stage, stages.stage_rank
        from crm_names
        inner join
            versions on crm_names.funnel = versions.funnel and crm_names.version = versions.version
        inner join stages on crm_names.funnel = stages.funnel and crm_names.stage = stages.stage
        cross join clock
        where
            clock.business_date >= versions.valid_from
            and (versions.valid_to is null or clock.business_date < versions.valid_to)
    ),

    -- A stage that was merged away lives on in the one that took over what CRMs call it; taken over
    -- by several, in the last of them, by whose exit all is to be there.
    successors_in_order as (
        select
            crm_names.funnel,
            crm_names.stage as old_stage,
            names_tonight.stage,
            names_tonight.stage_rank,
            row_number() over (
                partition by crm_names.funnel, crm_names.stage
                order by names_tonight.stage_rank desc, names_tonight.stage
            ) as place
        from crm_names
        inner join
            names_tonight
            on crm_names.funnel = names_tonight.funnel
            and crm_names.crm = names_tonight.crm
            and crm_names.crm_name = names_tonight.crm_name
        left join
            stages as still on crm_names.funnel = still.funnel and crm_names.stage = still.stage
        where still.stage is null
    ),

    places as (
        select funnel, stage as usual_stage, stage, stage_rank
        from stages
        union all
        select funnel, old_stage as usual_stage, stage, stage_rank
        from successors_in_order
        where place = 1
    ),

    -- A kind of activity as such is found with whoever attends it: of the two only the one that
    -- surely tells more is proposed.
    unasked as (
        select
            candidates.*,
            places.stage,
            places.stage_rank,
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
            places
            on candidates.funnel = places.funnel
            and candidates.usual_stage = places.usual_stage
        where candidates.is_found and not candidates.is_asked
    ),

    -- What each finding is about; what was measured of it is joined below, by name.
    changes as (
        select
            funnel,
            'gates' as question,
            finding,
            criterion_id as subject,
            stage,
            stage_rank,
            criterion_id,
            gate,
            cast(null as {{ dbt.type_string() }}) as milestone,
            is_proposed,
            deals
        from gate_findings
        union all
        select
            funnel,
            'milestones' as question,
            'milestone_unasked' as finding,
            milestone as subject,
            stage,
            stage_rank,
            cast(null as {{ dbt.type_string() }}) as criterion_id,
            'exit' as gate,
            milestone,
            is_proposed,
            compared_deals as deals
        from unasked
        union all
        select
            funnel,
            'merges' as question,
            'merge_stages' as finding,
            stage || '+' || other_stage as subject,
            stage,
            stage_rank,
            cast(null as {{ dbt.type_string() }}) as criterion_id,
            cast(null as {{ dbt.type_string() }}) as gate,
            cast(null as {{ dbt.type_string() }}) as milestone,
            is_proposed,
            reached_deals as deals
        from merges
        where is_proposed
        union all
        select
            funnel,
            'splits' as question,
            'split_stage' as finding,
            stage || '/' || milestone as subject,
            stage,
            stage_rank,
            cast(null as {{ dbt.type_string() }}) as criterion_id,
            cast(null as {{ dbt.type_string() }}) as gate,
            milestone,
            is_proposed,
            compared_deals as deals
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
        from changes
        group by funnel, question
    ),

    nothing_to_change as (
        select
            examined.funnel,
            examined.question,
            'nothing_to_change' as finding,
            '(none)' as subject,
            cast(null as {{ dbt.type_string() }}) as stage,
            cast(null as bigint) as stage_rank,
            cast(null as {{ dbt.type_string() }}) as criterion_id,
            cast(null as {{ dbt.type_string() }}) as gate,
            cast(null as {{ dbt.type_string() }}) as milestone,
            false as is_proposed,
            cast(null as bigint) as deals
        from examined
        left join
            proposed on examined.funnel = proposed.funnel and examined.question = proposed.question
        where coalesce(proposed.proposals, 0) = 0
    ),

    findings as (
        select *
        from changes
        union all
        select *
        from nothing_to_change
    ),

    -- Names come from files that people write, so that a quote in one must not end the text.
    quoted as (
        select
            findings.*,
            {{ quoted_text("findings.funnel") }} as funnel_text,
            {{ quoted_text("findings.stage") }} as stage_text,
            {{ quoted_text("findings.criterion_id") }} as criterion_text,
            {{ quoted_text("findings.milestone") }} as milestone_text
        from findings
    ),

    traced as (
        select
            quoted.*,
            case
                question
                when 'gates'
                then
                    'select deal_key from criterion_deals where criterion_id = '
                    || criterion_text
                    || ' and is_compared'
                when 'milestones'
                then
                    'select deal_key from milestone_deals where funnel = '
                    || funnel_text
                    || ' and milestone = '
                    || milestone_text
                    || ' and is_compared'
                when 'splits'
                then
                    'select deal_key from milestone_deals where funnel = '
                    || funnel_text
                    || ' and milestone = '
                    || milestone_text
                    || ' and stage = '
                    || stage_text
                    || ' and is_compared'
                else
                    'select deal_stages.deal_key from deal_stages inner join deals_current'
                    || ' on deal_stages.deal_key = deals_current.deal_key where deal_stages.funnel = '
                    || funnel_text
                    || ' and deal_stages.stage = '
                    || stage_text
                    || ' and deals_current.closed_at is not null'
            end as traced_by
        from quoted
    )

select
    traced.funnel,
    traced.question,
    traced.finding,
    traced.subject,
    traced.stage,
    cast(traced.stage_rank as bigint) as stage_rank,
    merges.other_stage,
    traced.criterion_id,
    traced.gate,
    traced.milestone,
    traced.is_proposed,
    cast(traced.deals as bigint) as deals,
    -- Of two stages, win chances are those of deals that reached the later and the earlier one.
    coalesce(
        gate_findings.met_win_rate,
        unasked.win_rate_with,
        merges.other_win_chance,
        splits.win_rate_with
    ) as win_rate_with,
    coalesce(
        gate_findings.not_met_win_rate,
        unasked.win_rate_without,
        merges.win_chance,
        splits.win_rate_without
    ) as win_rate_without,
    coalesce(
        gate_findings.difference,
        unasked.win_rate_difference,
        merges.other_win_chance - merges.win_chance,
        splits.difference
    ) as win_rate_difference,
    coalesce(
        gate_findings.difference_low,
        unasked.win_rate_difference_low,
        merges.other_win_chance * merges.dropoff_share_low,
        splits.difference_low
    ) as win_rate_difference_low,
    coalesce(
        gate_findings.difference_high,
        unasked.win_rate_difference_high,
        merges.other_win_chance * merges.dropoff_share_high,
        splits.difference_high
    ) as win_rate_difference_high,
    coalesce(unasked.lift, 1 + splits.difference / nullif(splits.win_rate_without, 0)) as lift,
    coalesce(
        unasked.lift_low, 1 + splits.difference_low / nullif(splits.win_rate_without, 0)
    ) as lift_low,
    coalesce(
        unasked.lift_high, 1 + splits.difference_high / nullif(splits.win_rate_without, 0)
    ) as lift_high,
    cast(merges.dropoff_deals as bigint) as dropoff_deals,
    merges.dropoff_share,
    merges.dropoff_share_low,
    merges.dropoff_share_high,
    merges.visited_share,
    merges.other_visited_share,
    merges.median_days as median_stay_days,
    merges.other_median_days as other_median_stay_days,
    cast(merges.gate_criteria as bigint) as gate_criteria,
    splits.milestone_share,
    splits.days_before as median_days_before_milestone,
    splits.days_after as median_days_after_milestone,
    cast(examined.examined as bigint) as examined,
    cast(examined.examined_without_history as bigint) as examined_without_history,
    case when traced.finding <> 'nothing_to_change' then traced.traced_by end as traced_by
from traced
inner join examined on traced.funnel = examined.funnel and traced.question = examined.question
left join
    gate_findings
    on traced.question = 'gates'
    and traced.funnel = gate_findings.funnel
    and traced.criterion_id = gate_findings.criterion_id
left join
    unasked
    on traced.question = 'milestones'
    and traced.funnel = unasked.funnel
    and traced.milestone = unasked.milestone
left join
    merges
    on traced.question = 'merges'
    and traced.funnel = merges.funnel
    and traced.stage = merges.stage
left join
    splits
    on traced.question = 'splits'
    and traced.funnel = splits.funnel
    and traced.stage = splits.stage
    and traced.milestone = splits.milestone
