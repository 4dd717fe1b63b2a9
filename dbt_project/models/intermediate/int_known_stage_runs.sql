with
    changes as (select * from {{ ref("int_stage_changes") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    compared as (
        select
            changes.*,
            row_number() over (
                partition by deal_key order by changed_at nulls first, source_order, change_id
            ) as change_number,
            lag(stage) over (
                partition by deal_key order by changed_at nulls first, source_order, change_id
            ) as stage_before,
            lag(funnel) over (
                partition by deal_key order by changed_at nulls first, source_order, change_id
            ) as funnel_before
        from changes
    ),

    -- CRMs write history for edits of the amount too: consecutive rows of one stage are one stay
    -- in it.
    starts as (
        select *
        from compared
        where stage_before is null or stage <> stage_before or funnel <> funnel_before
    ),

    numbered as (
        select
            starts.*,
            row_number() over (partition by deal_key order by change_number) as run_number,
            row_number() over (
                partition by deal_key, funnel, stage order by change_number
            ) as occurrence,
            lead(changed_at) over (partition by deal_key order by change_number) as left_at,
            lead(stage) over (partition by deal_key order by change_number) as next_stage,
            lead(outcome) over (partition by deal_key order by change_number) as next_outcome,
            first_value(funnel) over (partition by deal_key order by change_number) as first_funnel,
            lag(stage) over (partition by deal_key order by change_number) as previous_stage,
            lag(outcome) over (partition by deal_key order by change_number) as previous_outcome,
            lag(stage_rank) over (
                partition by deal_key order by change_number
            ) as previous_stage_rank,
            max(stage_rank) over (
                partition by deal_key, funnel
                order by change_number
                rows between unbounded preceding and 1 preceding
            ) as furthest_rank_before
        from starts
    ),

    -- A version that puts a stage in between moves those behind it: where the deal came from is
    -- told
    -- by the version that it moves under, or nobody would ever leave the stage before without a
    -- skip.
    ranked as (
        select
            numbered.*,
            coalesce(stages_before.stage_rank, numbered.previous_stage_rank) as rank_before
        from numbered
        left join
            stages as stages_before
            on numbered.funnel = stages_before.funnel
            and numbered.funnel_version = stages_before.version
            and numbered.previous_stage = stages_before.stage
    )

select
    deal_key,
    is_departed,
    known_until_at,
    funnel,
    funnel_version,
    run_number,
    stage,
    stage_rank,
    outcome,
    occurrence,
    deal_key
    || '/'
    -- By the funnel in which the deal began, not the one it is in tonight: an id is for ever.
    || case when funnel <> first_funnel then funnel || '/' else '' end
    || stage
    || '/'
    || cast(occurrence as {{ dbt.type_string() }}) as visit_id,
    changed_at as entered_at,
    left_at,
    precision as entered_precision,
    change_source as entered_source,
    next_stage,
    next_outcome,
    case
        when run_number = 1 and outcome is null and stage_rank = 1
        then 'start'
        when run_number = 1 and outcome is null
        then 'start_mid'
        when outcome is not null
        then outcome
        when funnel <> funnel_before
        then 'funnel_change'
        when previous_outcome is not null
        then 'reopen'
        when stage_rank < rank_before
        then 'regress'
        when occurrence > 1
        then 're_enter'
        when stage_rank > rank_before + 1
        then 'skip'
        else 'advance'
    end as move,
    -- Where the deal stood before: a deal that comes back from a close stands where it had come to,
    -- one that comes from another funnel at the beginning of this one.
    case
        when run_number = 1 or funnel <> funnel_before
        then 0
        when previous_outcome is not null
        then coalesce(furthest_rank_before, 0)
        else coalesce(rank_before, 0)
    end as from_rank
from ranked
