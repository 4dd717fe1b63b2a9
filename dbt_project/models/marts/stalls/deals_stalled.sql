with
    stalls as (select * from {{ ref("int_deal_stalls") }}),

    stall_reasons as (select * from {{ ref("deals_stalled_reasons") }}),

    inputs as (select * from {{ ref("int_stall_inputs") }}),

    deals as (select * from {{ ref("deals_current") }}),

    activities as (select * from {{ ref("int_activities") }}),

    evidence as (select * from {{ ref("int_evidence") }}),

    settings as (select * from {{ ref("stg_standards__stall_settings") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    stalled as (
        select
            stalls.*, {{ days_between("stalls.stall_began_at", "clock.as_of_at") }} as stalled_days
        from stalls
        cross join clock
        where stalls.is_stalled
    ),

    -- What we did towards the customer since; what the customer did first is no attempt of ours.
    attempts as (
        select
            stalled.deal_key,
            count(*) as attempts,
            min(activities.occurred_at) as first_attempt_at,
            max(activities.occurred_at) as last_attempt_at
        from stalled
        inner join activities on stalled.deal_key = activities.deal_key
        where
            activities.status = 'held'
            and coalesce(activities.direction, 'outbound') = 'outbound'
            and activities.occurred_at >= stalled.stall_began_at
        group by stalled.deal_key
    ),

    responses as (
        select
            attempts.deal_key, count(*) as responses, max(evidence.observed_at) as last_response_at
        from attempts
        inner join evidence on attempts.deal_key = evidence.deal_key
        where
            evidence.evidence_kind = 'customer_action'
            and evidence.observed_at >= attempts.first_attempt_at
        group by attempts.deal_key
    ),

    reason_counts as (select deal_key, count(*) as reasons from stall_reasons group by deal_key),

    leading_reasons as (select * from stall_reasons where reason_number = 1),

    not_evaluated as (
        select crm, {{ joined_texts("reason", "; ") }} as reasons
        from inputs
        where not is_evaluated
        group by crm
    )

select
    stalled.deal_key,
    deals.funnel,
    deals.stage,
    deals.owner_key,
    deals.owner_name,
    deals.team,
    deals.amount_reporting,
    stalled.current_visit_id,
    stalled.dwell_days,
    cast(stalled.cap_days as bigint) as cap_days,
    stalled.limit_segment_value,
    cast(stalled.won_visits as bigint) as won_visits,
    stalled.won_p80_days,
    stalled.slow_after_days,
    stalled.is_slow,
    stalled.is_over_cap,
    stalled.is_silent,
    stalled.silent_days,
    stalled.last_customer_event_at,
    stalled.last_customer_event_id,
    stalled.stall_began_at,
    stalled.stalled_days,
    coalesce(reason_counts.reasons, 0) as reasons,
    leading_reasons.reason as leading_reason,
    leading_reasons.wording_en as leading_reason_en,
    leading_reasons.wording_zh as leading_reason_zh,
    not_evaluated.reasons as reasons_not_evaluated,
    leading_reasons.next_action_en,
    leading_reasons.next_action_zh,
    coalesce(attempts.attempts, 0) as reactivation_attempts,
    attempts.last_attempt_at,
    coalesce(responses.responses, 0) as reactivation_responses,
    responses.last_response_at,
    case
        when leading_reasons.reason is null
        then 'diagnose'
        when
            coalesce(attempts.attempts, 0) < settings.escalate_after_attempts
            -- An answer counts while the customer still talks; an old one has won nothing back.
            or (responses.responses > 0 and not coalesce(stalled.is_silent, false))
        then 'reactivate'
        when stalled.stalled_days < settings.nurture_after_days
        then 'escalate'
        else 'nurture'
    end as recommendation
from stalled
cross join settings
inner join deals on stalled.deal_key = deals.deal_key
left join reason_counts on stalled.deal_key = reason_counts.deal_key
left join leading_reasons on stalled.deal_key = leading_reasons.deal_key
left join not_evaluated on deals.crm = not_evaluated.crm
left join attempts on stalled.deal_key = attempts.deal_key
left join responses on stalled.deal_key = responses.deal_key
