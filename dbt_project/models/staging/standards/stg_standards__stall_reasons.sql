with source as (select * from {{ source("standards", "stall_reasons") }}) select * from source
