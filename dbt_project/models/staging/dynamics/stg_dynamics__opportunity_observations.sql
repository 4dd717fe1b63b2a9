with
    opportunities as (select * from {{ source("raw_dynamics", "opportunity_observed") }}),

    processes as (select * from {{ source("raw_dynamics", "opportunity_sales_process_observed") }}),

    process_stages as (select * from {{ source("raw_dynamics", "process_stage") }}),

    -- An opportunity changes by itself or by its process. Where the two were extracted at different
    -- times, the change lies in the longer of the two gaps.
    told as (
        select opportunity_id, observed_at, previous_observed_at
        from opportunities
        union all
        select opportunity_id, observed_at, previous_observed_at
        from processes
        where opportunity_id is not null
    ),

    moments as (
        select opportunity_id, observed_at, min(previous_observed_at) as previous_observed_at
        from told
        group by opportunity_id, observed_at
    ),

    -- What was known of the opportunity at each moment.
    numbered_opportunities as (
        select
            moments.observed_at as moment_at,
            moments.previous_observed_at as previous_moment_at,
            opportunities.*,
            row_number() over (
                partition by moments.opportunity_id, moments.observed_at
                order by opportunities.observed_at desc
            ) as reverse_number
        from moments
        inner join
            opportunities
            on moments.opportunity_id = opportunities.opportunity_id
            and opportunities.observed_at <= moments.observed_at
    ),

    -- What was known of each of its processes at each moment.
    numbered_processes as (
        select
            moments.observed_at as moment_at,
            processes.*,
            row_number() over (
                partition by
                    moments.opportunity_id,
                    moments.observed_at,
                    processes.business_process_flow_instance_id
                order by processes.observed_at desc
            ) as reverse_number
        from moments
        inner join
            processes
            on moments.opportunity_id = processes.opportunity_id
            and processes.observed_at <= moments.observed_at
    ),

    ranked_processes as (
        select
            numbered_processes.*,
            row_number() over (
                partition by opportunity_id, moment_at
                order by
                    coalesce(status_code, 1),
                    active_stage_started_on desc nulls last,
                    business_process_flow_instance_id
            ) as process_number
        from numbered_processes
        where reverse_number = 1 and is_present and not coalesce(is_deleted, false)
    ),

    current_processes as (
        select
            ranked_processes.opportunity_id,
            ranked_processes.moment_at,
            ranked_processes.active_stage_started_on,
            coalesce(ranked_processes.process_label, ranked_processes.process_id) as process_name,
            coalesce(ranked_processes.active_stage_label, process_stages.stage_name) as stage_name
        from ranked_processes
        left join
            process_stages on ranked_processes.active_stage_id = process_stages.process_stage_id
        where ranked_processes.process_number = 1
    ),

    with_state as (
        select
            numbered_opportunities.*,
            case
                when state_code = 1 or state_label = 'Won'
                then 'Won'
                when state_code = 2 or state_label = 'Lost'
                then 'Lost'
            end as closed_as
        from numbered_opportunities
        where reverse_number = 1
    )

select
    'dynamics' as crm,
    with_state.opportunity_id as deal_id,
    coalesce(current_processes.process_name, with_state.process_id) as crm_funnel_name,
    coalesce(
        with_state.closed_as,
        current_processes.stage_name,
        process_stages.stage_name,
        with_state.sales_stage_label,
        with_state.sales_stage,
        with_state.step_name,
        'No stage'
    ) as crm_stage_name,
    case
        when with_state.closed_as is null then current_processes.active_stage_started_on
    end as stage_entered_at,
    case
        when with_state.closed_as = 'Won'
        then coalesce(with_state.actual_value, with_state.estimated_value)
        else with_state.estimated_value
    end as amount,
    with_state.estimated_close_date as expected_close_date,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(null as {{ dbt.type_string() }}) as next_step,
    with_state.close_probability as probability,
    coalesce(with_state.forecast_category_label, with_state.forecast_category) as forecast_category,
    cast(null as {{ dbt.type_string() }}) as lead_source,
    cast(null as {{ dbt.type_string() }}) as deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    cast(null as {{ dbt.type_string() }}) as lost_reason,
    coalesce(with_state.owner_id, with_state.owner_label) as owner_id,
    coalesce(
        with_state.parent_account_id, with_state.customer_id, with_state.parent_account_label
    ) as account_id,
    with_state.created_on as created_at,
    case when with_state.closed_as is not null then with_state.actual_close_date end as closed_at,
    with_state.modified_on as modified_at,
    with_state.is_present and not coalesce(with_state.is_deleted, false) as is_present,
    with_state.moment_at as observed_at,
    with_state.previous_moment_at as previous_observed_at
from with_state
left join
    current_processes
    on with_state.opportunity_id = current_processes.opportunity_id
    and with_state.moment_at = current_processes.moment_at
left join process_stages on with_state.stage_id = process_stages.process_stage_id
