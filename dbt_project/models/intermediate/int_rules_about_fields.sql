with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    rules as (select * from {{ ref("stg_standards__rules") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- Columns that a CRM never fills are inputs that are absent, not answers that are missing.
    filled_columns as (
        select
            crm,
            count(next_step) > 0 as has_next_steps,
            count(amount) > 0 as has_amounts,
            count(expected_close_date) > 0 as has_close_dates,
            count(nullif(trim(lost_reason), '')) > 0 as has_lost_reasons
        from deals
        group by crm
    ),

    open_deals as (
        select
            deals.*,
            positions.furthest_rank,
            filled_columns.has_next_steps,
            filled_columns.has_amounts,
            filled_columns.has_close_dates
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        inner join filled_columns on deals.crm = filled_columns.crm
        where deals.is_open and deals.is_stage_mapped
    ),

    close_date_past as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when not open_deals.has_close_dates or open_deals.expected_close_date is null
                then 'not_evaluated'
                when
                    cast({{ plus_days("open_deals.expected_close_date", "rules.days") }} as date)
                    < clock.business_date
                then 'failed'
                else 'met'
            end as outcome,
            cast(open_deals.expected_close_date as {{ dbt.type_string() }}) as observed
        from open_deals
        cross join clock
        inner join rules on rules.rule = 'close_date_past'
    ),

    amount_missing as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when not open_deals.has_amounts
                then 'not_evaluated'
                when open_deals.amount is null
                then 'missing'
                else 'met'
            end as outcome,
            cast(null as {{ dbt.type_string() }}) as observed
        from open_deals
        inner join rules on rules.rule = 'amount_missing'
        inner join
            stages
            on open_deals.funnel = stages.funnel
            and open_deals.funnel_version = stages.version
            and rules.from_stage = stages.stage
            and open_deals.furthest_rank >= stages.stage_rank
    ),

    next_step_missing as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when not open_deals.has_next_steps
                then 'not_evaluated'
                when nullif(trim(open_deals.next_step), '') is null
                then 'missing'
                else 'met'
            end as outcome,
            cast(null as {{ dbt.type_string() }}) as observed
        from open_deals
        inner join rules on rules.rule = 'next_step_missing'
    ),

    -- Why a deal was lost is remembered for some weeks; of older ones nobody is asked.
    closed_without_reason as (
        select
            rules.rule_id,
            deals.deal_key,
            '' as visit_id,
            case
                when not filled_columns.has_lost_reasons
                then 'not_evaluated'
                when nullif(trim(deals.lost_reason), '') is null
                then 'missing'
                else 'met'
            end as outcome,
            cast(null as {{ dbt.type_string() }}) as observed
        from deals
        inner join positions on deals.deal_key = positions.deal_key
        inner join filled_columns on deals.crm = filled_columns.crm
        cross join clock
        inner join rules on rules.rule = 'closed_without_reason'
        where
            deals.outcome <> 'won'
            and {{ plus_days("positions.closed_at", "rules.days") }} >= clock.as_of_at
    ),

    unioned as (
        select *
        from close_date_past
        union all
        select *
        from amount_missing
        union all
        select *
        from next_step_missing
        union all
        select *
        from closed_without_reason
    )

select rule_id, deal_key, visit_id, outcome, observed
from unioned
