with source as (select * from {{ source("standards", "funnels") }})

select funnel, name_en, name_zh, is_default
from source
