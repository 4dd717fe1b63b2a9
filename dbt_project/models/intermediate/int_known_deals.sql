with
    crm_deals as (select * from {{ ref("int_crm_deals") }}),

    absent_deals as (select * from {{ ref("int_absent_deals") }}),

    departures as (select * from {{ ref("int_deal_departures") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    funnels as (select * from {{ ref("stg_standards__funnels") }}),

    funnel_names as (select * from {{ ref("stg_standards__funnel_crm_names") }}),

    funnel_versions as (select * from {{ ref("stg_standards__funnel_versions") }}),

    stage_names as (select * from {{ ref("stg_standards__stage_crm_names") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    keyed as (
        select
            crm || ':' || deal_id as deal_key,
            crm,
            deal_id,
            deal_name,
            crm_funnel_name,
            crm_stage_name,
            amount,
            currency,
            owner_id,
            account_id,
            created_at,
            stage_entered_at,
            expected_close_date,
            closed_at,
            lost_reason,
            lead_source,
            deal_type,
            product,
            next_step,
            probability,
            forecast_category,
            modified_at,
            source_file,
            source_record
        from crm_deals
        union all
        -- Of what a full extract does not have any more the ones before it tell.
        select
            deal_key,
            crm,
            deal_id,
            cast(null as {{ dbt.type_string() }}) as deal_name,
            crm_funnel_name,
            crm_stage_name,
            amount,
            currency,
            owner_id,
            account_id,
            created_at,
            stage_entered_at,
            expected_close_date,
            closed_at,
            lost_reason,
            lead_source,
            deal_type,
            product,
            next_step,
            probability,
            forecast_category,
            modified_at,
            cast(null as {{ dbt.type_string() }}) as source_file,
            null as source_record
        from absent_deals
    ),

    -- A deal that a date says has left is known until before it; an extract says of its own instant
    -- what is not there any more.
    known as (
        select
            keyed.*,
            clock.business_date,
            departures.deal_key is not null as is_departed,
            departures.reason as departed_as,
            case
                when departures.precision = 'by_day'
                then {{ plus_minutes("departures.departed_at", "-1") }}
                else departures.departed_at
            end as known_until_at
        from keyed
        cross join clock
        left join departures on keyed.deal_key = departures.deal_key
        where
            (keyed.created_at is null or keyed.created_at < clock.as_of_at)
            -- When it left is what nobody knows: then it may have left before any date.
            and (departures.deal_key is null or departures.departed_at is not null)
    ),

    -- A deal whose CRM pipeline no funnel file names belongs to no funnel; only a blank one takes
    -- the default.
    with_funnel as (
        select
            known.*,
            coalesce(
                funnel_names.funnel,
                case when known.crm_funnel_name is null then default_funnel.funnel end
            ) as funnel
        from known
        left join
            funnel_names
            on known.crm = funnel_names.crm
            and known.crm_funnel_name = funnel_names.crm_name
        left join funnels as default_funnel on default_funnel.is_default
    ),

    with_version as (
        select with_funnel.*, funnel_versions.version as funnel_version
        from with_funnel
        left join
            funnel_versions
            on with_funnel.funnel = funnel_versions.funnel
            and with_funnel.business_date >= funnel_versions.valid_from
            and (
                funnel_versions.valid_to is null
                or with_funnel.business_date < funnel_versions.valid_to
            )
    )

select
    with_version.deal_key,
    with_version.crm,
    with_version.deal_id,
    with_version.deal_name,
    with_version.crm_funnel_name,
    with_version.funnel,
    with_version.funnel_version,
    with_version.crm_stage_name,
    coalesce(stage_names.stage, with_version.crm_stage_name) as stage,
    stage_names.stage is not null as is_stage_mapped,
    stages.stage_rank,
    stages.outcome,
    stages.outcome is null as is_open,
    with_version.amount,
    with_version.currency,
    with_version.crm || ':' || with_version.owner_id as owner_key,
    with_version.crm || ':' || with_version.account_id as account_key,
    with_version.created_at,
    with_version.stage_entered_at,
    with_version.expected_close_date,
    with_version.closed_at,
    with_version.lost_reason,
    with_version.lead_source,
    with_version.deal_type,
    with_version.product,
    with_version.next_step,
    with_version.probability,
    with_version.forecast_category,
    with_version.modified_at,
    with_version.is_departed,
    with_version.departed_as,
    with_version.known_until_at,
    with_version.source_file,
    with_version.source_record
from with_version
left join
    stage_names
    on with_version.funnel = stage_names.funnel
    and with_version.funnel_version = stage_names.version
    and with_version.crm = stage_names.crm
    and with_version.crm_stage_name = stage_names.crm_name
left join
    stages
    on with_version.funnel = stages.funnel
    and with_version.funnel_version = stages.version
    and stage_names.stage = stages.stage
