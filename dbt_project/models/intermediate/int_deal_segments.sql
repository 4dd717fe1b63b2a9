with
    names as (select * from {{ ref("int_deal_segment_names") }}),

    segment_values as (select * from {{ ref("int_segment_values") }})

select
    names.deal_key, segment_values.segment_id, segment_values.segment, segment_values.segment_value
from names
inner join
    segment_values
    on names.segment = segment_values.segment
    and names.segment_value = segment_values.segment_value
where not names.is_departed
