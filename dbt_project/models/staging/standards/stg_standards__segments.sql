with source as (select * from {{ source("standards", "segments") }}) select segment from source
