with source as (select * from {{ source("night", "inputs") }})

select crm, object, feeds, last_extracted_at, rows_known
from source
