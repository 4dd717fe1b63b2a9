with source as (select * from {{ source("standards", "icp_ranges") }})

select attribute, range_number, range_label, at_least, above, at_most, below, is_fit
from source
