with
    as_ofs as (select * from {{ ref("int_as_ofs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    runs as (select * from {{ ref("int_known_stage_runs") }}),

    spans as (select * from {{ ref("int_deal_field_spans") }}),

    tracked_fields as (select * from {{ ref("int_tracked_fields") }}),

    first_seen as (select * from {{ ref("int_deal_first_sightings") }}),

    rates as (select * from {{ ref("int_fx_rates") }}),

    amount_bands as (select * from {{ ref("stg_standards__amount_bands") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- Every deal on every date is a large table, which nothing reads where the forecast is cut
    -- otherwise.
    asked as (
        select as_ofs.as_of_date, as_ofs.as_of_at, company.time_zone
        from as_ofs
        inner join company on company.forecast_segment = 'amount_band'
        where not as_ofs.is_tonight
    ),

    tracked as (select crm, tracked_from_at from tracked_fields where field = 'amount'),

    told as (
        select
            asked.as_of_date,
            spans.deal_key,
            max(case when spans.field = 'amount' then 1 else 0 end) = 1 as has_amount,
            max(
                case
                    when spans.field = 'amount' and spans.valid_from_at is not null then 1 else 0
                end
            )
            = 1 as is_amount_dated,
            max(case when spans.field = 'amount' then spans.value_text end) as amount_text,
            max(case when spans.field = 'currency' then spans.value_text end) as currency
        from asked
        inner join
            spans
            on spans.field in ('amount', 'currency')
            and (spans.valid_from_at is null or spans.valid_from_at < asked.as_of_at)
            and (spans.valid_to_at is null or spans.valid_to_at >= asked.as_of_at)
        group by asked.as_of_date, spans.deal_key
    ),

    closed as (
        select asked.as_of_date, runs.deal_key, runs.entered_at as closed_at
        from asked
        inner join
            runs
            on runs.outcome is not null
            and runs.entered_at < asked.as_of_at
            and (runs.left_at is null or runs.left_at >= asked.as_of_at)
    ),

    -- What an extract taken later says of a deal is not what was known then: its amount may be what
    -- it closed at.
    known as (
        select
            asked.as_of_date,
            deals.deal_key,
            coalesce(told.currency, deals.currency) as currency,
            case
                when
                    not coalesce(
                        told.is_amount_dated
                        or tracked.tracked_from_at < asked.as_of_at
                        or first_seen.first_observed_at < asked.as_of_at,
                        false
                    )
                then null
                when coalesce(told.has_amount, false)
                then {{ number_or_null("told.amount_text") }}
                else cast(deals.amount as double precision)
            end as amount,
            coalesce(
                {{ local_date("closed.closed_at", "asked.time_zone") }}, asked.as_of_date
            ) as rated_on
        from asked
        cross join deals
        left join tracked on deals.crm = tracked.crm
        left join first_seen on deals.deal_key = first_seen.deal_key
        left join told on asked.as_of_date = told.as_of_date and deals.deal_key = told.deal_key
        left join
            closed on asked.as_of_date = closed.as_of_date and deals.deal_key = closed.deal_key
    ),

    valued as (
        select
            known.as_of_date,
            known.deal_key,
            cast(
                cast(known.amount as decimal(30, 2)) * rates.rate as decimal(18, 2)
            ) as amount_reporting
        from known
        left join
            rates
            on known.currency = rates.currency
            and known.rated_on >= rates.valid_from
            and (rates.valid_to is null or known.rated_on < rates.valid_to)
    )

select valued.as_of_date, valued.deal_key, amount_bands.amount_band
from valued
left join
    amount_bands
    on (amount_bands.amount_from is null or valued.amount_reporting >= amount_bands.amount_from)
    and (amount_bands.amount_below is null or valued.amount_reporting < amount_bands.amount_below)
    and valued.amount_reporting is not null
