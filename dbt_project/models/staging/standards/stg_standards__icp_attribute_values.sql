with source as (select * from {{ source("standards", "icp_attribute_values") }})

select attribute, accepted_value
from source
