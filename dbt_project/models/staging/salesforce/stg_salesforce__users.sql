with source as (select * from {{ source("raw_salesforce", "user") }})

select
    'salesforce' as crm,
    id as user_id,
    name as user_name,
    cast(null as {{ dbt.type_string() }}) as team
from source
