with
    deals as (select * from {{ ref("int_deals") }}),

    changes as (select * from {{ ref("int_stage_changes") }}),

    from_deals as (
        select crm, crm_funnel_name, crm_stage_name, 'deals' as found_in, deal_key
        from deals
        where not is_stage_mapped
    ),

    from_history as (
        select
            deals.crm,
            deals.crm_funnel_name,
            changes.crm_stage_name,
            'history' as found_in,
            changes.deal_key
        from changes
        inner join deals on changes.deal_key = deals.deal_key
        where not changes.is_stage_mapped
    ),

    unioned as (
        select *
        from from_deals
        union all
        select *
        from from_history
    )

select
    crm,
    crm_funnel_name,
    crm_stage_name,
    found_in,
    count(distinct deal_key) as deals,
    min(deal_key) as example_deal_key
from unioned
group by crm, crm_funnel_name, crm_stage_name, found_in
