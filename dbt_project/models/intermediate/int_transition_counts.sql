with
    visits as (select * from {{ ref("int_visits") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    -- A close is told by its outcome: two terminal stages may both mean lost.
    completed as (
        select
            deal_key,
            funnel,
            stage as from_stage,
            stage_rank as from_stage_rank,
            case
                when ended_as in ('won', 'lost', 'nurtured', 'disqualified')
                then 'close'
                when ended_as = 'funnel_change'
                then 'funnel'
                else 'stage'
            end as to_kind,
            case
                when ended_as in ('won', 'lost', 'nurtured', 'disqualified', 'funnel_change')
                then ended_as
                else next_stage
            end as to_state,
            -- Whole microseconds, so that their sum is exact in any order of rows.
            cast(round(dwell_days * 86400000000) as bigint) as dwell_microseconds
        from visits
        where not is_ongoing and stage_rank is not null
    ),

    ranks as (
        select funnel, stage, max(stage_rank) as stage_rank
        from visits
        where stage_rank is not null
        group by funnel, stage
    ),

    -- Counted before cut: the pairs of a deal are few, the segments many.
    of_deals as (
        select
            deal_key,
            funnel,
            from_stage,
            to_kind,
            to_state,
            count(*) as visits,
            count(dwell_microseconds) as dated_visits,
            sum(dwell_microseconds) as dwell_microseconds
        from completed
        group by deal_key, funnel, from_stage, to_kind, to_state
    ),

    counted as (
        select
            of_deals.funnel,
            segments.segment,
            segments.segment_value,
            of_deals.from_stage,
            of_deals.to_kind,
            of_deals.to_state,
            sum(of_deals.visits) as visits,
            sum(of_deals.dated_visits) as dated_visits,
            sum(of_deals.dwell_microseconds) as dwell_microseconds
        from of_deals
        inner join segments on of_deals.deal_key = segments.deal_key
        group by
            of_deals.funnel,
            segments.segment,
            segments.segment_value,
            of_deals.from_stage,
            of_deals.to_kind,
            of_deals.to_state
    ),

    left_stages as (
        select
            funnel,
            segment,
            segment_value,
            from_stage,
            sum(visits) as from_visits,
            sum(dated_visits) as from_dated_visits,
            sum(dwell_microseconds) as from_dwell_microseconds
        from counted
        group by funnel, segment, segment_value, from_stage
    ),

    pairs as (select distinct funnel, from_stage, to_kind, to_state from counted)

-- Every pair that the funnel has ever seen stands in each segment that left the stage, with zero
-- where it saw none: rows of segments are then compared like with like, and shrunken ones add up.
select
    left_stages.funnel,
    left_stages.segment,
    left_stages.segment_value,
    left_stages.from_stage,
    from_ranks.stage_rank as from_stage_rank,
    pairs.to_kind,
    pairs.to_state,
    to_ranks.stage_rank as to_stage_rank,
    cast(coalesce(counted.visits, 0) as bigint) as visits,
    cast(left_stages.from_visits as bigint) as from_visits,
    cast(left_stages.from_dwell_microseconds as double precision)
    / nullif(left_stages.from_dated_visits, 0)
    / 86400000000.0 as from_mean_days
from left_stages
inner join pairs on left_stages.funnel = pairs.funnel and left_stages.from_stage = pairs.from_stage
inner join
    ranks as from_ranks
    on left_stages.funnel = from_ranks.funnel
    and left_stages.from_stage = from_ranks.stage
left join
    ranks as to_ranks
    on pairs.funnel = to_ranks.funnel
    and pairs.to_kind = 'stage'
    and pairs.to_state = to_ranks.stage
left join
    counted
    on left_stages.funnel = counted.funnel
    and left_stages.segment = counted.segment
    and left_stages.segment_value = counted.segment_value
    and pairs.from_stage = counted.from_stage
    and pairs.to_kind = counted.to_kind
    and pairs.to_state = counted.to_state
