-- A returned row is a deal with two visits that go on, or a closed deal with one.
{{ config(meta={"dagster": {"ref": {"name": "deal_visits"}}}) }}

with
    visits as (select * from {{ ref("deal_visits") }}),

    deals as (select * from {{ ref("deals_current") }}),

    ongoing as (select deal_key, count(*) as visits from visits where is_ongoing group by deal_key)

select deals.deal_key, ongoing.visits
from deals
inner join ongoing on deals.deal_key = ongoing.deal_key
where ongoing.visits > 1 or not deals.is_open
