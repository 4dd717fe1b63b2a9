with
    counts as (select * from {{ ref("int_transition_counts") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- The parent that a small segment is shrunk to: all deals of the funnel.
    parents as (
        select
            funnel,
            from_stage,
            to_kind,
            to_state,
            cast(visits as double precision) / from_visits as share
        from counts
        where segment = 'all'
    )

select
    counts.funnel,
    counts.segment,
    counts.segment_value,
    counts.from_stage,
    cast(counts.from_stage_rank as bigint) as from_stage_rank,
    counts.to_kind,
    counts.to_state,
    cast(counts.to_stage_rank as bigint) as to_stage_rank,
    counts.visits,
    counts.from_visits,
    cast(counts.visits as double precision) / counts.from_visits as share,
    {{ wilson_low("counts.visits", "counts.from_visits") }} as share_low,
    {{ wilson_high("counts.visits", "counts.from_visits") }} as share_high,
    counts.from_visits < company.minimum_n as is_insufficient_history,
    parents.share as share_parent,
    cast(company.shrinkage_deals as bigint) as shrinkage_deals,
    (counts.visits + company.shrinkage_deals * parents.share)
    / (counts.from_visits + company.shrinkage_deals) as share_shrunk
from counts
inner join
    parents
    on counts.funnel = parents.funnel
    and counts.from_stage = parents.from_stage
    and counts.to_kind = parents.to_kind
    and counts.to_state = parents.to_state
cross join company
