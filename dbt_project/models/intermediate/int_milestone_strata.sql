with
    milestones as (select * from {{ ref("int_milestones") }}),

    kinds as (select * from {{ ref("int_milestone_kinds") }}),

    visits as (select * from {{ ref("int_milestone_visits") }}),

    alike as (
        select
            stage_number,
            likeness,
            count(*) as visits,
            sum(case when is_won then 1 else 0 end) as won_visits
        from visits
        group by stage_number, likeness
    ),

    numbered as (
        select kinds.milestone_number, milestones.deal_key, milestones.first_at
        from milestones
        inner join
            kinds on milestones.funnel = kinds.funnel and milestones.milestone = kinds.milestone
    ),

    -- A deal has a milestone in the one stay in which it first came. Later stays are compared with
    -- nothing: a deal that is won lives through more of them, and anything is commoner where there
    -- was more time for it.
    met as (
        select
            numbered.milestone_number,
            visits.stage_number,
            visits.likeness,
            visits.is_won,
            numbered.first_at >= visits.entered_at
            and numbered.first_at < visits.exited_at as is_here,
            numbered.first_at >= visits.entered_at
            and numbered.first_at < visits.counts_until_at as is_counted,
            numbered.first_at < visits.entered_at as is_before
        from numbered
        inner join visits on numbered.deal_key = visits.deal_key
        where numbered.first_at < visits.exited_at
    ),

    counted as (
        select
            milestone_number,
            stage_number,
            likeness,
            sum(case when is_counted then 1 else 0 end) as n1,
            sum(case when is_counted and is_won then 1 else 0 end) as won1,
            sum(case when is_before then 1 else 0 end) as before_visits,
            sum(case when is_before and is_won then 1 else 0 end) as won_before_visits,
            sum(case when is_here and is_won then 1 else 0 end) as won_here
        from met
        group by milestone_number, stage_number, likeness
    ),

    sides as (
        select
            counted.milestone_number,
            counted.stage_number,
            counted.likeness,
            counted.won_here,
            cast(counted.n1 as double precision) as n1,
            cast(counted.won1 as double precision) as won1,
            cast(alike.visits - counted.n1 - counted.before_visits as double precision) as n0,
            cast(
                alike.won_visits - counted.won1 - counted.won_before_visits as double precision
            ) as won0
        from counted
        inner join alike on counted.likeness = alike.likeness
    )

select
    milestone_number,
    stage_number,
    likeness,
    won_here,
    n1,
    won1,
    n0,
    won0,
    n1 + n0 as n,
    n1 > 0 and n0 > 0 as has_both
from sides
