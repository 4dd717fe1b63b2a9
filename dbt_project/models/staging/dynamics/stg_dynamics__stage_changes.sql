with
    processes as (select * from {{ source("raw_dynamics", "opportunity_sales_process") }}),

    process_stages as (select * from {{ source("raw_dynamics", "process_stage") }}),

    opportunities as (select * from {{ source("raw_dynamics", "opportunity") }}),

    opportunities_observed as (select * from {{ source("raw_dynamics", "opportunity_observed") }}),

    -- An aborted process (3) was left for another one: the opportunity did not close in its stage.
    kept_processes as (
        select *
        from processes
        where
            coalesce(status_code, 1) <> 3
            and active_stage_started_on is not null
            and not coalesce(is_deleted, false)
    ),

    seen_open as (
        select distinct opportunity_id
        from opportunities_observed
        where coalesce(state_code, -1) = 0 or coalesce(state_label, '') = 'Open'
    ),

    -- What extracts saw of an opportunity while it was open tells more than its last stage; a
    -- history
    -- of the CRM would take the place of all that.
    never_seen_open as (
        select opportunities.opportunity_id
        from opportunities
        left join seen_open on opportunities.opportunity_id = seen_open.opportunity_id
        where
            (opportunities.state_code in (1, 2) or opportunities.state_label in ('Won', 'Lost'))
            and seen_open.opportunity_id is null
    )

select
    'dynamics' as crm,
    kept_processes.business_process_flow_instance_id
    || ':'
    || kept_processes.active_stage_id as change_id,
    kept_processes.opportunity_id as deal_id,
    coalesce(
        kept_processes.active_stage_label, process_stages.stage_name, kept_processes.active_stage_id
    ) as crm_stage_name,
    kept_processes.active_stage_started_on as changed_at
from kept_processes
inner join never_seen_open on kept_processes.opportunity_id = never_seen_open.opportunity_id
left join process_stages on kept_processes.active_stage_id = process_stages.process_stage_id
