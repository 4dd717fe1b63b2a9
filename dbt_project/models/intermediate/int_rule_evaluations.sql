with
    about_fields as (select * from {{ ref("int_rules_about_fields") }}),

    about_history as (select * from {{ ref("int_rules_about_history") }}),

    about_customers as (select * from {{ ref("int_rules_about_customers") }}),

    deals as (select * from {{ ref("int_deals") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    unioned as (
        select *
        from about_fields
        union all
        select *
        from about_history
        union all
        select *
        from about_customers
    ),

    -- Every standing rule reads the deal itself. Of one that nobody has read for days it is not
    -- known
    -- whether it is still open, where it is, or until when.
    stale_deals as (
        select deals.deal_key
        from deals
        inner join inputs on deals.crm = inputs.crm
        where inputs.input = 'deals' and not inputs.is_fresh
    )

select
    unioned.rule_id,
    unioned.deal_key,
    unioned.visit_id,
    case
        when stale_deals.deal_key is not null then 'not_evaluated' else unioned.outcome
    end as outcome,
    unioned.observed
from unioned
left join stale_deals on unioned.deal_key = stale_deals.deal_key
