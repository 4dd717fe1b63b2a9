with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    stalls as (select * from {{ ref("int_deal_stalls") }}),

    contact_roles as (select * from {{ ref("int_contact_roles") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    rules as (select * from {{ ref("stg_standards__rules") }}),

    rule_roles as (select * from {{ ref("stg_standards__rule_roles") }}),

    rule_categories as (select * from {{ ref("stg_standards__rule_categories") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    open_deals as (
        select deals.*, positions.furthest_rank
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        where deals.is_open and deals.is_stage_mapped
    ),

    unread as (
        select
            inputs.crm,
            {{ days_between("inputs.last_extracted_at", "clock.as_of_at") }} as unread_days
        from inputs
        cross join clock
        where inputs.input = 'activities'
    ),

    -- What came since the last extract is not known: silence that began within it may be none.
    customer_silent as (
        select
            rules.rule_id,
            stalls.deal_key,
            '' as visit_id,
            case
                when stalls.silent_days is null
                then 'not_evaluated'
                when stalls.silent_days <= rules.days
                then 'met'
                when stalls.silent_days - unread.unread_days <= rules.days
                then 'not_evaluated'
                when stalls.last_customer_event_at is null
                then 'missing'
                else 'failed'
            end as outcome,
            cast(cast(floor(stalls.silent_days) as integer) as {{ dbt.type_string() }}) as observed
        from stalls
        inner join deals on stalls.deal_key = deals.deal_key
        inner join rules on rules.rule = 'customer_silent'
        left join unread on deals.crm = unread.crm
    ),

    -- A CRM that never named a contact of any deal has no place for them, or nobody fills it.
    crms_with_contacts as (
        select distinct deals.crm
        from contact_roles
        inner join deals on contact_roles.deal_key = deals.deal_key
        inner join inputs on deals.crm = inputs.crm
        where inputs.input = 'contact_roles' and inputs.is_fresh
    ),

    present_contacts as (
        select deal_key, count(distinct contact_key) as contacts, min(contact_key) as first_contact
        from contact_roles
        where not is_gone
        group by deal_key
    ),

    single_contact as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when crms_with_contacts.crm is null
                then 'not_evaluated'
                when present_contacts.contacts is null
                then 'missing'
                when present_contacts.contacts = 1
                then 'failed'
                else 'met'
            end as outcome,
            case
                when present_contacts.contacts = 1 then present_contacts.first_contact
            end as observed
        from open_deals
        inner join rules on rules.rule = 'single_contact'
        inner join
            stages
            on open_deals.funnel = stages.funnel
            and open_deals.funnel_version = stages.version
            and rules.from_stage = stages.stage
            and open_deals.furthest_rank >= stages.stage_rank
        left join present_contacts on open_deals.deal_key = present_contacts.deal_key
        left join crms_with_contacts on open_deals.crm = crms_with_contacts.crm
    ),

    crms_with_categories as (
        select distinct crm from deals where nullif(trim(forecast_category), '') is not null
    ),

    buyers as (
        select distinct contact_roles.deal_key
        from contact_roles
        inner join
            rule_roles
            on contact_roles.contact_role = rule_roles.contact_role
            and rule_roles.rule_id = 'rule.commit_without_economic_buyer'
        where not contact_roles.is_gone
    ),

    commit_without_economic_buyer as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when crms_with_contacts.crm is null or crms_with_categories.crm is null
                then 'not_evaluated'
                when rule_categories.category is not null and buyers.deal_key is null
                then 'missing'
                else 'met'
            end as outcome,
            open_deals.forecast_category as observed
        from open_deals
        inner join rules on rules.rule = 'commit_without_economic_buyer'
        left join crms_with_contacts on open_deals.crm = crms_with_contacts.crm
        left join crms_with_categories on open_deals.crm = crms_with_categories.crm
        left join buyers on open_deals.deal_key = buyers.deal_key
        left join
            rule_categories
            on rules.rule_id = rule_categories.rule_id
            and lower(trim(open_deals.forecast_category)) = rule_categories.category
    ),

    unioned as (
        select *
        from customer_silent
        union all
        select *
        from single_contact
        union all
        select *
        from commit_without_economic_buyer
    )

select rule_id, deal_key, visit_id, outcome, observed
from unioned
