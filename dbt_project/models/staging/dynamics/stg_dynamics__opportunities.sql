with
    opportunities as (select * from {{ source("raw_dynamics", "opportunity") }}),

    processes as (select * from {{ source("raw_dynamics", "opportunity_sales_process") }}),

    process_stages as (select * from {{ source("raw_dynamics", "process_stage") }}),

    currencies as (select * from {{ source("raw_dynamics", "transaction_currency") }}),

    leads as (select * from {{ source("raw_dynamics", "lead") }}),

    -- An opportunity that was put on another process has a record of each. Active (1) comes before
    -- finished (2) and aborted (3).
    numbered_processes as (
        select
            processes.*,
            row_number() over (
                partition by opportunity_id
                order by
                    coalesce(status_code, 1),
                    active_stage_started_on desc nulls last,
                    business_process_flow_instance_id
            ) as process_number
        from processes
        where opportunity_id is not null and not coalesce(is_deleted, false)
    ),

    current_processes as (
        select
            numbered_processes.opportunity_id,
            numbered_processes.active_stage_started_on,
            coalesce(
                numbered_processes.process_label, numbered_processes.process_id
            ) as process_name,
            coalesce(numbered_processes.active_stage_label, process_stages.stage_name) as stage_name
        from numbered_processes
        left join
            process_stages on numbered_processes.active_stage_id = process_stages.process_stage_id
        where numbered_processes.process_number = 1
    ),

    -- The state decides whether an opportunity is won or lost; its process knows only open stages.
    with_state as (
        select
            opportunities.*,
            case
                when state_code = 1 or state_label = 'Won'
                then 'Won'
                when state_code = 2 or state_label = 'Lost'
                then 'Lost'
            end as closed_as
        from opportunities
    ),

    -- The process record is what sellers move; the stage on the opportunity may be left behind.
    with_stage as (
        select
            with_state.*,
            coalesce(current_processes.process_name, with_state.process_id) as process_name,
            current_processes.active_stage_started_on,
            coalesce(
                with_state.closed_as,
                current_processes.stage_name,
                process_stages.stage_name,
                with_state.sales_stage_label,
                with_state.sales_stage,
                with_state.step_name,
                'No stage'
            ) as crm_stage_name
        from with_state
        left join current_processes on with_state.opportunity_id = current_processes.opportunity_id
        left join process_stages on with_state.stage_id = process_stages.process_stage_id
    )

select
    'dynamics' as crm,
    with_stage.opportunity_id as deal_id,
    with_stage.name as deal_name,
    with_stage.process_name as crm_funnel_name,
    with_stage.crm_stage_name,
    case
        when with_stage.closed_as = 'Won'
        then coalesce(with_stage.actual_value, with_stage.estimated_value)
        else with_stage.estimated_value
    end as amount,
    -- A currency that is only known by its id has no rate and is told so; it is never the reporting
    -- currency.
    coalesce(
        currencies.iso_currency_code,
        with_stage.transaction_currency_label,
        with_stage.transaction_currency_id
    ) as currency,
    coalesce(with_stage.owner_id, with_stage.owner_label) as owner_id,
    coalesce(
        with_stage.parent_account_id, with_stage.customer_id, with_stage.parent_account_label
    ) as account_id,
    with_stage.created_on as created_at,
    case
        when with_stage.closed_as is null then with_stage.active_stage_started_on
    end as stage_entered_at,
    with_stage.estimated_close_date as expected_close_date,
    case when with_stage.closed_as is not null then with_stage.actual_close_date end as closed_at,
    case
        when with_stage.closed_as = 'Lost'
        then
            coalesce(
                with_stage.status_label, cast(with_stage.status_code as {{ dbt.type_string() }})
            )
    end as lost_reason,
    coalesce(leads.lead_source_label, leads.lead_source_code) as lead_source,
    cast(null as {{ dbt.type_string() }}) as deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    cast(null as {{ dbt.type_string() }}) as next_step,
    with_stage.close_probability as probability,
    coalesce(with_stage.forecast_category_label, with_stage.forecast_category) as forecast_category,
    coalesce(with_stage.modified_on, with_stage.row_modified_on) as modified_at,
    coalesce(with_stage.is_deleted, false) as is_deleted,
    case when with_stage.is_deleted then with_stage.sink_modified_on end as deleted_at,
    -- Dynamics merges accounts, contacts, leads and cases, not opportunities.
    cast(null as {{ dbt.type_string() }}) as merged_into_deal_id,
    with_stage._file as source_file,
    with_stage._record as source_record
from with_stage
left join currencies on with_stage.transaction_currency_id = currencies.transaction_currency_id
left join leads on with_stage.originating_lead_id = leads.lead_id
