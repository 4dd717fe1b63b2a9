with
    source as (select * from {{ source("raw_hubspot", "contact") }}),

    -- Subscribers and customers that were never leads are people too; what follows a lead in its
    -- life was one.
    leads as (
        select *
        from source
        where
            not coalesce(is_deleted, archived, fivetran_deleted, false)
            and (
                became_lead_at is not null
                or lifecycle_stage
                in ('lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity')
            )
    )

select
    'hubspot' as crm,
    contact_id as lead_id,
    coalesce(became_lead_at, created_at) as created_at,
    lead_source,
    lifecycle_stage as status,
    industry,
    cast(null as bigint) as employees,
    country,
    owner_id,
    first_deal_created_at is not null as is_converted,
    -- A contact may belong to many deals; that of its first is dated and not named.
    cast(null as {{ dbt.type_string() }}) as converted_deal_id,
    first_deal_created_at as converted_at,
    cast(null as date) as converted_on
from leads
