with
    source as (select * from {{ source("raw_fxiaoke", "active_record") }}),

    kept as (
        select *
        from source
        where
            not coalesce(is_deleted, false)
            and coalesce(life_status, '') <> 'invalid'
            and coalesce(life_status_label, '') not in ('作废', '已作废', '作廢')
    ),

    -- The list of what a record is about names the object of each entry; only the deal counts here.
    with_entry as (
        select
            kept.*,
            {{ matched_text("related_object_data", '(\\{[^{}]*"NewOpportunityObj"[^{}]*\\})') }}
            as deal_entry
        from kept
    ),

    with_deal as (
        select
            with_entry.*,
            coalesce(
                new_opportunity_id, {{ matched_text("deal_entry", '"id"\\s*:\\s*"([^"]+)"') }}
            ) as deal_id
        from with_entry
    )

select
    'fxiaoke' as crm,
    id as activity_id,
    deal_id,
    coalesce(interactive_types_label, interactive_types, 'record') as crm_activity_type,
    create_time as occurred_at,
    cast(null as double precision) as minutes,
    cast(null as {{ dbt.type_string() }}) as direction,
    -- A record is written about what took place.
    'held' as status,
    cast(null as boolean) as is_customer_present,
    cast(null as {{ dbt.type_string() }}) as crm_contact_role
from with_deal
where deal_id is not null
