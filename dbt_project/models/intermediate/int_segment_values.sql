with
    names as (select * from {{ ref("int_deal_segment_names") }}),

    found as (select distinct segment, segment_value from names where not is_departed)

select
    cast(row_number() over (order by segment, segment_value) as integer) as segment_id,
    segment,
    segment_value
from found
