with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    spans as (select * from {{ ref("int_deal_field_spans") }}),

    rates as (select * from {{ ref("int_fx_rates") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- A deal that has left takes its win along.
    known_wins as (
        select
            deal_key,
            funnel,
            run_number,
            entered_at,
            known_until_at,
            case
                when known_until_at < left_at or left_at is null then known_until_at else left_at
            end as left_at
        from runs
        where
            outcome = 'won'
            and entered_at is not null
            and (known_until_at is null or entered_at < known_until_at)
    ),

    -- What a CRM dates ahead (a deal won today with next month's close date) stands at the end of
    -- the night, which is already the next day: it is known tonight, and counts on this day.
    wins as (
        select
            known_wins.deal_key,
            known_wins.funnel,
            known_wins.run_number,
            known_wins.entered_at as won_at,
            known_wins.left_at as undone_at,
            known_wins.known_until_at,
            case
                when known_wins.entered_at >= clock.as_of_at
                then clock.business_date
                else {{ local_date("known_wins.entered_at", "company.time_zone") }}
            end as won_on,
            case
                when known_wins.left_at >= clock.as_of_at
                then clock.business_date
                else {{ local_date("known_wins.left_at", "company.time_zone") }}
            end as undone_on
        from known_wins
        cross join company
        cross join clock
    ),

    -- What it was said to be worth when it was won; later corrections are known later.
    amounts_then as (
        select wins.deal_key, wins.run_number, max(spans.value_text) as value_text
        from wins
        inner join
            spans
            on wins.deal_key = spans.deal_key
            and spans.field = 'amount'
            and (spans.valid_from_at is null or spans.valid_from_at <= wins.won_at)
            and (spans.valid_to_at is null or spans.valid_to_at > wins.won_at)
        group by wins.deal_key, wins.run_number
    )

select
    wins.deal_key,
    wins.funnel,
    wins.run_number,
    wins.won_at,
    wins.undone_at,
    wins.known_until_at,
    wins.won_on,
    wins.undone_on,
    deals.currency,
    rates.rate as fx_rate,
    cast(cast(deals.amount as decimal(30, 2)) * rates.rate as decimal(18, 2)) as amount_reporting,
    cast(
        case
            when amounts_then.deal_key is not null
            then cast({{ number_or_null("amounts_then.value_text") }} as decimal(30, 2))
            else cast(deals.amount as decimal(30, 2))
        end
        * rates.rate as decimal(18, 2)
    ) as amount_when_won
from wins
inner join deals on wins.deal_key = deals.deal_key
left join
    amounts_then
    on wins.deal_key = amounts_then.deal_key
    and wins.run_number = amounts_then.run_number
left join
    rates
    on deals.currency = rates.currency
    and wins.won_on >= rates.valid_from
    and (rates.valid_to is null or wins.won_on < rates.valid_to)
