with
    source as (select * from {{ source("raw_hubspot", "deal_observed") }}),

    observed_stages as (select * from {{ source("raw_hubspot", "deal_pipeline_stage_observed") }}),

    observed_pipelines as (select * from {{ source("raw_hubspot", "deal_pipeline_observed") }}),

    company as (select * from {{ source("standards", "company") }}),

    numbered_stages as (
        select
            observed_stages.*,
            row_number() over (partition by stage_id order by observed_at desc) as reverse_number
        from observed_stages
    ),

    -- HubSpot derives is_closed from the probability and some exports lack it.
    stages as (
        select
            stage_id,
            pipeline_id,
            label,
            coalesce(is_closed, false)
            or coalesce(closed_won, false)
            or coalesce(probability in (0, 1), false) as is_closed
        from numbered_stages
        where reverse_number = 1
    ),

    numbered_pipelines as (
        select
            observed_pipelines.*,
            row_number() over (partition by pipeline_id order by observed_at desc) as reverse_number
        from observed_pipelines
    ),

    pipelines as (select pipeline_id, label from numbered_pipelines where reverse_number = 1)

-- Stages are named as the newest export names them, so that a new label is no change of stage.
select
    'hubspot' as crm,
    source.deal_id,
    coalesce(pipelines.label, source.pipeline_id, stages.pipeline_id) as crm_funnel_name,
    coalesce(stages.label, source.stage_id, '(no stage)') as crm_stage_name,
    source.stage_entered_at,
    source.amount,
    {{ local_date("source.close_date", "company.time_zone") }} as expected_close_date,
    source.currency,
    source.next_step,
    source.probability,
    source.forecast_category,
    source.lead_source,
    source.deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    source.lost_reason,
    source.owner_id,
    source.primary_company_id as account_id,
    source.created_at,
    case
        when
            coalesce(
                stages.is_closed,
                source.is_closed,
                source.stage_id in ('closedwon', 'closedlost'),
                false
            )
        then source.close_date
    end as closed_at,
    source.modified_at,
    source.is_present
    and not coalesce(source.is_deleted, false)
    and not coalesce(source.archived, false)
    and not coalesce(source.fivetran_deleted, false) as is_present,
    source.observed_at,
    source.previous_observed_at
from source
cross join company
left join stages on source.stage_id = stages.stage_id
left join pipelines on coalesce(source.pipeline_id, stages.pipeline_id) = pipelines.pipeline_id
