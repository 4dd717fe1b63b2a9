with
    deals as (select * from {{ ref("int_deals") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    users as (select * from {{ ref("int_users") }}),

    accounts as (select * from {{ ref("int_accounts") }}),

    amounts as (select * from {{ ref("int_deal_amounts") }}),

    amount_bands as (select * from {{ ref("stg_standards__amount_bands") }}),

    segments as (select * from {{ ref("stg_standards__segments") }}),

    described as (
        select
            deals.deal_key,
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
            on (
                amount_bands.amount_from is null
                or amounts.amount_reporting >= amount_bands.amount_from
            )
            and (
                amount_bands.amount_below is null
                or amounts.amount_reporting < amount_bands.amount_below
            )
            and amounts.amount_reporting is not null
    )

select
    described.deal_key,
    segments.segment,
    case
        when segments.segment = 'all'
        then 'all'
        else
            coalesce(
                case
                    segments.segment
                    when 'icp_band'
                    then described.icp_band
                    when 'lead_source'
                    then described.lead_source
                    when 'owner'
                    then described.owner
                    when 'team'
                    then described.team
                    when 'amount_band'
                    then described.amount_band
                    when 'region'
                    then described.region
                    when 'product'
                    then described.product
                    when 'deal_type'
                    then described.deal_type
                end,
                '(none)'
            )
    end as segment_value
from described
cross join segments
