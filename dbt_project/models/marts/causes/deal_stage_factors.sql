with
    entries as (select * from {{ ref("int_stage_entries") }}),

    traits as (select * from {{ ref("int_compared_deals") }}),

    quality as (select * from {{ ref("int_entry_quality") }}),

    proofs as (select * from {{ ref("int_entry_proofs") }}),

    touches as (select * from {{ ref("int_entry_touches") }}),

    early_closes as (select * from {{ ref("int_early_closes") }}),

    ambiguity as (select * from {{ ref("stage_ambiguity") }}),

    ambiguity_owners as (select * from {{ ref("stage_ambiguity_owners") }}),

    users as (select * from {{ ref("int_users") }}),

    loose_owners as (
        select ambiguity_owners.funnel, ambiguity_owners.stage, ambiguity_owners.owner_key
        from ambiguity_owners
        inner join
            ambiguity
            on ambiguity_owners.funnel = ambiguity.funnel
            and ambiguity_owners.stage = ambiguity.stage
            and ambiguity_owners.measure = ambiguity.measure
        where
            ambiguity_owners.measure = 'criteria_met'
            and ambiguity.is_ambiguous
            and ambiguity_owners.is_beyond_chance
            and ambiguity_owners.difference_from_others < 0
    ),

    -- By rank among the deals that were there to be followed up: equal ones share their place.
    ranked as (
        select
            touches.deal_key,
            touches.visit_id,
            touches.touches,
            touches.watched_days,
            early_closes.visit_id is not null as is_closed_early,
            touches.touches_per_week_shrunk,
            touches.touch_days,
            touches.days_to_customer_activity,
            touches.gap_days_shrunk,
            touches.answers_per_week_shrunk,
            cast(touches.cadence_score as double precision) as cadence_score,
            rank() over (
                partition by touches.funnel, touches.stage, early_closes.visit_id is not null
                order by touches.cadence_score
            )
            - 1 as deals_below,
            count(*) over (
                partition by touches.funnel, touches.stage, early_closes.visit_id is not null
            ) as deals_watched
        from touches
        left join
            early_closes
            on touches.deal_key = early_closes.deal_key
            and touches.visit_id = early_closes.visit_id
    )

select
    entries.deal_key,
    entries.visit_id,
    entries.funnel,
    entries.stage,
    cast(entries.stage_rank as bigint) as stage_rank,
    entries.entered_at,
    entries.entered_quarter,
    entries.owner_key,
    coalesce(users.owner_name, entries.owner_key) as owner_name,
    users.team,
    entries.horizon_days,
    entries.is_advanced,
    traits.icp_band_at_creation as icp_band,
    traits.lead_source,
    quality.score as quality_score,
    quality.quality_class,
    cast(coalesce(proofs.unproven_criteria, 0) as bigint) as unproven_criteria,
    cast(coalesce(proofs.unknown_criteria, 0) as bigint) as unknown_criteria,
    coalesce(proofs.criteria_missed, '') as criteria_missed,
    coalesce(proofs.criteria_not_known, '') as criteria_not_known,
    case
        when proofs.unproven_criteria > 3
        then 'more'
        when proofs.unproven_criteria = 3
        then 'three'
        when proofs.unproven_criteria = 2
        then 'two'
        when proofs.unproven_criteria = 1
        then 'one'
        when proofs.unknown_criteria > 0
        then 'not_evaluated'
        else 'proven'
    end as proof_class,
    loose_owners.owner_key is not null as has_loose_owner,
    cast(ranked.touches as bigint) as touches,
    ranked.watched_days,
    case
        when ranked.watched_days >= 1 then ranked.touches * 7.0 / ranked.watched_days
    end as touches_per_week,
    ranked.touches_per_week_shrunk,
    cast(ranked.touch_days as bigint) as touch_days,
    ranked.gap_days_shrunk,
    ranked.days_to_customer_activity,
    ranked.answers_per_week_shrunk,
    ranked.cadence_score,
    case
        when ranked.visit_id is null
        then 'not_known'
        when ranked.is_closed_early
        then 'cut_short'
        when 3 * ranked.deals_below < ranked.deals_watched
        then 'seldom'
        when 3 * ranked.deals_below < 2 * ranked.deals_watched
        then 'middle'
        else 'often'
    end as cadence_class,
    entries.dwell_days,
    entries.slow_after_days,
    entries.next_stage,
    case
        when ranked.is_closed_early
        then 'closed_early'
        when entries.dwell_days > entries.horizon_days
        then 'stalled'
        when entries.dwell_days > entries.slow_after_days
        then 'slow'
        else 'flowing'
    end as pace_class
from entries
inner join traits on entries.deal_key = traits.deal_key
inner join
    quality
    on entries.funnel = quality.funnel
    and entries.stage = quality.stage
    and traits.icp_band_at_creation = quality.icp_band_at_creation
    and traits.lead_source = quality.lead_source
left join proofs on entries.deal_key = proofs.deal_key and entries.visit_id = proofs.visit_id
left join ranked on entries.deal_key = ranked.deal_key and entries.visit_id = ranked.visit_id
left join users on entries.owner_key = users.owner_key
left join
    loose_owners
    on entries.funnel = loose_owners.funnel
    and entries.stage = loose_owners.stage
    and entries.owner_key = loose_owners.owner_key
