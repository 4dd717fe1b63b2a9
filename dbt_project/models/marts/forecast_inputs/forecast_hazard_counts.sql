with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    visits as (select * from {{ ref("int_known_visits") }}),

    segments as (select * from {{ ref("int_deal_forecast_segments") }}),

    as_ofs as (select * from {{ ref("int_as_ofs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- Won is an end; every other close may be reopened.
    stays as (
        select
            runs.deal_key,
            runs.funnel,
            segments.segment,
            runs.stage,
            runs.outcome is not null as is_closed,
            runs.entered_at,
            runs.known_until_at,
            case
                when runs.known_until_at is null or runs.left_at < runs.known_until_at
                then runs.left_at
            end as left_at,
            runs.next_stage is not null
            and (
                runs.known_until_at is null
                or runs.left_at is null
                or runs.left_at < runs.known_until_at
            ) as is_ended,
            -- Where a deal changes funnels, this one does not tell its end.
            case
                when visits.ended_as = 'funnel_change' then 'funnel_change' else runs.next_stage
            end as next_state,
            coalesce(visits.observed_after_days, 0.0) as observed_after_days,
            segments.known_from_at as in_segment_from_at,
            segments.known_until_at as in_segment_until_at
        from runs
        inner join segments on runs.deal_key = segments.deal_key
        left join visits on runs.visit_id = visits.visit_id
        where
            (runs.outcome is null and runs.stage_rank is not null)
            or runs.outcome in ('lost', 'nurtured', 'disqualified')
    ),

    measured as (
        select
            stays.*,
            case when is_ended then {{ days_between("entered_at", "left_at") }} end as stayed_days
        from stays
    ),

    -- What a CRM dates ahead stands at the end of the night and is known tonight.
    dated as (
        select
            measured.*,
            case
                when measured.left_at >= clock.as_of_at
                then {{ plus_minutes("clock.as_of_at", "-1") }}
                else measured.left_at
            end as end_known_at
        from measured
        cross join clock
    ),

    -- A stay counts in a segment for as long as the deal is known to be in it, and is there.
    known as (
        select
            dated.*,
            case
                when in_segment_from_at > end_known_at then in_segment_from_at else end_known_at
            end as end_counts_from_at,
            case
                when known_until_at is null or in_segment_until_at < known_until_at
                then in_segment_until_at
                else known_until_at
            end as counts_until_at
        from dated
    ),

    -- A stay that was under nobody's eyes before it ended cannot be counted: only long ones lived
    -- to be seen.
    seen as (
        select *
        from known
        where observed_after_days = 0 or stayed_days is null or observed_after_days < stayed_days
    ),

    -- An end is known from the first as-of after it on.
    ended as (
        select
            as_ofs.as_of_date,
            seen.funnel,
            seen.segment,
            seen.stage,
            seen.next_state,
            seen.counts_until_at,
            floor(seen.stayed_days / 7.0) as weeks_in_stage,
            seen.stayed_days - 7.0 * floor(seen.stayed_days / 7.0) as days
        from seen
        inner join
            as_ofs
            on seen.end_counts_from_at < as_ofs.as_of_at
            and (
                as_ofs.previous_as_of_at is null
                or seen.end_counts_from_at >= as_ofs.previous_as_of_at
            )
        where
            seen.is_ended
            and (seen.stayed_days >= 0 or seen.entered_at is null)
            and (seen.counts_until_at is null or seen.end_counts_from_at < seen.counts_until_at)
    ),

    ended_late as (
        select
            as_ofs.as_of_date,
            seen.funnel,
            seen.segment,
            seen.stage,
            '(seen late)' as next_state,
            seen.counts_until_at,
            floor(seen.observed_after_days / 7.0) as weeks_in_stage,
            seen.observed_after_days - 7.0 * floor(seen.observed_after_days / 7.0) as days
        from seen
        inner join
            as_ofs
            on seen.end_counts_from_at < as_ofs.as_of_at
            and (
                as_ofs.previous_as_of_at is null
                or seen.end_counts_from_at >= as_ofs.previous_as_of_at
            )
        where
            seen.is_ended
            and seen.stayed_days >= 0
            and seen.observed_after_days > 0
            and (seen.counts_until_at is null or seen.end_counts_from_at < seen.counts_until_at)
    ),

    every_end as (
        select *
        from ended
        union all
        select *
        from ended_late
    ),

    -- Whole microseconds, so that their sum is exact in any order of rows.
    ended_by_as_of as (
        select
            as_of_date,
            funnel,
            segment,
            stage,
            next_state,
            weeks_in_stage,
            counts_until_at,
            count(*) as visits,
            sum(cast(round(days * 86400000000.0) as bigint)) as microseconds
        from every_end
        group by as_of_date, funnel, segment, stage, next_state, weeks_in_stage, counts_until_at
    ),

    -- Taken off again at the first as-of after their deals have left, or went to another segment.
    ended_or_left as (
        select as_of_date, funnel, segment, stage, next_state, weeks_in_stage, visits, microseconds
        from ended_by_as_of
        union all
        select
            as_ofs.as_of_date,
            ended_by_as_of.funnel,
            ended_by_as_of.segment,
            ended_by_as_of.stage,
            ended_by_as_of.next_state,
            ended_by_as_of.weeks_in_stage,
            - ended_by_as_of.visits,
            - ended_by_as_of.microseconds
        from ended_by_as_of
        inner join
            as_ofs
            on ended_by_as_of.counts_until_at < as_ofs.as_of_at
            and (
                as_ofs.previous_as_of_at is null
                or ended_by_as_of.counts_until_at >= as_ofs.previous_as_of_at
            )
    ),

    ended_by_then as (
        select
            as_ofs.as_of_date,
            ended_or_left.funnel,
            ended_or_left.segment,
            ended_or_left.stage,
            ended_or_left.next_state,
            ended_or_left.weeks_in_stage,
            ended_or_left.visits,
            ended_or_left.microseconds
        from as_ofs
        inner join ended_or_left on as_ofs.as_of_date >= ended_or_left.as_of_date
    ),

    -- Until when a stay that goes on, or has not ended yet, is known to.
    standing_until as (
        select
            seen.*,
            case
                when end_known_at is null or counts_until_at < end_known_at
                then coalesce(counts_until_at, cast('9999-12-31' as timestamp))
                else end_known_at
            end as stands_until_at
        from seen
    ),

    -- Of closed deals, which are many and long closed, the day is enough: the company's own, or one
    -- that is not over at as-of would be counted as if it had begun before.
    closed_by_day as (
        select
            standing_until.funnel,
            standing_until.segment,
            standing_until.stage,
            {{ local_date("standing_until.entered_at", "company.time_zone") }} as entered_on,
            standing_until.in_segment_from_at,
            standing_until.stands_until_at,
            count(*) as visits
        from standing_until
        cross join company
        where standing_until.is_closed and standing_until.entered_at is not null
        group by
            standing_until.funnel,
            standing_until.segment,
            standing_until.stage,
            {{ local_date("standing_until.entered_at", "company.time_zone") }},
            standing_until.in_segment_from_at,
            standing_until.stands_until_at
    ),

    closed_from as (
        select
            closed_by_day.*,
            {{ date_starts_at("closed_by_day.entered_on", "company.time_zone") }} as entered_at
        from closed_by_day
        cross join company
    ),

    standing as (
        select
            as_ofs.as_of_date,
            standing_until.funnel,
            standing_until.segment,
            standing_until.stage,
            {{ days_between("standing_until.entered_at", "as_ofs.as_of_at") }} as stayed_days,
            standing_until.observed_after_days,
            1 as visits
        from standing_until
        inner join
            as_ofs
            on standing_until.entered_at < as_ofs.as_of_at
            and standing_until.stands_until_at >= as_ofs.as_of_at
            and (
                standing_until.in_segment_from_at is null
                or standing_until.in_segment_from_at < as_ofs.as_of_at
            )
        where
            not standing_until.is_closed
            and (not standing_until.is_ended or standing_until.end_known_at is not null)
        union all
        select
            as_ofs.as_of_date,
            closed_from.funnel,
            closed_from.segment,
            closed_from.stage,
            {{ days_between("closed_from.entered_at", "as_ofs.as_of_at") }} as stayed_days,
            0.0 as observed_after_days,
            closed_from.visits
        from closed_from
        inner join
            as_ofs
            on closed_from.entered_at < as_ofs.as_of_at
            and closed_from.stands_until_at >= as_ofs.as_of_at
            and (
                closed_from.in_segment_from_at is null
                or closed_from.in_segment_from_at < as_ofs.as_of_at
            )
    ),

    standing_seen as (
        select * from standing where observed_after_days = 0 or observed_after_days < stayed_days
    ),

    ongoing as (
        select
            as_of_date,
            funnel,
            segment,
            stage,
            '(ongoing)' as next_state,
            floor(stayed_days / 7.0) as weeks_in_stage,
            visits,
            visits * cast(
                round((stayed_days - 7.0 * floor(stayed_days / 7.0)) * 86400000000.0) as bigint
            ) as microseconds
        from standing_seen
        union all
        select
            as_of_date,
            funnel,
            segment,
            stage,
            '(seen late)' as next_state,
            floor(observed_after_days / 7.0) as weeks_in_stage,
            visits,
            visits * cast(
                round(
                    (observed_after_days - 7.0 * floor(observed_after_days / 7.0)) * 86400000000.0
                ) as bigint
            ) as microseconds
        from standing_seen
        where observed_after_days > 0
    ),

    every_stay as (
        select *
        from ended_by_then
        union all
        select *
        from ongoing
    ),

    counted as (
        select
            as_of_date,
            funnel,
            segment,
            stage,
            cast(weeks_in_stage as bigint) as weeks_in_stage,
            next_state,
            sum(visits) as visits,
            sum(microseconds) as microseconds
        from every_stay
        group by as_of_date, funnel, segment, stage, cast(weeks_in_stage as bigint), next_state
        having sum(visits) > 0
    ),

    with_whole as (
        select *
        from counted
        union all
        select
            as_of_date,
            funnel,
            'all' as segment,
            stage,
            weeks_in_stage,
            next_state,
            sum(visits) as visits,
            sum(microseconds) as microseconds
        from counted
        group by as_of_date, funnel, stage, weeks_in_stage, next_state
    )

select
    as_of_date,
    funnel,
    segment,
    stage,
    weeks_in_stage,
    next_state,
    cast(visits as bigint) as visits,
    cast(microseconds as double precision) / 86400000000.0 as days
from with_whole
