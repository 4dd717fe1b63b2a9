with
    stage_history as (select * from {{ source("raw_hubspot", "deal_stage") }}),

    property_history as (select * from {{ source("raw_hubspot", "deal_property_history") }}),

    observed_stages as (select * from {{ source("raw_hubspot", "deal_pipeline_stage_observed") }}),

    numbered_stages as (
        select
            observed_stages.*,
            row_number() over (partition by stage_id order by observed_at desc) as reverse_number
        from observed_stages
    ),

    stages as (select stage_id, label from numbered_stages where reverse_number = 1),

    deals_with_stage_history as (select distinct deal_id from stage_history),

    from_stage_history as (select distinct deal_id, stage_id, entered_at from stage_history),

    -- Fivetran delivers the same changes in both places; the one made for stages is taken.
    from_property_history as (
        select property_history.deal_id, property_history.value, property_history.changed_at
        from property_history
        left join
            deals_with_stage_history on property_history.deal_id = deals_with_stage_history.deal_id
        where
            property_history.field = 'dealstage'
            and property_history.value is not null
            and deals_with_stage_history.deal_id is null
    ),

    unioned as (
        select deal_id, stage_id, entered_at as changed_at
        from from_stage_history
        union all
        select deal_id, value, changed_at
        from from_property_history
    )

select
    'hubspot' as crm,
    unioned.deal_id || '/' || unioned.stage_id as change_id,
    unioned.deal_id,
    coalesce(stages.label, unioned.stage_id) as crm_stage_name,
    unioned.changed_at
from unioned
left join stages on unioned.stage_id = stages.stage_id
