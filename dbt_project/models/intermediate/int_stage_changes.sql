with
    deals as (select * from {{ ref("int_known_deals") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    crm_changes as (select * from {{ ref("int_crm_stage_changes") }}),

    observed_changes as (select * from {{ ref("int_observed_stage_changes") }}),

    funnel_versions as (select * from {{ ref("stg_standards__funnel_versions") }}),

    stage_names as (select * from {{ ref("stg_standards__stage_crm_names") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    -- What the CRM recorded, known and valid at as-of.
    recorded as (
        select
            deals.deal_key,
            crm_changes.changed_at,
            1 as source_order,
            crm_changes.change_id,
            crm_changes.crm_stage_name,
            'crm_history' as change_source,
            'exact' as precision
        from crm_changes
        inner join deals on crm_changes.crm || ':' || crm_changes.deal_id = deals.deal_key
        cross join clock
        where crm_changes.changed_at < clock.as_of_at
    ),

    -- Extracts tell the history of a deal for which the CRM keeps none.
    observed as (
        select
            observed_changes.deal_key,
            observed_changes.changed_at,
            1 as source_order,
            cast(observed_changes.observed_at as {{ dbt.type_string() }}) as change_id,
            observed_changes.crm_stage_name,
            observed_changes.change_source,
            observed_changes.precision
        from observed_changes
        left join recorded on observed_changes.deal_key = recorded.deal_key
        cross join clock
        where
            recorded.deal_key is null
            and (
                observed_changes.changed_at is null or observed_changes.changed_at < clock.as_of_at
            )
    ),

    historic as (
        select *
        from recorded
        union all
        select *
        from observed
    ),

    recorded_in_reverse as (
        select
            deal_key,
            changed_at,
            crm_stage_name,
            row_number() over (
                partition by deal_key order by changed_at desc nulls last, change_id desc
            ) as reverse_number
        from historic
    ),

    last_recorded as (select * from recorded_in_reverse where reverse_number = 1),

    -- The deal's own stage, where its history ends elsewhere or there is none: told by the field
    -- that dates
    -- it best. Without any date the deal keeps its stage from an unknown instant on.
    own_stage as (
        select
            deals.deal_key,
            case
                when not deals.is_open and deals.closed_at is not null
                then deals.closed_at
                when deals.stage_entered_at is not null
                then deals.stage_entered_at
                when last_recorded.deal_key is not null or not deals.is_open
                then deals.modified_at
                else deals.created_at
            end as told_at,
            case
                when not deals.is_open and deals.closed_at is not null
                then 'crm_closed_at'
                when deals.stage_entered_at is not null
                then 'crm_stage_entered_at'
                when last_recorded.deal_key is not null or not deals.is_open
                then 'crm_modified_at'
                else 'crm_created_at'
            end as change_source,
            deals.crm_stage_name,
            last_recorded.changed_at as last_recorded_at
        from deals
        left join last_recorded on deals.deal_key = last_recorded.deal_key
        where last_recorded.deal_key is null or last_recorded.crm_stage_name <> deals.crm_stage_name
    ),

    -- A field that dates the deal's stage before its own history ends cannot be right about the
    -- order.
    from_own_stage as (
        select
            own_stage.deal_key,
            case
                when own_stage.told_at >= clock.as_of_at
                then clock.as_of_at
                when own_stage.told_at < own_stage.last_recorded_at
                then own_stage.last_recorded_at
                else coalesce(own_stage.told_at, own_stage.last_recorded_at)
            end as changed_at,
            2 as source_order,
            '' as change_id,
            own_stage.crm_stage_name,
            own_stage.change_source,
            case
                when own_stage.told_at is null and own_stage.last_recorded_at is null
                then 'unknown'
                when
                    own_stage.change_source in ('crm_closed_at', 'crm_stage_entered_at')
                    and own_stage.told_at < clock.as_of_at
                    and own_stage.told_at >= coalesce(own_stage.last_recorded_at, own_stage.told_at)
                then 'exact'
                else 'inferred'
            end as precision
        from own_stage
        cross join clock
    ),

    all_changes as (
        select *
        from historic
        union all
        select *
        from from_own_stage
    ),

    own_names as (select distinct funnel, crm, crm_name from stage_names),

    -- A name that exactly one funnel knows tells that the deal was in it.
    names_of_one_funnel as (
        select crm, crm_name, min(funnel) as funnel
        from own_names
        group by crm, crm_name
        having count(*) = 1
    ),

    -- A deal carries only the funnel it is in tonight. What its history calls by a name of another
    -- funnel alone was a stage of that one, and the deal has changed funnels since.
    placed as (
        select
            all_changes.*,
            deals.crm,
            deals.is_departed,
            deals.known_until_at,
            case
                when deals.funnel is null or own_names.funnel is not null
                then deals.funnel
                else coalesce(names_of_one_funnel.funnel, deals.funnel)
            end as funnel
        from all_changes
        inner join deals on all_changes.deal_key = deals.deal_key
        left join
            own_names
            on deals.funnel = own_names.funnel
            and deals.crm = own_names.crm
            and all_changes.crm_stage_name = own_names.crm_name
        left join
            names_of_one_funnel
            on deals.crm = names_of_one_funnel.crm
            and all_changes.crm_stage_name = names_of_one_funnel.crm_name
    ),

    -- The boundaries of versions become instants, not the instants of changes days: versions are
    -- few. An undated change is judged by the version of today; there is no other date to judge it
    -- by.
    versions as (
        select
            funnel_versions.funnel,
            funnel_versions.version,
            {{ date_starts_at("funnel_versions.valid_from", "company.time_zone") }}
            as valid_from_at,
            {{ date_starts_at("funnel_versions.valid_to", "company.time_zone") }} as valid_to_at
        from funnel_versions
        cross join company
    ),

    dated as (
        select
            placed.*,
            case
                when placed.changed_at < clock.as_of_at
                then placed.changed_at
                else {{ plus_minutes("clock.as_of_at", "-1") }}
            end as judged_at
        from placed
        cross join clock
    )

select
    dated.deal_key,
    dated.is_departed,
    dated.known_until_at,
    dated.funnel,
    versions.version as funnel_version,
    dated.changed_at,
    dated.source_order,
    dated.change_id,
    dated.change_source,
    dated.precision,
    dated.crm_stage_name,
    coalesce(stage_names.stage, dated.crm_stage_name) as stage,
    stage_names.stage is not null as is_stage_mapped,
    stages.stage_rank,
    stages.outcome
from dated
left join
    versions
    on dated.funnel = versions.funnel
    and dated.judged_at >= versions.valid_from_at
    and (versions.valid_to_at is null or dated.judged_at < versions.valid_to_at)
left join
    stage_names
    on dated.funnel = stage_names.funnel
    and versions.version = stage_names.version
    and dated.crm = stage_names.crm
    and dated.crm_stage_name = stage_names.crm_name
left join
    stages
    on dated.funnel = stages.funnel
    and versions.version = stages.version
    and stage_names.stage = stages.stage
