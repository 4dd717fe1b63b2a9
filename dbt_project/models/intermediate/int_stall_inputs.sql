with
    deals as (select * from {{ ref("int_deals") }}),

    told as (select * from {{ ref("int_evidence_told") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    contact_roles as (select * from {{ ref("int_contact_roles") }}),

    close_date_changes as (select * from {{ ref("int_close_date_changes") }}),

    reasons as (select * from {{ ref("stg_standards__stall_reasons") }}),

    reason_roles as (select * from {{ ref("stg_standards__stall_reason_roles") }}),

    crms as (select distinct crm from deals),

    crms_with_fresh_activities as (
        select distinct crm from inputs where input = 'activities' and is_fresh
    ),

    -- Where no activity of a CRM ever names the role of who came, nobody knows whom a seller met.
    crms_naming_roles as (select distinct crm from told where contact_role is not null),

    crms_of_customers as (select distinct crm from told where evidence_kind = 'customer_action'),

    crms_with_contacts as (
        select distinct deals.crm
        from contact_roles
        inner join deals on contact_roles.deal_key = deals.deal_key
    ),

    crms_with_champions as (
        select distinct deals.crm
        from contact_roles
        inner join deals on contact_roles.deal_key = deals.deal_key
        inner join
            reason_roles
            on contact_roles.contact_role = reason_roles.contact_role
            and reason_roles.reason = 'champion_gone'
    ),

    -- A CRM whose dates nobody ever saw change tells no pushes: it may keep none of them.
    crms_with_date_changes as (
        select distinct deals.crm
        from close_date_changes
        inner join deals on close_date_changes.deal_key = deals.deal_key
    ),

    answering as (
        select crms_of_customers.crm, 'silent' as reason
        from crms_of_customers
        inner join
            crms_with_fresh_activities on crms_of_customers.crm = crms_with_fresh_activities.crm
        union all
        select crms_naming_roles.crm, 'no_decision_maker_met'
        from crms_naming_roles
        inner join
            crms_with_fresh_activities on crms_naming_roles.crm = crms_with_fresh_activities.crm
        union all
        select crm, 'champion_gone'
        from crms_with_champions
        union all
        select crm, 'single_contact'
        from crms_with_contacts
        union all
        select crm, 'close_date_pushed'
        from crms_with_date_changes
        union all
        -- A rule whose own input is missing says so by itself, as not evaluated.
        select crm, 'violations_open'
        from crms
    )

select crms.crm, reasons.reason, answering.crm is not null as is_evaluated
from crms
cross join reasons
left join answering on crms.crm = answering.crm and reasons.reason = answering.reason
