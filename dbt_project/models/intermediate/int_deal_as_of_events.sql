with
    as_of_deals as (select * from {{ ref("int_deal_as_ofs") }}),

    activities as (select * from {{ ref("int_activities") }}),

    close_date_changes as (select * from {{ ref("int_close_date_changes") }}),

    customer_acts as (
        select deal_key, occurred_at from activities where evidence_kind = 'customer_action'
    ),

    pushes as (select deal_key, changed_at from close_date_changes where moved_days > 0),

    last_acts as (
        select
            as_of_deals.as_of_date,
            as_of_deals.deal_key,
            max(customer_acts.occurred_at) as last_customer_activity_at
        from as_of_deals
        inner join
            customer_acts
            on as_of_deals.deal_key = customer_acts.deal_key
            and customer_acts.occurred_at < as_of_deals.as_of_at
        group by as_of_deals.as_of_date, as_of_deals.deal_key
    ),

    pushed as (
        select as_of_deals.as_of_date, as_of_deals.deal_key, count(*) as pushes
        from as_of_deals
        inner join
            pushes
            on as_of_deals.deal_key = pushes.deal_key
            and pushes.changed_at < as_of_deals.as_of_at
        group by as_of_deals.as_of_date, as_of_deals.deal_key
    )

select
    as_of_deals.as_of_date,
    as_of_deals.deal_key,
    {{ days_between("last_acts.last_customer_activity_at", "as_of_deals.as_of_at") }}
    as days_since_customer_activity,
    coalesce(pushed.pushes, 0) as pushes
from as_of_deals
left join
    last_acts
    on as_of_deals.as_of_date = last_acts.as_of_date
    and as_of_deals.deal_key = last_acts.deal_key
left join
    pushed on as_of_deals.as_of_date = pushed.as_of_date and as_of_deals.deal_key = pushed.deal_key
