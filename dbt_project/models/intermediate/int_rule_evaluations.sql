with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    reach as (select * from {{ ref("int_stage_reach") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    rules as (select * from {{ ref("stg_standards__rules") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- Columns that a CRM never fills are inputs that are absent, not answers that are missing.
    filled_columns as (
        select
            crm,
            count(next_step) > 0 as has_next_steps,
            count(amount) > 0 as has_amounts,
            count(expected_close_date) > 0 as has_close_dates
        from deals
        group by crm
    ),

    open_deals as (
        select
            deals.*,
            positions.current_visit_id,
            positions.dwell_days,
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

    skipped_mandatory_stages as (
        select reach.deal_key, min(reach.stage_rank) as first_skipped_rank
        from reach
        inner join deals on reach.deal_key = deals.deal_key
        inner join
            stages
            on reach.funnel = stages.funnel
            and deals.funnel_version = stages.version
            and reach.stage = stages.stage
        where reach.is_skipped and not stages.is_skippable
        group by reach.deal_key
    ),

    mandatory_stage_skipped as (
        select
            rules.rule_id,
            open_deals.deal_key,
            '' as visit_id,
            case
                when skipped_mandatory_stages.deal_key is null then 'met' else 'failed'
            end as outcome,
            stages.stage as observed
        from open_deals
        inner join rules on rules.rule = 'mandatory_stage_skipped'
        left join
            skipped_mandatory_stages on open_deals.deal_key = skipped_mandatory_stages.deal_key
        left join
            stages
            on open_deals.funnel = stages.funnel
            and open_deals.funnel_version = stages.version
            and skipped_mandatory_stages.first_skipped_rank = stages.stage_rank
    ),

    dwell_over_cap as (
        select
            rules.rule_id,
            open_deals.deal_key,
            open_deals.current_visit_id as visit_id,
            case
                when open_deals.dwell_days is null
                then 'not_evaluated'
                when open_deals.dwell_days > stages.cap_days
                then 'failed'
                else 'met'
            end as outcome,
            cast(cast(floor(open_deals.dwell_days) as integer) as {{ dbt.type_string() }})
            || ' / '
            || cast(stages.cap_days as {{ dbt.type_string() }}) as observed
        from open_deals
        inner join rules on rules.rule = 'dwell_over_cap'
        inner join
            stages
            on open_deals.funnel = stages.funnel
            and open_deals.funnel_version = stages.version
            and open_deals.stage = stages.stage
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

    unioned as (
        select *
        from close_date_past
        union all
        select *
        from amount_missing
        union all
        select *
        from mandatory_stage_skipped
        union all
        select *
        from dwell_over_cap
        union all
        select *
        from next_step_missing
    )

select rule_id, deal_key, visit_id, outcome, observed
from unioned
