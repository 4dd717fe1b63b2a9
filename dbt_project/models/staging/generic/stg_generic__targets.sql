with source as (select * from {{ source("raw_generic", "targets") }})

select
    'generic' as crm,
    period_start,
    period_end,
    funnel as crm_funnel_name,
    team,
    owner_id,
    amount,
    currency
from source
