with
    criterion_deals as (select * from {{ ref("int_criterion_deals") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    all_segments as (select * from {{ ref("int_deal_segments") }}),

    -- As for dwell: curves are of all deals only.
    segments as (select deal_key, segment_id from all_segments where segment = 'all'),

    -- What a deal comes to first: won (0), another close (1), or still open at as-of (2).
    followed as (
        select
            criterion_number * 2 + case when side = 'met' then 1 else 0 end as curve_id,
            deal_key,
            days_followed as days,
            case came_to when 'won' then 0 when 'other' then 1 else 2 end as kind
        from criterion_deals
        where is_in_funnel and side in ('met', 'not_met') and days_followed is not null
    ),

    opened as (
        select curve_id, min(case when kind = 2 then days end) as open_from_days
        from followed
        group by curve_id
    ),

    -- Up to the day on which the first deal is lost sight of nothing is estimated: what was decided
    -- by then is counted.
    late_deals as (
        select followed.curve_id, followed.deal_key, followed.days, followed.kind
        from followed
        inner join opened on followed.curve_id = opened.curve_id
        where followed.days >= opened.open_from_days
    ),

    totals as (
        select
            followed.curve_id,
            segments.segment_id,
            count(*) as seen,
            sum(case when followed.kind = 0 then 1 else 0 end) as asked,
            sum(case when followed.kind = 1 then 1 else 0 end) as others
        from followed
        inner join segments on followed.deal_key = segments.deal_key
        group by followed.curve_id, segments.segment_id
    ),

    {{ aalen_johansen() }}

select
    criteria.criterion_id,
    case when mod(ultimates.curve_id, 2) = 1 then 'met' else 'not_met' end as side,
    ultimates.deals,
    ultimates.probability,
    ultimates.undecided_share
from ultimates
inner join
    criteria on ultimates.curve_id - mod(ultimates.curve_id, 2) = criteria.criterion_number * 2
