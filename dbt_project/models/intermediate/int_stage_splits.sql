with
    candidates as (select * from {{ ref("milestone_candidates") }}),

    kinds as (select * from {{ ref("int_milestone_kinds") }}),

    milestones as (select * from {{ ref("int_milestones") }}),

    contrasts as (select * from {{ ref("int_milestone_contrasts") }}),

    numbers as (select * from {{ ref("int_milestone_stages") }}),

    stages as (select * from {{ ref("int_funnels_tonight") }}),

    visits as (select * from {{ ref("int_milestone_visits") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    found as (
        select
            kinds.milestone_number,
            numbers.stage_number,
            candidates.funnel,
            candidates.milestone,
            candidates.subject,
            candidates.subject_key,
            candidates.contact_role,
            stages.stage,
            stages.stage_rank,
            count(*) over (partition by candidates.funnel) as splits_examined
        from candidates
        inner join
            kinds on candidates.funnel = kinds.funnel and candidates.milestone = kinds.milestone
        inner join
            stages on candidates.funnel = stages.funnel and candidates.usual_stage = stages.stage
        inner join numbers on stages.funnel = numbers.funnel and stages.stage = numbers.stage
        -- What a gate asks for parts the deals of its stage already.
        where candidates.is_found and not candidates.is_asked
    ),

    firsts as (
        select found.milestone_number, found.stage_number, milestones.deal_key, milestones.first_at
        from found
        inner join
            milestones
            on found.funnel = milestones.funnel
            and found.milestone = milestones.milestone
    ),

    visits_by_stage as (select stage_number, count(*) as visits from visits group by stage_number),

    parts as (
        select
            firsts.milestone_number,
            firsts.first_at >= visits.entered_at as is_here,
            {{ days_between("visits.entered_at", "firsts.first_at") }} as days_before,
            {{ days_between("firsts.first_at", "visits.exited_at") }} as days_after
        from firsts
        inner join
            visits
            on firsts.deal_key = visits.deal_key
            and firsts.stage_number = visits.stage_number
        where firsts.first_at < visits.exited_at
    ),

    parted as (
        select
            milestone_number,
            sum(case when is_here then 1 else 0 end) as visits_with,
            sum(case when is_here then 0 else 1 end) as visits_after,
            percentile_cont(0.5) within group (
                order by case when is_here then days_before end
            ) as days_before,
            percentile_cont(0.5) within group (
                order by case when is_here then days_after end
            ) as days_after
        from parts
        group by milestone_number
    ),

    compared as (
        select
            found.*,
            contrasts.compared_deals,
            cast(contrasts.weight as double precision) as weight,
            cast(contrasts.won_with as double precision) as won_with,
            cast(contrasts.won_without as double precision) as won_without,
            cast(contrasts.p as double precision) as p,
            cast(contrasts.q as double precision) as q,
            {{ rate_of("parted.visits_with", "(visits_by_stage.visits - parted.visits_after)") }}
            as milestone_share,
            parted.days_before,
            parted.days_after,
            {{ simultaneous_z("found.splits_examined") }} as z_needed
        from found
        inner join
            contrasts
            on found.milestone_number = contrasts.milestone_number
            and found.stage_number = contrasts.stage_number
        inner join parted on found.milestone_number = parted.milestone_number
        inner join visits_by_stage on found.stage_number = visits_by_stage.stage_number
        where contrasts.weight > 0 and contrasts.q > 0
    ),

    bounded as (
        select
            compared.*,
            won_with / weight as win_rate_with,
            won_without / weight as win_rate_without,
            (won_with - won_without) / weight as difference,
            {{
                klingenberg_middle(
                    "((won_with - won_without) / weight)",
                    "weight",
                    "p",
                    "(z_needed * z_needed)",
                )
            }} as middle,
            {{
                klingenberg_half_width(
                    "((won_with - won_without) / weight)",
                    "weight",
                    "p",
                    "q",
                    "(z_needed * z_needed)",
                )
            }} as half_width
        from compared
    ),

    judged as (
        select
            bounded.*,
            bounded.middle - bounded.half_width as difference_low,
            bounded.middle + bounded.half_width as difference_high,
            -- Two stages of which one is passed in less than a week, between two reviews of the
            -- pipeline, or holds less than a fifth of the deals, tell no more than one.
            bounded.compared_deals >= company.minimum_n
            and bounded.weight >= company.minimum_n / 2.0
            and bounded.middle - bounded.half_width > 0
            and bounded.milestone_share between 0.2 and 0.8
            and bounded.days_before >= 7
            and bounded.days_after >= 7 as is_parting
        from bounded
        cross join company
    )

select
    judged.*,
    -- One stage is parted once: by the milestone that surely tells most; of a kind of activity as
    -- such and with a role the latter, as it says more.
    row_number() over (
        partition by funnel, stage, is_parting
        order by difference_low desc, case when contact_role is null then 1 else 0 end, milestone
    )
    = 1
    and is_parting as is_proposed
from judged
