with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    spans as (select * from {{ ref("int_deal_field_spans") }}),

    rates as (select * from {{ ref("int_fx_rates") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    won_runs as (
        select
            deal_key,
            funnel,
            run_number,
            run_number
            - row_number() over (partition by deal_key, funnel order by run_number) as win_number
        from runs
        where outcome = 'won'
    ),

    -- What goes on from one won stage to another (signed, then live) was won once, at the first.
    merged as (
        select deal_key, min(run_number) as first_run_number, max(run_number) as last_run_number
        from won_runs
        group by deal_key, funnel, win_number
    ),

    -- A deal that has left takes its win along.
    known_wins as (
        select
            first_won.deal_key,
            first_won.funnel,
            first_won.run_number,
            first_won.entered_at,
            first_won.known_until_at,
            case
                when first_won.known_until_at < last_won.left_at or last_won.left_at is null
                then first_won.known_until_at
                else last_won.left_at
            end as left_at
        from merged
        inner join
            runs as first_won
            on merged.deal_key = first_won.deal_key
            and merged.first_run_number = first_won.run_number
        inner join
            runs as last_won
            on merged.deal_key = last_won.deal_key
            and merged.last_run_number = last_won.run_number
        where
            first_won.entered_at is not null
            and (
                first_won.known_until_at is null or first_won.entered_at < first_won.known_until_at
            )
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
