with
    counts as (select * from {{ ref("int_transition_counts") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    moves as (
        select
            funnel,
            segment,
            segment_value,
            from_stage,
            to_kind,
            to_state,
            case
                when to_kind = 'close' and to_state = 'won'
                then 1
                when to_kind = 'stage' and to_stage_rank > from_stage_rank
                then 1
                else 0
            end as is_forward,
            visits,
            from_visits,
            from_mean_days
        from counts
    ),

    as_is as (select moves.*, cast(visits as double precision) / from_visits as share from moves),

    left_stages as (
        select
            funnel,
            segment,
            segment_value,
            from_stage,
            max(from_visits) as from_visits,
            cast(sum(visits * is_forward) as double precision) / max(from_visits) as forward_share,
            max(from_mean_days) as mean_days
        from moves
        group by funnel, segment, segment_value, from_stage
    ),

    -- Only segments with enough history are something to reach for; deals of which nothing is known
    -- are no segment that anybody could become.
    comparable as (
        select left_stages.*
        from left_stages
        cross join company
        where segment <> 'all' and segment_value <> '(none)' and from_visits >= minimum_n
    ),

    ordered as (
        select
            comparable.*,
            row_number() over (
                partition by funnel, segment, from_stage order by forward_share, segment_value
            ) as forward_number,
            row_number() over (
                partition by funnel, segment, from_stage
                order by case when mean_days is null then 1 else 0 end, mean_days, segment_value
            ) as days_number,
            count(*) over (partition by funnel, segment, from_stage) as segments_compared,
            count(mean_days) over (partition by funnel, segment, from_stage) as segments_timed
        from comparable
    ),

    -- The quartile by nearest rank: a value that a segment really has.
    best as (
        select
            funnel,
            segment as compared_by,
            from_stage as moved_stage,
            max(segments_compared) as segments_compared,
            min(
                case when 4 * forward_number >= 3 * segments_compared then forward_share end
            ) as best_forward_share,
            min(case when 4 * days_number >= segments_timed then mean_days end) as best_days
        from ordered
        group by funnel, segment, from_stage
    ),

    whole as (select * from left_stages where segment = 'all'),

    -- A stage that is already better than its best quartile stays as it is.
    targets as (
        select
            best.funnel,
            best.compared_by,
            best.moved_stage,
            best.segments_compared,
            whole.forward_share,
            whole.mean_days,
            case
                when best.best_forward_share > whole.forward_share
                then best.best_forward_share
                else whole.forward_share
            end as target_forward_share,
            case
                when best.best_days < whole.mean_days then best.best_days else whole.mean_days
            end as target_days
        from best
        inner join whole on best.funnel = whole.funnel and best.moved_stage = whole.from_stage
    ),

    whole_moves as (select * from as_is where segment = 'all'),

    -- What goes on forward grows in proportion, and so does the rest shrink.
    what_if as (
        select
            targets.funnel,
            targets.compared_by,
            targets.moved_stage,
            targets.segments_compared,
            targets.forward_share,
            targets.target_forward_share,
            targets.mean_days as stage_mean_days,
            targets.target_days,
            whole_moves.from_stage,
            whole_moves.to_kind,
            whole_moves.to_state,
            whole_moves.share,
            case
                when
                    whole_moves.from_stage <> targets.moved_stage
                    or targets.target_forward_share = targets.forward_share
                then whole_moves.share
                when whole_moves.is_forward = 1
                then whole_moves.share * targets.target_forward_share / targets.forward_share
                else
                    whole_moves.share
                    * (1.0 - targets.target_forward_share)
                    / (1.0 - targets.forward_share)
            end as better_share,
            whole_moves.from_mean_days as mean_days,
            case
                when whole_moves.from_stage = targets.moved_stage
                then targets.target_days
                else whole_moves.from_mean_days
            end as better_days
        from targets
        inner join whole_moves on targets.funnel = whole_moves.funnel
    )

select
    funnel,
    segment,
    segment_value,
    'as_is' as scenario,
    cast(null as {{ dbt.type_string() }}) as compared_by,
    cast(null as {{ dbt.type_string() }}) as moved_stage,
    cast(null as bigint) as segments_compared,
    cast(null as double precision) as forward_share,
    cast(null as double precision) as target_forward_share,
    cast(null as double precision) as target_days,
    from_stage,
    to_kind,
    to_state,
    share,
    from_mean_days as mean_days
from as_is
union all
select
    funnel,
    'all' as segment,
    'all' as segment_value,
    'share/' || compared_by || '/' || moved_stage as scenario,
    compared_by,
    moved_stage,
    segments_compared,
    forward_share,
    target_forward_share,
    target_days,
    from_stage,
    to_kind,
    to_state,
    better_share as share,
    mean_days
from what_if
union all
select
    funnel,
    'all' as segment,
    'all' as segment_value,
    'days/' || compared_by || '/' || moved_stage as scenario,
    compared_by,
    moved_stage,
    segments_compared,
    forward_share,
    target_forward_share,
    target_days,
    from_stage,
    to_kind,
    to_state,
    share,
    better_days as mean_days
from what_if
