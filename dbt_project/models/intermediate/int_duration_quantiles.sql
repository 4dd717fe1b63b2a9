with
    durations as (select * from {{ ref("int_durations") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    segment_values as (select * from {{ ref("int_segment_values") }}),

    {{ kaplan_meier() }}

select
    curves.measure,
    curves.funnel,
    segment_values.segment,
    segment_values.segment_value,
    curves.stage,
    known.p25_days,
    known.p50_days,
    known.p75_days,
    known.p80_days,
    known.p90_days
from known
inner join curves on known.curve_id = curves.curve_id
inner join segment_values on known.segment_id = segment_values.segment_id
