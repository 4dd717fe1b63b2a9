with
    deals as (select * from {{ ref("deals_current") }}),

    users as (select * from {{ ref("int_users") }}),

    accounts as (select * from {{ ref("int_accounts") }}),

    inputs as (select * from {{ ref("int_inputs") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- A CRM that never gave users or accounts knows none: nothing can be missing from them.
    givers as (
        select
            crm,
            max(case when input = 'users' then 1 else 0 end) as gives_users,
            max(case when input = 'accounts' then 1 else 0 end) as gives_accounts
        from inputs
        where last_extracted_at is not null
        group by crm
    )

select
    deals.deal_key,
    deals.closed_at,
    deals.created_at,
    deals.amount,
    deals.currency,
    deals.probability,
    deals.owner_key,
    deals.account_key,
    case
        when deals.closed_at is null or deals.created_at is null
        then null
        when deals.closed_at < deals.created_at
        then 1
        else 0
    end as closed_before_created,
    case
        when deals.created_at is null
        then null
        when deals.created_at >= clock.as_of_at
        then 1
        else 0
    end as created_in_future,
    case
        when deals.amount is null then null when deals.amount < 0 then 1 else 0
    end as amount_negative,
    case
        when deals.amount is null then null when deals.amount_reporting is null then 1 else 0
    end as amount_unconverted,
    case
        when deals.probability is null
        then null
        when deals.probability < 0 or deals.probability > 1
        then 1
        else 0
    end as probability_out_of_range,
    case
        when not deals.is_open then null when deals.owner_key is null then 1 else 0
    end as owner_missing,
    case
        when deals.owner_key is null or givers.gives_users is null or givers.gives_users = 0
        then null
        when users.owner_key is null
        then 1
        else 0
    end as owner_unknown,
    case
        when deals.account_key is null or givers.gives_accounts is null or givers.gives_accounts = 0
        then null
        when accounts.account_key is null
        then 1
        else 0
    end as account_unknown
from deals
cross join clock
left join givers on deals.crm = givers.crm
left join users on deals.owner_key = users.owner_key
left join accounts on deals.account_key = accounts.account_key
