with source as (select * from {{ source("standards", "rule_roles") }}) select * from source
