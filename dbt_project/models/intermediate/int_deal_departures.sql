with
    crm_deals as (select * from {{ ref("int_crm_deals") }}),

    observations as (select * from {{ ref("int_deal_observations") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- A deal that is deleted after the business date was still there on it.
    there as (
        select crm_deals.crm || ':' || crm_deals.deal_id as deal_key
        from crm_deals
        cross join clock
        where
            (not crm_deals.is_deleted or crm_deals.deleted_at >= clock.as_of_at)
            and (crm_deals.created_at is null or crm_deals.created_at < clock.as_of_at)
    ),

    marked as (
        select
            crm_deals.crm || ':' || crm_deals.deal_id as deal_key,
            crm_deals.deleted_at,
            crm_deals.crm || ':' || crm_deals.merged_into_deal_id as merged_into_deal_key
        from crm_deals
        cross join clock
        where
            crm_deals.is_deleted
            and (crm_deals.deleted_at is null or crm_deals.deleted_at < clock.as_of_at)
    ),

    numbered as (
        select
            observations.*,
            max(case when is_present then observed_at end) over (
                partition by deal_key
            ) as last_there_at,
            row_number() over (partition by deal_key order by observed_at desc) as reverse_number
        from observations
    ),

    last_seen as (select * from numbered where reverse_number = 1),

    -- Marked as deleted in one extract and out of a later one, it left with the first.
    first_without as (
        select deal_key, min(observed_at) as observed_at
        from numbered
        where last_there_at is null or observed_at > last_there_at
        group by deal_key
    ),

    gone as (
        select last_seen.deal_key, last_seen.last_there_at, first_without.observed_at
        from last_seen
        inner join first_without on last_seen.deal_key = first_without.deal_key
        left join there on last_seen.deal_key = there.deal_key
        where not last_seen.is_present and there.deal_key is null
    ),

    every_departure as (
        select
            coalesce(marked.deal_key, gone.deal_key) as deal_key,
            marked.deal_key is not null as is_marked,
            -- A stamp from before an extract that still had the deal does not date its deletion.
            case
                when gone.last_there_at is null or marked.deleted_at > gone.last_there_at
                then marked.deleted_at
            end as deleted_at,
            marked.merged_into_deal_key,
            gone.observed_at
        from marked
        full outer join gone on marked.deal_key = gone.deal_key
    )

select
    deal_key,
    case
        when merged_into_deal_key is not null
        then 'merged'
        when is_marked
        then 'deleted'
        else 'absent'
    end as reason,
    merged_into_deal_key,
    coalesce(deleted_at, observed_at) as departed_at,
    case
        when deleted_at is not null
        then 'exact'
        when observed_at is not null
        then 'by_day'
        else 'unknown'
    end as precision
from every_departure
