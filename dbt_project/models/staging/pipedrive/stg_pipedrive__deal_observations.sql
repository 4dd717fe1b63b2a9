with
    source as (select * from {{ source("raw_pipedrive", "deal_observed") }}),

    observed_stages as (select * from {{ source("raw_pipedrive", "stage_observed") }}),

    observed_pipelines as (select * from {{ source("raw_pipedrive", "pipeline_observed") }}),

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
    )

-- Stages are named as the newest export names them, so that a new name is no change of stage.
select
    'pipedrive' as crm,
    source.deal_id,
    coalesce(
        pipelines.pipeline_name, stages.pipeline_name, source.pipeline_id, stages.pipeline_id
    ) as crm_funnel_name,
    case
        when source.status in ('won', 'lost')
        then source.status
        else coalesce(stages.stage_name, source.stage_id)
    end as crm_stage_name,
    case when source.status = 'open' then source.stage_change_time end as stage_entered_at,
    source.value as amount,
    source.expected_close_date,
    source.currency,
    cast(null as {{ dbt.type_string() }}) as next_step,
    source.probability,
    cast(null as {{ dbt.type_string() }}) as forecast_category,
    source.channel as lead_source,
    cast(null as {{ dbt.type_string() }}) as deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    source.lost_reason,
    coalesce(source.owner_id, source.user_id, source.user_value) as owner_id,
    coalesce(source.org_id, source.org_value) as account_id,
    source.add_time as created_at,
    case
        source.status
        when 'won'
        then coalesce(source.won_time, source.close_time)
        when 'lost'
        then coalesce(source.lost_time, source.close_time)
    end as closed_at,
    source.update_time as modified_at,
    source.is_present
    and source.status <> 'deleted'
    and not coalesce(source.deleted, false)
    and not coalesce(source.is_deleted, false)
    and (
        source.status <> 'open'
        or coalesce(source.active, true)
        or coalesce(source.is_archived, false)
    ) as is_present,
    source.observed_at,
    source.previous_observed_at
from source
left join stages on source.stage_id = stages.stage_id
left join pipelines on coalesce(source.pipeline_id, stages.pipeline_id) = pipelines.pipeline_id
