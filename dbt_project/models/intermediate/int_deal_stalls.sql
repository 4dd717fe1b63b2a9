with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    limits as (select * from {{ ref("int_stall_limits") }}),

    evidence as (select * from {{ ref("int_evidence") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    settings as (select * from {{ ref("stg_standards__stall_settings") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- What a customer did: came, called, wrote or confirmed. What we sent them is no event of
    -- theirs.
    customer_events as (
        select
            evidence.deal_key,
            evidence.observed_at,
            evidence.source_id,
            row_number() over (
                partition by evidence.deal_key
                order by evidence.observed_at desc, evidence.source_id desc
            ) as reverse_number
        from evidence
        inner join deals on evidence.deal_key = deals.deal_key
        where evidence.evidence_kind = 'customer_action' and deals.is_open
    ),

    last_customer_events as (select * from customer_events where reverse_number = 1),

    -- A CRM that never tells what a customer did, or whose activities are stale, tells nothing of
    -- silence: that is not known, and no customer is called silent for it.
    crms_that_tell as (
        select distinct deals.crm
        from deals
        inner join last_customer_events on deals.deal_key = last_customer_events.deal_key
        inner join inputs on deals.crm = inputs.crm
        where inputs.input = 'activities' and inputs.is_fresh
    ),

    measured as (
        select
            deals.deal_key,
            positions.current_visit_id,
            positions.stage_entered_at,
            positions.dwell_days,
            stages.cap_days,
            -- A segment with few won visits is judged by all deals of the funnel.
            case
                when own_limits.won_visits >= company.minimum_n
                then own_limits.segment_value
                when all_limits.won_visits is not null
                then 'all'
            end as limit_segment_value,
            case
                when own_limits.won_visits >= company.minimum_n
                then own_limits.won_visits
                else coalesce(all_limits.won_visits, 0)
            end as won_visits,
            case
                when own_limits.won_visits >= company.minimum_n
                then own_limits.won_p80_days
                else all_limits.won_p80_days
            end as won_p80_days,
            last_customer_events.observed_at as last_customer_event_at,
            last_customer_events.source_id as last_customer_event_id,
            case
                when crms_that_tell.crm is not null
                then
                    coalesce(
                        last_customer_events.observed_at,
                        deals.created_at,
                        positions.stage_entered_at
                    )
            end as silent_since_at
        from deals
        cross join settings
        cross join company
        inner join positions on deals.deal_key = positions.deal_key
        inner join
            segments on deals.deal_key = segments.deal_key and settings.segment = segments.segment
        inner join
            stages
            on deals.funnel = stages.funnel
            and deals.funnel_version = stages.version
            and deals.stage = stages.stage
        left join
            limits as own_limits
            on deals.funnel = own_limits.funnel
            and deals.stage = own_limits.stage
            and segments.segment = own_limits.segment
            and segments.segment_value = own_limits.segment_value
        left join
            limits as all_limits
            on deals.funnel = all_limits.funnel
            and deals.stage = all_limits.stage
            and all_limits.segment = 'all'
        left join last_customer_events on deals.deal_key = last_customer_events.deal_key
        left join crms_that_tell on deals.crm = crms_that_tell.crm
        where deals.is_open
    ),

    limited as (
        select
            measured.*,
            case
                when measured.cap_days is null or measured.won_p80_days > measured.cap_days
                then measured.won_p80_days
                else cast(measured.cap_days as double precision)
            end as slow_after_days,
            {{ days_between("measured.silent_since_at", "clock.as_of_at") }} as silent_days,
            settings.silent_after_days
        from measured
        cross join settings
        cross join clock
    ),

    judged as (
        select
            limited.*,
            dwell_days > slow_after_days as is_slow,
            coalesce(dwell_days > cap_days, false) as is_over_cap,
            silent_days > silent_after_days as is_silent,
            {{ plus_days("stage_entered_at", "cap_days") }} as over_cap_at,
            {{ plus_minutes("stage_entered_at", "cast(ceil(slow_after_days * 1440) as integer)") }}
            as slow_at,
            {{ plus_days("silent_since_at", "silent_after_days") }} as silent_at
        from limited
    )

select
    deal_key,
    current_visit_id,
    dwell_days,
    cap_days,
    limit_segment_value,
    won_visits,
    won_p80_days,
    slow_after_days,
    is_slow,
    is_over_cap,
    last_customer_event_at,
    last_customer_event_id,
    silent_days,
    is_silent,
    is_over_cap or coalesce(is_slow and is_silent, false) as is_stalled,
    case
        when is_over_cap
        then over_cap_at
        when is_slow and is_silent
        then case when slow_at > silent_at then slow_at else silent_at end
    end as stall_began_at
from judged
