with
    counts as (select * from {{ ref("int_transition_counts") }}),

    solutions as (select * from {{ ref("int_chain_solutions") }}),

    ultimates as (select * from {{ ref("int_stage_ultimates") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    left_stages as (
        select distinct
            funnel, segment, segment_value, from_stage as stage, from_stage_rank, from_visits
        from counts
    ),

    by_chain as (
        select left_stages.*, solutions.won_probability, solutions.unresolved_share
        from left_stages
        inner join
            solutions
            on left_stages.funnel = solutions.funnel
            and left_stages.segment = solutions.segment
            and left_stages.segment_value = solutions.segment_value
            and left_stages.stage = solutions.stage
            and solutions.scenario = 'as_is'
    ),

    by_curve as (select * from ultimates where question = 'won'),

    parents as (select * from by_chain where segment = 'all')

select
    by_chain.funnel,
    by_chain.segment,
    by_chain.segment_value,
    by_chain.stage,
    cast(by_chain.from_stage_rank as bigint) as stage_rank,
    by_chain.from_visits as completed_visits,
    by_chain.won_probability as won_by_absorption,
    by_chain.unresolved_share,
    coalesce(by_curve.deals, 0) as deals_followed,
    by_curve.probability as won_by_aalen_johansen,
    by_curve.undecided_share,
    by_chain.won_probability - by_curve.probability as absorption_minus_aalen_johansen,
    by_chain.from_visits < company.minimum_n as is_insufficient_history,
    parents.won_probability as won_parent,
    cast(company.shrinkage_deals as bigint) as shrinkage_deals,
    (
        by_chain.from_visits * coalesce(by_chain.won_probability, parents.won_probability)
        + company.shrinkage_deals * parents.won_probability
    )
    / (by_chain.from_visits + company.shrinkage_deals) as won_shrunk
from by_chain
cross join company
inner join parents on by_chain.funnel = parents.funnel and by_chain.stage = parents.stage
left join
    by_curve
    on by_chain.funnel = by_curve.funnel
    and by_chain.segment = by_curve.segment
    and by_chain.segment_value = by_curve.segment_value
    and by_chain.stage = by_curve.stage
