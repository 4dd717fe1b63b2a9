with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    reach as (select * from {{ ref("int_stage_reach") }}),

    runs as (select * from {{ ref("int_stage_runs") }}),

    crm_changes as (select * from {{ ref("int_crm_stage_changes") }}),

    close_date_changes as (select * from {{ ref("int_close_date_changes") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    rules as (select * from {{ ref("stg_standards__rules") }}),

    open_deals as (
        select deals.*, positions.current_visit_id, positions.dwell_days
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        where deals.is_open and deals.is_stage_mapped
    ),

    -- A stage is skipped under the version by which the deal went past it: one that was put in
    -- since,
    -- or may be skipped no longer, was asked of nobody who stood behind it.
    skipped_mandatory_stages as (
        select reach.deal_key, min(reach.stage_rank) as first_skipped_rank
        from reach
        inner join
            stages
            on reach.funnel = stages.funnel
            and reach.reached_in_version = stages.version
            and reach.stage = stages.stage
        where reach.is_skipped and not stages.is_skippable
        group by reach.deal_key
    ),

    mandatory_stage_skipped as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when skipped_mandatory_stages.deal_key is null then 'met' else 'failed'
            end as outcome,
            stages.stage as observed
        from open_deals
        inner join rules on rules.rule = 'mandatory_stage_skipped'
        left join
            skipped_mandatory_stages on open_deals.deal_key = skipped_mandatory_stages.deal_key
        left join
            stages
            on open_deals.funnel = stages.funnel
            and open_deals.funnel_version = stages.version
            and skipped_mandatory_stages.first_skipped_rank = stages.stage_rank
    ),

    dwell_over_cap as (
        select
            rules.rule_id,
            open_deals.deal_key,
            open_deals.current_visit_id as visit_id,
            case
                when open_deals.dwell_days is null
                then 'not_evaluated'
                when open_deals.dwell_days > stages.cap_days
                then 'failed'
                else 'met'
            end as outcome,
            cast(cast(floor(open_deals.dwell_days) as integer) as {{ dbt.type_string() }})
            || ' / '
            || cast(stages.cap_days as {{ dbt.type_string() }}) as observed
        from open_deals
        inner join rules on rules.rule = 'dwell_over_cap'
        inner join
            stages
            on open_deals.funnel = stages.funnel
            and open_deals.funnel_version = stages.version
            and open_deals.stage = stages.stage
    ),

    last_runs as (select * from runs where next_stage is null),

    -- About the visit that the deal moved back to: what was agreed there is asked again, and a deal
    -- that moves on has answered.
    moved_back as (
        select
            rules.rule_id,
            open_deals.deal_key,
            open_deals.current_visit_id as visit_id,
            case when last_runs.move = 'regress' then 'failed' else 'met' end as outcome,
            stages.stage as observed
        from open_deals
        inner join last_runs on open_deals.deal_key = last_runs.deal_key
        inner join rules on rules.rule = 'moved_back'
        left join
            stages
            on last_runs.funnel = stages.funnel
            and last_runs.funnel_version = stages.version
            and last_runs.from_rank = stages.stage_rank
            and last_runs.move = 'regress'
    ),

    crms_with_history as (select distinct crm from crm_changes),

    crms_with_fresh_history as (
        select crms_with_history.crm
        from crms_with_history
        inner join inputs on crms_with_history.crm = inputs.crm
        where inputs.input = 'stage_changes' and inputs.is_fresh
    ),

    history_ends as (
        select deal_key, max(run_number) as run_number
        from runs
        where entered_source = 'crm_history'
        group by deal_key
    ),

    last_recorded as (
        select runs.deal_key, runs.stage
        from runs
        inner join
            history_ends
            on runs.deal_key = history_ends.deal_key
            and runs.run_number = history_ends.run_number
    ),

    -- The deal says that it is in one stage, the CRM's own history that it went to another.
    history_disagrees as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when crms_with_fresh_history.crm is null
                then 'not_evaluated'
                when last_runs.entered_source = 'crm_history'
                then 'met'
                when last_recorded.deal_key is null
                then 'missing'
                else 'failed'
            end as outcome,
            case
                when last_runs.entered_source <> 'crm_history' then last_recorded.stage
            end as observed
        from open_deals
        inner join last_runs on open_deals.deal_key = last_runs.deal_key
        inner join rules on rules.rule = 'history_disagrees'
        left join crms_with_fresh_history on open_deals.crm = crms_with_fresh_history.crm
        left join last_recorded on open_deals.deal_key = last_recorded.deal_key
    ),

    -- A CRM whose dates nobody ever saw change tells no pushes: it may keep none of them.
    crms_with_date_changes as (
        select distinct deals.crm
        from close_date_changes
        inner join deals on close_date_changes.deal_key = deals.deal_key
    ),

    pushes as (
        select deal_key, count(*) as times
        from close_date_changes
        where moved_days > 0
        group by deal_key
    ),

    close_date_pushed as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when crms_with_date_changes.crm is null
                then 'not_evaluated'
                when pushes.times > rules.times
                then 'failed'
                else 'met'
            end as outcome,
            cast(pushes.times as {{ dbt.type_string() }}) as observed
        from open_deals
        inner join rules on rules.rule = 'close_date_pushed'
        left join pushes on open_deals.deal_key = pushes.deal_key
        left join crms_with_date_changes on open_deals.crm = crms_with_date_changes.crm
    ),

    unioned as (
        select *
        from mandatory_stage_skipped
        union all
        select *
        from dwell_over_cap
        union all
        select *
        from moved_back
        union all
        select *
        from history_disagrees
        union all
        select *
        from close_date_pushed
    )

select rule_id, deal_key, visit_id, outcome, observed
from unioned
