with source as (select * from {{ source("standards", "stall_reason_roles") }}) select * from source
