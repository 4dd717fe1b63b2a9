with
    deals as (select * from {{ source("raw_hubspot", "deal") }}),

    merged_deals as (select * from {{ source("raw_hubspot", "merged_deal") }}),

    associations as (select * from {{ source("raw_hubspot", "deal_company") }}),

    observed_stages as (select * from {{ source("raw_hubspot", "deal_pipeline_stage_observed") }}),

    observed_pipelines as (select * from {{ source("raw_hubspot", "deal_pipeline_observed") }}),

    company as (select * from {{ source("standards", "company") }}),

    -- What an export last said of each stage and pipeline: one that was deleted since keeps its
    -- label for the deals that stand in it.
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
            probability,
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

    pipelines as (select pipeline_id, label from numbered_pipelines where reverse_number = 1),

    -- HubSpot's own association to the primary company of a deal has type 5 and a label.
    numbered_companies as (
        select
            deal_id,
            company_id,
            row_number() over (
                partition by deal_id
                order by
                    case when type_id = '5' or lower(label) = 'primary' then 0 else 1 end,
                    company_id
            ) as number
        from associations
    ),

    first_companies as (select deal_id, company_id from numbered_companies where number = 1),

    -- Fivetran tells of a merge in a table, the API by a list in the deal that survives.
    merges as (
        select deal_id, merged_deal_id
        from merged_deals
        union all
        select deal_id, {{ rows_of_list("merged_deal_ids", ";") }} as merged_deal_id
        from deals
        where merged_deal_ids is not null
    ),

    merged as (
        select trim(merged_deal_id) as merged_deal_id, max(deal_id) as merged_into_deal_id
        from merges
        where trim(merged_deal_id) <> deal_id
        group by trim(merged_deal_id)
    ),

    -- A deal that was merged into another need not have a record of its own any more.
    every_deal as (
        select
            coalesce(deals.deal_id, merged.merged_deal_id) as deal_id,
            merged.merged_into_deal_id,
            deals.deal_name,
            deals.pipeline_id,
            deals.stage_id,
            deals.amount,
            deals.currency,
            deals.owner_id,
            deals.primary_company_id,
            deals.created_at,
            deals.stage_entered_at,
            deals.close_date,
            deals.is_closed,
            deals.lost_reason,
            deals.lead_source,
            deals.deal_type,
            deals.next_step,
            deals.probability,
            deals.forecast_category,
            deals.modified_at,
            coalesce(deals.is_deleted, false)
            or coalesce(deals.archived, false)
            or coalesce(deals.fivetran_deleted, false)
            or merged.merged_deal_id is not null as is_deleted,
            deals.archived_at,
            deals._file,
            deals._record
        from deals
        full outer join merged on deals.deal_id = merged.merged_deal_id
    ),

    with_stage as (
        select
            every_deal.*,
            coalesce(
                pipelines.label, every_deal.pipeline_id, stages.pipeline_id
            ) as crm_funnel_name,
            coalesce(stages.label, every_deal.stage_id, '(no stage)') as crm_stage_name,
            stages.probability as stage_probability,
            -- Without the stages' own word: the deal's, or the ids of the default pipeline.
            coalesce(
                stages.is_closed,
                every_deal.is_closed,
                every_deal.stage_id in ('closedwon', 'closedlost'),
                false
            ) as is_in_closed_stage
        from every_deal
        left join stages on every_deal.stage_id = stages.stage_id
        left join
            pipelines
            on coalesce(every_deal.pipeline_id, stages.pipeline_id) = pipelines.pipeline_id
    )

select
    'hubspot' as crm,
    with_stage.deal_id,
    with_stage.deal_name,
    with_stage.crm_funnel_name,
    with_stage.crm_stage_name,
    with_stage.amount,
    with_stage.currency,
    with_stage.owner_id,
    coalesce(with_stage.primary_company_id, first_companies.company_id) as account_id,
    with_stage.created_at,
    with_stage.stage_entered_at,
    {{ local_date("with_stage.close_date", "company.time_zone") }} as expected_close_date,
    -- The close date is a plan until the deal closes; then HubSpot writes when it did.
    case when with_stage.is_in_closed_stage then with_stage.close_date end as closed_at,
    with_stage.lost_reason,
    with_stage.lead_source,
    with_stage.deal_type,
    cast(null as {{ dbt.type_string() }}) as product,
    with_stage.next_step,
    coalesce(with_stage.probability, with_stage.stage_probability) as probability,
    with_stage.forecast_category,
    with_stage.modified_at,
    with_stage.is_deleted,
    with_stage.archived_at as deleted_at,
    with_stage.merged_into_deal_id,
    with_stage._file as source_file,
    with_stage._record as source_record
from with_stage
cross join company
left join first_companies on with_stage.deal_id = first_companies.deal_id
