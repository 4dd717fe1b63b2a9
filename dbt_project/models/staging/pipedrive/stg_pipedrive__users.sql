with source as (select * from {{ source("raw_pipedrive", "user") }})

select 'pipedrive' as crm, user_id, user_name, cast(null as {{ dbt.type_string() }}) as team
from source
