with source as (select * from {{ source("raw_generic", "users") }})

select 'generic' as crm, user_id, user_name, team
from source
