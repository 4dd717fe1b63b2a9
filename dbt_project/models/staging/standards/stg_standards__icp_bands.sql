with source as (select * from {{ source("standards", "icp_bands") }})

select band, minimum_score
from source
