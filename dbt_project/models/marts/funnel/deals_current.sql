with
    deals as (select * from {{ ref("int_deals") }}),

    positions as (select * from {{ ref("int_deal_positions") }}),

    amounts as (select * from {{ ref("int_deal_amounts") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    users as (select * from {{ ref("int_users") }}),

    accounts as (select * from {{ ref("int_accounts") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }})

select
    deals.deal_key,
    deals.crm,
    deals.deal_id,
    deals.deal_name,
    deals.funnel,
    deals.stage,
    coalesce(stages.name_en, deals.stage) as stage_name_en,
    coalesce(stages.name_zh, deals.stage) as stage_name_zh,
    deals.stage_rank,
    deals.is_stage_mapped,
    deals.is_open,
    -- A deal that closed since the last night is reviewed once more: it may have closed past a
    -- gate. What is dated to the very instant of an as-of belongs to the business date that begins.
    deals.is_open or coalesce(positions.closed_at >= clock.previous_as_of_at, false) as is_in_scope,
    deals.outcome,
    deals.owner_key,
    coalesce(users.owner_name, deals.owner_key) as owner_name,
    users.team,
    deals.account_key,
    accounts.account_name,
    accounts.region,
    deals.lead_source,
    deals.amount,
    deals.currency,
    amounts.fx_rate,
    amounts.rate_date,
    amounts.amount_reporting,
    amounts.amount_exclusion,
    deals.expected_close_date,
    deals.created_at,
    positions.stage_entered_at,
    positions.dwell_days,
    positions.closed_at,
    deals.lost_reason,
    deals.next_step,
    deals.probability,
    deals.forecast_category,
    scores.icp_score,
    scores.icp_completeness,
    scores.icp_band,
    deals.source_file,
    cast(deals.source_record as bigint) as source_record
from deals
cross join clock
inner join positions on deals.deal_key = positions.deal_key
inner join amounts on deals.deal_key = amounts.deal_key
left join scores on deals.deal_key = scores.deal_key
left join users on deals.owner_key = users.owner_key
left join accounts on deals.account_key = accounts.account_key
left join
    stages
    on deals.funnel = stages.funnel
    and deals.funnel_version = stages.version
    and deals.stage = stages.stage
