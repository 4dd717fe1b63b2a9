with
    reach as (select * from {{ ref("int_reach_cohorts") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    shaped as (
        select
            deal_key,
            funnel,
            stage,
            stage_rank,
            reached_month,
            reached_quarter,
            is_visited,
            is_advanced,
            is_lost,
            is_open,
            days_undecided is not null as is_timed,
            case
                when days_followed >= 180
                then 180
                when days_followed >= 90
                then 90
                when days_followed >= 60
                then 60
                when days_followed >= 30
                then 30
                else 0
            end as followed_days,
            case
                when days_to_advance <= 30
                then 30
                when days_to_advance <= 60
                then 60
                when days_to_advance <= 90
                then 90
                when days_to_advance <= 180
                then 180
                else 1000000
            end as advanced_by_days
        from reach
    ),

    -- Deals are many and the shapes that they take few: the shapes are numbered once, and what is
    -- multiplied by the segments are two numbers.
    shapes as (
        select distinct
            funnel,
            stage,
            stage_rank,
            reached_month,
            reached_quarter,
            is_visited,
            is_advanced,
            is_lost,
            is_open,
            is_timed,
            followed_days,
            advanced_by_days
        from shaped
    ),

    numbered as (
        select
            shapes.*,
            row_number() over (
                order by
                    funnel,
                    stage,
                    stage_rank,
                    reached_month,
                    is_visited,
                    is_advanced,
                    is_lost,
                    is_open,
                    is_timed,
                    followed_days,
                    advanced_by_days
            ) as shape_id
        from shapes
    ),

    told as (
        select shaped.deal_key, numbered.shape_id
        from shaped
        inner join
            numbered
            on shaped.funnel = numbered.funnel
            and shaped.stage = numbered.stage
            and shaped.stage_rank = numbered.stage_rank
            and coalesce(shaped.reached_month, cast('0001-01-01' as date))
            = coalesce(numbered.reached_month, cast('0001-01-01' as date))
            and shaped.is_visited = numbered.is_visited
            and shaped.is_advanced = numbered.is_advanced
            and shaped.is_lost = numbered.is_lost
            and shaped.is_open = numbered.is_open
            and shaped.is_timed = numbered.is_timed
            and shaped.followed_days = numbered.followed_days
            and shaped.advanced_by_days = numbered.advanced_by_days
    ),

    counted as (
        select told.shape_id, segments.segment_id, count(*) as deals
        from told
        inner join segments on told.deal_key = segments.deal_key
        group by told.shape_id, segments.segment_id
    )

select
    numbered.funnel,
    counted.segment_id,
    numbered.reached_month,
    numbered.reached_quarter,
    numbered.stage,
    numbered.stage_rank,
    sum(counted.deals) as reached,
    sum(case when is_visited then deals else 0 end) as visited,
    sum(case when is_advanced then deals else 0 end) as advanced,
    sum(case when is_lost then deals else 0 end) as lost,
    sum(case when is_open then deals else 0 end) as still_open,
    sum(case when is_timed then deals else 0 end) as timed,
    sum(case when is_timed and is_advanced then deals else 0 end) as timed_advanced,
    sum(case when is_timed and is_lost then deals else 0 end) as timed_lost,
    sum(case when followed_days >= 30 then deals else 0 end) as n_matured_30d,
    sum(
        case when followed_days >= 30 and advanced_by_days <= 30 then deals else 0 end
    ) as advanced_30d,
    sum(case when followed_days >= 60 then deals else 0 end) as n_matured_60d,
    sum(
        case when followed_days >= 60 and advanced_by_days <= 60 then deals else 0 end
    ) as advanced_60d,
    sum(case when followed_days >= 90 then deals else 0 end) as n_matured_90d,
    sum(
        case when followed_days >= 90 and advanced_by_days <= 90 then deals else 0 end
    ) as advanced_90d,
    sum(case when followed_days >= 180 then deals else 0 end) as n_matured_180d,
    sum(
        case when followed_days >= 180 and advanced_by_days <= 180 then deals else 0 end
    ) as advanced_180d
from counted
inner join numbered on counted.shape_id = numbered.shape_id
group by
    numbered.funnel,
    counted.segment_id,
    numbered.reached_month,
    numbered.reached_quarter,
    numbered.stage,
    numbered.stage_rank
