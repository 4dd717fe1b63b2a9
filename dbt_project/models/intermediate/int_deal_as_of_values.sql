with
    as_of_deals as (select * from {{ ref("int_deal_as_ofs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    spans as (select * from {{ ref("int_deal_field_spans") }}),

    tracked_fields as (select * from {{ ref("int_tracked_fields") }}),

    first_seen as (select * from {{ ref("int_deal_first_sightings") }}),

    rates as (select * from {{ ref("int_fx_rates") }}),

    -- What a deal is worth tonight, it is worth in every table.
    amounts as (select * from {{ ref("int_deal_amounts") }}),

    past as (select * from as_of_deals where not is_tonight),

    tracked as (
        select
            crm,
            max(case when field = 'amount' then tracked_from_at end) as amount_from_at,
            max(
                case when field = 'expected_close_date' then tracked_from_at end
            ) as close_date_from_at,
            max(case when field = 'probability' then tracked_from_at end) as probability_from_at,
            max(case when field = 'forecast_category' then tracked_from_at end) as category_from_at
        from tracked_fields
        group by crm
    ),

    of_the_day as (
        select
            past.as_of_date,
            past.deal_key,
            spans.field,
            max(spans.value_text) as value_text,
            max(case when spans.valid_from_at is not null then 1 else 0 end) = 1 as is_dated
        from past
        inner join
            spans
            on past.deal_key = spans.deal_key
            and (spans.valid_from_at is null or spans.valid_from_at < past.as_of_at)
            and (spans.valid_to_at is null or spans.valid_to_at >= past.as_of_at)
        group by past.as_of_date, past.deal_key, spans.field
    ),

    told as (
        select
            as_of_date,
            deal_key,
            max(case when field = 'amount' then 1 else 0 end) = 1 as has_amount_span,
            max(case when field = 'amount' and is_dated then 1 else 0 end) = 1 as is_amount_dated,
            max(case when field = 'amount' then value_text end) as amount_text,
            max(case when field = 'currency' then value_text end) as currency,
            max(case when field = 'expected_close_date' then 1 else 0 end)
            = 1 as has_close_date_span,
            max(case when field = 'expected_close_date' and is_dated then 1 else 0 end)
            = 1 as is_close_date_dated,
            max(case when field = 'expected_close_date' then value_text end) as close_date_text,
            max(case when field = 'probability' then 1 else 0 end) = 1 as has_probability_span,
            max(case when field = 'probability' and is_dated then 1 else 0 end)
            = 1 as is_probability_dated,
            max(case when field = 'probability' then value_text end) as probability_text,
            max(case when field = 'forecast_category' then 1 else 0 end) = 1 as has_category_span,
            max(case when field = 'forecast_category' and is_dated then 1 else 0 end)
            = 1 as is_category_dated,
            max(case when field = 'forecast_category' then value_text end) as category_text
        from of_the_day
        group by as_of_date, deal_key
    ),

    -- What an extract taken later says of a deal is not what was known then: its amount may be what
    -- it closed at.
    known as (
        select
            past.as_of_date,
            past.deal_key,
            past.funnel,
            past.stage,
            deals.crm,
            coalesce(told.currency, deals.currency) as currency,
            case
                when coalesce(told.has_amount_span, false)
                then {{ number_or_null("told.amount_text") }}
                else cast(deals.amount as double precision)
            end as amount,
            coalesce(
                told.is_amount_dated
                or tracked.amount_from_at < past.as_of_at
                or first_seen.first_observed_at < past.as_of_at,
                false
            ) as is_amount_known,
            case
                when coalesce(told.has_close_date_span, false)
                then {{ text_to_date("told.close_date_text") }}
                else deals.expected_close_date
            end as expected_close_date,
            coalesce(
                told.is_close_date_dated
                or tracked.close_date_from_at < past.as_of_at
                or first_seen.first_observed_at < past.as_of_at,
                false
            ) as is_close_date_known,
            case
                when coalesce(told.has_probability_span, false)
                then {{ number_or_null("told.probability_text") }}
                else deals.probability
            end as probability,
            coalesce(
                told.is_probability_dated
                or tracked.probability_from_at < past.as_of_at
                or first_seen.first_observed_at < past.as_of_at,
                false
            ) as is_probability_known,
            case
                when coalesce(told.has_category_span, false)
                then told.category_text
                else deals.forecast_category
            end as forecast_category,
            coalesce(
                told.is_category_dated
                or tracked.category_from_at < past.as_of_at
                or first_seen.first_observed_at < past.as_of_at,
                false
            ) as is_category_known
        from past
        inner join deals on past.deal_key = deals.deal_key
        left join tracked on deals.crm = tracked.crm
        left join first_seen on past.deal_key = first_seen.deal_key
        left join told on past.as_of_date = told.as_of_date and past.deal_key = told.deal_key
    ),

    -- A CRM gives a stage its probability once, for all deals: where the deal's own is not known of
    -- that day, that of its stage is.
    stage_probabilities as (
        select crm, funnel, stage, probability, count(*) as deals
        from deals
        where is_open and probability is not null and not is_departed
        group by crm, funnel, stage, probability
    ),

    by_use as (
        select
            stage_probabilities.*,
            row_number() over (
                partition by crm, funnel, stage order by deals desc, probability
            ) as use_number
        from stage_probabilities
    ),

    usual as (select * from by_use where use_number = 1),

    valued as (
        select
            known.as_of_date,
            known.deal_key,
            case
                when known.is_amount_known
                then cast(cast(known.amount as decimal(30, 2)) * rates.rate as decimal(18, 2))
            end as amount_reporting,
            case
                when not known.is_amount_known
                then 'not_known_then'
                when known.amount is null
                then 'missing_amount'
                when known.currency is null
                then 'missing_currency'
                when rates.rate is null
                then 'missing_rate'
            end as amount_exclusion,
            case
                when known.is_close_date_known then known.expected_close_date
            end as expected_close_date,
            case
                when known.is_probability_known then known.probability else usual.probability
            end as probability,
            case when known.is_category_known then known.forecast_category end as forecast_category
        from known
        left join
            rates
            on known.currency = rates.currency
            and known.as_of_date >= rates.valid_from
            and (rates.valid_to is null or known.as_of_date < rates.valid_to)
        left join
            usual
            on known.crm = usual.crm
            and known.funnel = usual.funnel
            and known.stage = usual.stage
    )

select *
from valued
union all
select
    as_of_deals.as_of_date,
    as_of_deals.deal_key,
    amounts.amount_reporting,
    amounts.amount_exclusion,
    deals.expected_close_date,
    deals.probability,
    deals.forecast_category
from as_of_deals
inner join deals on as_of_deals.deal_key = deals.deal_key
inner join amounts on as_of_deals.deal_key = amounts.deal_key
where as_of_deals.is_tonight
