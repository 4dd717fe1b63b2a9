with
    kinds as (select * from {{ ref("int_milestone_kinds") }}),

    milestones as (select * from {{ ref("int_milestones") }}),

    closed_deals as (select * from {{ ref("int_milestone_deals") }}),

    visits as (select * from {{ ref("int_milestone_visits") }}),

    stages as (select * from {{ ref("int_milestone_stages") }}),

    strata as (select * from {{ ref("int_milestone_strata") }}),

    having_it as (
        select
            kinds.milestone_number,
            kinds.funnel,
            kinds.milestone,
            milestones.deal_key,
            milestones.first_at,
            closed_deals.is_won,
            {{ days_between("milestones.first_at", "closed_deals.closed_at") }} as days_before_close
        from milestones
        inner join
            kinds on milestones.funnel = kinds.funnel and milestones.milestone = kinds.milestone
        inner join closed_deals on milestones.deal_key = closed_deals.deal_key
        where milestones.first_at <= closed_deals.closed_at
    )

select
    having_it.funnel,
    having_it.milestone,
    having_it.deal_key,
    having_it.is_won,
    having_it.first_at,
    having_it.days_before_close,
    stages.stage,
    cast(stages.stage_rank as bigint) as stage_rank,
    cast(visits.likeness as bigint) as likeness_number,
    coalesce(having_it.first_at < visits.counts_until_at and strata.has_both, false) as is_compared
from having_it
-- Before its first stay, or between two that nobody dated, a deal was in no stage.
left join
    visits
    on having_it.deal_key = visits.deal_key
    and having_it.first_at >= visits.entered_at
    and having_it.first_at < visits.exited_at
left join stages on visits.stage_number = stages.stage_number
left join
    strata
    on having_it.milestone_number = strata.milestone_number
    and visits.likeness = strata.likeness
