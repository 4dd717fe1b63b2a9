with
    processes as (select * from {{ source("raw_dynamics", "opportunity_sales_process") }}),

    process_stages as (select * from {{ source("raw_dynamics", "process_stage") }}),

    opportunities as (select * from {{ source("raw_dynamics", "opportunity") }}),

    -- An aborted process (3) was left for another one: the opportunity did not close in its stage.
    kept_processes as (
        select *
        from processes
        where
            coalesce(status_code, 1) <> 3
            and active_stage_started_on is not null
            and not coalesce(is_deleted, false)
    ),

    closed_opportunities as (
        select opportunity_id
        from opportunities
        where state_code in (1, 2) or state_label in ('Won', 'Lost')
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
inner join
    closed_opportunities on kept_processes.opportunity_id = closed_opportunities.opportunity_id
left join process_stages on kept_processes.active_stage_id = process_stages.process_stage_id
