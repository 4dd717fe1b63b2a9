with source as (select * from {{ source("standards", "stall_settings") }}) select * from source
