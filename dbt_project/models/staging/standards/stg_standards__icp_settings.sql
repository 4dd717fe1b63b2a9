with source as (select * from {{ source("standards", "icp_settings") }})

select minimum_completeness
from source
