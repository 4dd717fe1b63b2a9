with
    as_of_deals as (select * from {{ ref("int_deal_as_ofs") }}),

    runs as (select * from {{ ref("int_known_stage_runs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    wins as (select * from {{ ref("int_deal_wins") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    closes as (
        select deal_key, outcome, entered_at as closed_at, run_number
        from runs
        where
            outcome is not null
            and entered_at is not null
            and (known_until_at is null or entered_at < known_until_at)
    ),

    past as (select * from as_of_deals where not is_tonight),

    closes_in_order as (
        select
            past.as_of_date,
            past.deal_key,
            closes.closed_at,
            closes.outcome,
            row_number() over (
                partition by past.as_of_date, past.deal_key order by closes.run_number
            ) as close_number
        from past
        inner join closes on past.deal_key = closes.deal_key and closes.closed_at >= past.as_of_at
    ),

    wins_in_order as (
        select
            past.as_of_date,
            past.deal_key,
            wins.won_on,
            wins.amount_reporting,
            row_number() over (
                partition by past.as_of_date, past.deal_key order by wins.run_number
            ) as win_number
        from past
        inner join wins on past.deal_key = wins.deal_key and wins.won_at >= past.as_of_at
    ),

    first_closes as (select * from closes_in_order where close_number = 1),

    first_wins as (select * from wins_in_order where win_number = 1),

    -- A deal that left the CRM while it was open has ended, and by its own name.
    departed as (select deal_key, known_until_at, departed_as from deals where is_departed)

select
    as_of_deals.as_of_date,
    as_of_deals.deal_key,
    first_wins.won_on,
    first_wins.amount_reporting as won_amount_reporting,
    case
        -- What a CRM dates ahead is known tonight, and counts on this day.
        when first_closes.closed_at >= clock.as_of_at
        then clock.business_date
        else
            {{
                local_date(
                    "coalesce(first_closes.closed_at, departed.known_until_at)",
                    "company.time_zone",
                )
            }}
    end as closed_on,
    coalesce(first_closes.outcome, departed.departed_as) as outcome
from as_of_deals
cross join company
cross join clock
left join
    first_closes
    on as_of_deals.as_of_date = first_closes.as_of_date
    and as_of_deals.deal_key = first_closes.deal_key
left join
    first_wins
    on as_of_deals.as_of_date = first_wins.as_of_date
    and as_of_deals.deal_key = first_wins.deal_key
left join departed on as_of_deals.deal_key = departed.deal_key
