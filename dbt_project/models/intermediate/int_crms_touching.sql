with touches as (select * from {{ ref("int_touches") }})

select crm, min(occurred_at) as first_touch_at
from touches
group by crm
