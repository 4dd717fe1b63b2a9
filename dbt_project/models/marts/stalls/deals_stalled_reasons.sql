with
    stalls as (select * from {{ ref("int_deal_stalls") }}),

    deals as (select * from {{ ref("int_deals") }}),

    evidence as (select * from {{ ref("int_evidence") }}),

    contact_roles as (select * from {{ ref("int_contact_roles") }}),

    close_date_changes as (select * from {{ ref("int_close_date_changes") }}),

    findings as (select * from {{ ref("quality_findings") }}),

    rules as (select * from {{ ref("stg_standards__rules") }}),

    inputs as (select * from {{ ref("int_stall_inputs") }}),

    reasons as (select * from {{ ref("stg_standards__stall_reasons") }}),

    reason_roles as (select * from {{ ref("stg_standards__stall_reason_roles") }}),

    stalled as (
        select stalls.*, deals.crm
        from stalls
        inner join deals on stalls.deal_key = deals.deal_key
        where stalls.is_stalled
    ),

    silent as (
        select
            deal_key,
            'silent' as reason,
            cast(floor(silent_days) as bigint) as size,
            last_customer_event_id as records
        from stalled
        where is_silent
    ),

    decision_makers_met as (
        select distinct evidence.deal_key
        from evidence
        inner join
            reason_roles
            on evidence.contact_role = reason_roles.contact_role
            and reason_roles.reason = 'no_decision_maker_met'
        where evidence.evidence_kind = 'customer_action'
    ),

    -- Whom to meet: the decision makers that the deal names.
    decision_makers_named as (
        select contact_roles.deal_key, contact_roles.contact_key
        from contact_roles
        inner join
            reason_roles
            on contact_roles.contact_role = reason_roles.contact_role
            and reason_roles.reason = 'no_decision_maker_met'
        where not contact_roles.is_gone
        group by contact_roles.deal_key, contact_roles.contact_key
    ),

    decision_makers_joined as (
        select deal_key, count(*) as named, {{ joined_texts("contact_key", "; ") }} as records
        from decision_makers_named
        group by deal_key
    ),

    no_decision_maker_met as (
        select
            stalled.deal_key,
            'no_decision_maker_met' as reason,
            coalesce(decision_makers_joined.named, 0) as size,
            decision_makers_joined.records
        from stalled
        inner join
            inputs
            on stalled.crm = inputs.crm
            and inputs.reason = 'no_decision_maker_met'
            and inputs.is_evaluated
        left join decision_makers_met on stalled.deal_key = decision_makers_met.deal_key
        left join decision_makers_joined on stalled.deal_key = decision_makers_joined.deal_key
        where decision_makers_met.deal_key is null
    ),

    -- Rules about the cap, silence, pushes and contacts say no more than that the deal
    -- is stalled, or what has a reason of its own.
    failing as (
        select distinct findings.deal_key, findings.rule_id
        from findings
        left join
            rules
            on findings.rule_id = rules.rule_id
            and rules.rule
            in ('dwell_over_cap', 'customer_silent', 'close_date_pushed', 'single_contact')
        where
            findings.outcome in ('missing', 'failed')
            and not findings.is_late
            and rules.rule_id is null
    ),

    violations_open as (
        select
            failing.deal_key,
            'violations_open' as reason,
            count(*) as size,
            {{ joined_texts("failing.rule_id", "; ") }} as records
        from failing
        inner join stalled on failing.deal_key = stalled.deal_key
        group by failing.deal_key
    ),

    close_date_pushed as (
        select
            close_date_changes.deal_key,
            'close_date_pushed' as reason,
            count(*) as size,
            {{ joined_texts("close_date_changes.change_key", "; ") }} as records
        from close_date_changes
        inner join stalled on close_date_changes.deal_key = stalled.deal_key
        where close_date_changes.moved_days > 0
        group by close_date_changes.deal_key
    ),

    -- One row per champion: gone only where no row of the contact still stands.
    champions as (
        select
            contact_roles.deal_key,
            contact_roles.contact_key,
            min(case when contact_roles.is_gone then 1 else 0 end) as is_gone
        from contact_roles
        inner join
            reason_roles
            on contact_roles.contact_role = reason_roles.contact_role
            and reason_roles.reason = 'champion_gone'
        group by contact_roles.deal_key, contact_roles.contact_key
    ),

    champion_gone as (
        select
            champions.deal_key,
            'champion_gone' as reason,
            count(*) as size,
            {{ joined_texts("champions.contact_key", "; ") }} as records
        from champions
        inner join stalled on champions.deal_key = stalled.deal_key
        group by champions.deal_key
        having min(champions.is_gone) = 1
    ),

    present_contacts as (
        select distinct deal_key, contact_key from contact_roles where not is_gone
    ),

    single_contact as (
        select
            present_contacts.deal_key,
            'single_contact' as reason,
            count(*) as size,
            min(present_contacts.contact_key) as records
        from present_contacts
        inner join stalled on present_contacts.deal_key = stalled.deal_key
        group by present_contacts.deal_key
        having count(*) = 1
    ),

    unioned as (
        select *
        from silent
        union all
        select *
        from no_decision_maker_met
        union all
        select *
        from violations_open
        union all
        select *
        from close_date_pushed
        union all
        select *
        from champion_gone
        union all
        select *
        from single_contact
    )

-- Only what the company looks for, and as often as it says.
select
    unioned.deal_key,
    unioned.reason,
    row_number() over (partition by unioned.deal_key order by reasons.priority) as reason_number,
    cast(unioned.size as bigint) as size,
    unioned.records,
    reasons.wording_en,
    reasons.wording_zh,
    reasons.action_en as next_action_en,
    reasons.action_zh as next_action_zh
from unioned
inner join reasons on unioned.reason = reasons.reason
where reasons.times is null or unioned.size >= reasons.times
