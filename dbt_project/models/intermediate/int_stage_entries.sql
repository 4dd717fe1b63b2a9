with
    visits as (select * from {{ ref("int_visits") }}),

    reach as (select * from {{ ref("int_reach_cohorts") }}),

    deals as (select * from {{ ref("int_deals") }}),

    spans as (select * from {{ ref("int_deal_field_spans") }}),

    visits_end as (select * from {{ ref("int_stage_horizons") }}),

    limits as (select * from {{ ref("int_stall_limits") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    settings as (select * from {{ ref("stg_standards__cause_settings") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- Who inherits a deal does not answer for what became of it before.
    owners_then as (
        select deal_key, value_text as owner_id, valid_from_at, valid_to_at
        from spans
        where field = 'owner_id'
    ),

    -- A stage that deals are clicked through in half an hour would call stalled whatever is there
    -- for longer: nobody is late within a week. Null stays null, which has nothing to watch for.
    horizons as (
        select
            funnel,
            stage,
            case
                when horizon_days < 7 then cast(7 as double precision) else horizon_days
            end as horizon_days
        from visits_end
    ),

    -- A stage that a deal came back to after it had gone past has no stay to explain: whether it
    -- went on was settled before it stayed.
    entries as (
        select
            visits.deal_key,
            visits.visit_id,
            visits.funnel,
            visits.stage,
            reach.stage_rank,
            visits.entered_at,
            visits.exited_at,
            visits.dwell_days,
            visits.next_stage,
            reach.reached_quarter,
            reach.days_to_advance,
            reach.days_followed,
            deals.crm,
            case
                when owners_then.deal_key is null
                then deals.owner_key
                else deals.crm || ':' || owners_then.owner_id
            end as owner_key,
            deals.funnel_version,
            {{ plus_days("visits.entered_at", "settings.follow_up_days") }} as fortnight_at,
            coalesce(visits.exited_at, clock.as_of_at) as left_at
        from visits
        inner join
            reach
            on visits.deal_key = reach.deal_key
            and visits.funnel = reach.funnel
            and visits.stage = reach.stage
            and visits.entered_at = reach.reached_at
        inner join deals on visits.deal_key = deals.deal_key
        left join
            owners_then
            on visits.deal_key = owners_then.deal_key
            and (
                owners_then.valid_from_at is null or owners_then.valid_from_at <= visits.entered_at
            )
            and (owners_then.valid_to_at is null or owners_then.valid_to_at > visits.entered_at)
        cross join settings
        cross join clock
        where visits.occurrence = 1 and visits.dwell_days >= 0
    )

select
    entries.deal_key,
    entries.visit_id,
    entries.funnel,
    entries.stage,
    entries.stage_rank,
    entries.crm,
    entries.owner_key,
    entries.entered_at,
    entries.exited_at,
    entries.dwell_days,
    entries.next_stage,
    entries.reached_quarter as entered_quarter,
    horizons.horizon_days,
    -- One limit for all deals of a stage: were it the segment's own, who the customer is would
    -- decide what counts as slow.
    case
        when stages.cap_days is null or limits.won_p80_days > stages.cap_days
        then limits.won_p80_days
        else cast(stages.cap_days as double precision)
    end as slow_after_days,
    coalesce(entries.days_to_advance <= horizons.horizon_days, false) as is_advanced,
    case
        when entries.left_at < entries.fortnight_at then entries.left_at else entries.fortnight_at
    end as follow_up_until_at
from entries
inner join horizons on entries.funnel = horizons.funnel and entries.stage = horizons.stage
inner join
    stages
    on entries.funnel = stages.funnel
    and entries.funnel_version = stages.version
    and entries.stage = stages.stage
left join
    limits
    on entries.funnel = limits.funnel
    and entries.stage = limits.stage
    and limits.segment = 'all'
where entries.days_followed >= horizons.horizon_days
