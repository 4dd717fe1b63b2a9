with
    criterion_deals as (select * from {{ ref("int_criterion_deals") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    visits as (select * from {{ ref("int_visits") }}),

    all_segments as (select * from {{ ref("int_deal_segments") }}),

    -- The curves are drawn for all deals only: cut by every segment they would cost more than all
    -- else about gates together.
    segments as (select deal_key, segment_id from all_segments where segment = 'all'),

    -- A stay of no length is passed through: what counts is the time until the deal moves at a
    -- later instant.
    begun as (
        select
            deal_key,
            {{ microseconds_since_1970("entered_at") }} as entered_microseconds,
            max(dwell_days) as days,
            max(observed_after_days) as observed_after_days,
            max(case when is_ongoing then 1 else 0 end) = 0 as is_ended
        from visits
        where entered_at is not null
        group by 1, 2
    ),

    durations as (
        select
            criterion_deals.side as measure,
            criteria.funnel,
            criteria.criterion_id as stage,
            criterion_deals.deal_key,
            begun.observed_after_days,
            begun.days,
            begun.is_ended
        from criterion_deals
        inner join criteria on criterion_deals.criterion_number = criteria.criterion_number
        inner join
            begun
            on criterion_deals.deal_key = begun.deal_key
            and criterion_deals.first_passed_microseconds = begun.entered_microseconds
        where criterion_deals.is_in_funnel and criterion_deals.side in ('met', 'not_met')
    ),

    {{ kaplan_meier(has_median_interval=true) }}

select
    curves.stage as criterion_id,
    curves.measure as side,
    known.p25_days,
    known.p50_days,
    known.p50_low_days,
    known.p50_high_days,
    known.p75_days
from known
inner join curves on known.curve_id = curves.curve_id
