with source as (select * from {{ source("standards", "rule_categories") }}) select * from source
