with
    deals as (select * from {{ ref("int_known_deals") }}),

    observations as (select * from {{ ref("int_account_observations") }}),

    attribute_observations as (select * from {{ ref("int_account_attribute_observations") }}),

    observed as (
        select account_key, observed_at
        from observations
        union all
        select account_key, observed_at
        from attribute_observations
    ),

    seen as (
        select account_key, min(observed_at) as first_seen_at, max(observed_at) as last_changed_at
        from observed
        group by account_key
    )

select
    deals.deal_key,
    deals.account_key,
    deals.created_at,
    seen.first_seen_at,
    -- Only a deal whose account changed after it was created can have fitted otherwise then.
    case
        when seen.last_changed_at > deals.created_at and seen.last_changed_at > seen.first_seen_at
        then 'deal'
        when deals.created_at is not null
        then 'account'
    end as creation_subject_kind,
    case
        when seen.last_changed_at > deals.created_at and seen.last_changed_at > seen.first_seen_at
        then deals.deal_key
        when deals.created_at is not null
        then deals.account_key
    end as creation_subject_key,
    case
        when deals.created_at is null
        then 'no_creation_date'
        when seen.first_seen_at is null
        then 'no_account'
        when seen.first_seen_at <= deals.created_at
        then 'known_then'
        else 'first_known_later'
    end as creation_basis
from deals
left join seen on deals.account_key = seen.account_key
