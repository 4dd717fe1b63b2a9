with source as (select * from {{ source("standards", "funnel_versions") }})

select funnel, version, valid_from, valid_to
from source
