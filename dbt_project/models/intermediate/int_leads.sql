with
    crm_leads as (select * from {{ ref("int_crm_leads") }}),

    deals as (select * from {{ ref("int_crm_deals") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    with_deal as (
        select
            crm_leads.*,
            deals.deal_id is not null as has_known_deal,
            deals.created_at as deal_created_at,
            clock.as_of_at,
            {{ local_date("crm_leads.created_at", "company.time_zone") }} as created_on,
            {{ local_date("deals.created_at", "company.time_zone") }} as deal_created_on,
            clock.business_date
        from crm_leads
        left join
            deals
            on crm_leads.crm = deals.crm
            and crm_leads.converted_deal_id = deals.deal_id
            and not deals.is_deleted
        cross join clock
        cross join company
        where crm_leads.created_at < clock.as_of_at
    ),

    -- A conversion that only a later fact tells of has not taken place yet. One that is dated by a
    -- day alone took place when the deal that came of it was created, if that was on that day.
    dated as (
        select
            with_deal.*,
            is_converted
            and (converted_at is null or converted_at < as_of_at)
            and (converted_on is null or converted_on <= business_date)
            and (
                converted_at is not null
                or converted_on is not null
                or deal_created_at is null
                or deal_created_at < as_of_at
            ) as was_converted,
            case
                when converted_at is not null
                then converted_at
                when converted_on is null or converted_on = deal_created_on
                then deal_created_at
            end as instant_of_conversion
        from with_deal
    )

select
    lead_key,
    crm,
    lead_id,
    created_at,
    created_on,
    lead_source,
    status,
    industry,
    employees,
    country,
    crm || ':' || owner_id as owner_key,
    was_converted as is_converted,
    case when was_converted then crm || ':' || converted_deal_id end as converted_deal_key,
    was_converted and converted_deal_id is not null and not has_known_deal as is_deal_unknown,
    -- Whole days, floored. A conversion that the CRM dates before the lead has no length that can
    -- be believed.
    case
        when was_converted and instant_of_conversion >= created_at
        then cast(floor({{ days_between("created_at", "instant_of_conversion") }}) as bigint)
        when was_converted and instant_of_conversion is null and converted_on >= created_on
        then cast({{ dbt.datediff("created_on", "converted_on", "day") }} as bigint)
    end as days_to_conversion,
    cast(floor({{ days_between("created_at", "as_of_at") }}) as bigint) as age_days
from dated
