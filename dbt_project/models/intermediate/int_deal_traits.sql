with
    deals as (select * from {{ ref("int_known_deals") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    users as (select * from {{ ref("int_users") }}),

    accounts as (select * from {{ ref("int_accounts") }}),

    amounts as (select * from {{ ref("int_deal_amounts") }}),

    amount_bands as (select * from {{ ref("stg_standards__amount_bands") }})

select
    deals.deal_key,
    deals.is_departed,
    scores.icp_band,
    deals.lead_source,
    coalesce(users.owner_name, deals.owner_key) as owner,
    users.team,
    amount_bands.amount_band,
    accounts.region,
    deals.product,
    deals.deal_type
from deals
left join scores on deals.deal_key = scores.deal_key
left join users on deals.owner_key = users.owner_key
left join accounts on deals.account_key = accounts.account_key
left join amounts on deals.deal_key = amounts.deal_key
left join
    amount_bands
    on (amount_bands.amount_from is null or amounts.amount_reporting >= amount_bands.amount_from)
    and (amount_bands.amount_below is null or amounts.amount_reporting < amount_bands.amount_below)
    and amounts.amount_reporting is not null
