with source as (select * from {{ source("standards", "icp_attributes") }})

select attribute, weight, at_least, at_most, has_values
from source
