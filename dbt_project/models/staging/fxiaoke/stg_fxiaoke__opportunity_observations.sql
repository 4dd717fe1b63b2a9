with
    source as (select * from {{ source("raw_fxiaoke", "new_opportunity_observed") }}),

    company as (select * from {{ source("standards", "company") }}),

    with_outcome as (
        select
            source.*,
            case
                when '赢单' in (sales_status_label, sales_stage_label)
                then '赢单'
                when '贏單' in (sales_status_label, sales_stage_label)
                then '赢单'
                when '输单' in (sales_status_label, sales_stage_label)
                then '输单'
                when '輸單' in (sales_status_label, sales_stage_label)
                then '输单'
                when '无效' in (sales_status_label, sales_stage_label)
                then '无效'
                when '無效' in (sales_status_label, sales_stage_label)
                then '无效'
            end as closed_as,
            coalesce(is_deleted, false)
            or coalesce(life_status, '') = 'invalid'
            or coalesce(life_status_label, '') in ('作废', '已作废', '作廢') as is_gone
        from source
    )

select
    'fxiaoke' as crm,
    with_outcome.id as deal_id,
    coalesce(with_outcome.sales_process_label, with_outcome.sales_process_id) as crm_funnel_name,
    coalesce(
        with_outcome.closed_as, with_outcome.sales_stage_label, with_outcome.sales_stage, 'No stage'
    ) as crm_stage_name,
    with_outcome.stg_changed_time as stage_entered_at,
    with_outcome.amount,
    {{ local_date("with_outcome.close_date", "company.time_zone") }} as expected_close_date,
    with_outcome.currency,
    cast(null as {{ dbt.type_string() }}) as next_step,
    with_outcome.probability,
    cast(null as {{ dbt.type_string() }}) as forecast_category,
    cast(null as {{ dbt.type_string() }}) as lead_source,
    cast(null as {{ dbt.type_string() }}) as deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    coalesce(with_outcome.lost_reason_label, with_outcome.lost_reason) as lost_reason,
    coalesce({{ first_of_json_list("with_outcome.owner") }}, with_outcome.owner_label) as owner_id,
    coalesce(with_outcome.account_id, with_outcome.account_label) as account_id,
    with_outcome.create_time as created_at,
    case
        when with_outcome.closed_as is not null then with_outcome.stg_changed_time
    end as closed_at,
    with_outcome.last_modified_time as modified_at,
    with_outcome.is_present and not with_outcome.is_gone as is_present,
    with_outcome.observed_at,
    with_outcome.previous_observed_at
from with_outcome
cross join company
