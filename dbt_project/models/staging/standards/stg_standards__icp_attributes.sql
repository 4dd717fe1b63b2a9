with source as (select * from {{ source("standards", "icp_attributes") }})

select
    attribute,
    -- Exact, so that sums of weights are the same in any order.
    cast(weight as decimal(18, 6)) as weight,
    at_least,
    at_most,
    has_values
from source
