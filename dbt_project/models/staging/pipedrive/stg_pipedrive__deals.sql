with
    deals as (select * from {{ source("raw_pipedrive", "deal") }}),

    changes as (select * from {{ source("raw_pipedrive", "deal_change") }}),

    observed_stages as (select * from {{ source("raw_pipedrive", "stage_observed") }}),

    observed_pipelines as (select * from {{ source("raw_pipedrive", "pipeline_observed") }}),

    -- What an export last said of each stage and pipeline: one that was deleted since keeps its
    -- name for the deals that stand in it.
    numbered_stages as (
        select
            observed_stages.*,
            row_number() over (partition by stage_id order by observed_at desc) as reverse_number
        from observed_stages
    ),

    stages as (
        select stage_id, stage_name, pipeline_id, pipeline_name
        from numbered_stages
        where reverse_number = 1
    ),

    numbered_pipelines as (
        select
            observed_pipelines.*,
            row_number() over (partition by pipeline_id order by observed_at desc) as reverse_number
        from observed_pipelines
    ),

    pipelines as (
        select pipeline_id, pipeline_name from numbered_pipelines where reverse_number = 1
    ),

    -- Pipedrive dates a deletion in the deal's history alone.
    deletions as (
        select deal_id, max(changed_at) as deleted_at
        from changes
        where field_key = 'status' and new_value = 'deleted'
        group by deal_id
    ),

    -- Every closed deal is inactive; an open one that is neither active nor archived was deleted.
    marked as (
        select
            deals.*,
            status = 'deleted'
            or coalesce(deleted, false)
            or coalesce(is_deleted, false)
            or (
                status = 'open' and not coalesce(active, true) and not coalesce(is_archived, false)
            ) as is_gone
        from deals
    )

select
    'pipedrive' as crm,
    marked.deal_id,
    marked.title as deal_name,
    coalesce(
        pipelines.pipeline_name, stages.pipeline_name, marked.pipeline_id, stages.pipeline_id
    ) as crm_funnel_name,
    -- A deal keeps its last stage when it closes; its status says how.
    case
        when marked.status in ('won', 'lost')
        then marked.status
        else coalesce(stages.stage_name, marked.stage_id)
    end as crm_stage_name,
    marked.value as amount,
    marked.currency,
    coalesce(marked.owner_id, marked.user_id, marked.user_value) as owner_id,
    coalesce(marked.org_id, marked.org_value) as account_id,
    marked.add_time as created_at,
    -- A deal that never changed its stage is in the one that it was added to.
    case
        when marked.status = 'open' then coalesce(marked.stage_change_time, marked.add_time)
    end as stage_entered_at,
    marked.expected_close_date,
    case
        marked.status
        when 'won'
        then coalesce(marked.won_time, marked.close_time)
        when 'lost'
        then coalesce(marked.lost_time, marked.close_time)
    end as closed_at,
    marked.lost_reason,
    marked.channel as lead_source,
    cast(null as {{ dbt.type_string() }}) as deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    cast(null as {{ dbt.type_string() }}) as next_step,
    marked.probability,
    cast(null as {{ dbt.type_string() }}) as forecast_category,
    marked.update_time as modified_at,
    marked.is_gone as is_deleted,
    case when marked.is_gone then deletions.deleted_at end as deleted_at,
    cast(null as {{ dbt.type_string() }}) as merged_into_deal_id,
    marked._file as source_file,
    marked._record as source_record
from marked
left join stages on marked.stage_id = stages.stage_id
left join pipelines on coalesce(marked.pipeline_id, stages.pipeline_id) = pipelines.pipeline_id
left join deletions on marked.deal_id = deletions.deal_id
