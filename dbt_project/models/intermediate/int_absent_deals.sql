with
    crm_deals as (select * from {{ ref("int_crm_deals") }}),

    observations as (select * from {{ ref("int_deal_observations") }}),

    recorded as (select crm || ':' || deal_id as deal_key from crm_deals),

    numbered as (
        select
            observations.*,
            max(case when is_present then 1 else 0 end) over (partition by deal_key) as was_there,
            row_number() over (partition by deal_key order by observed_at desc) as reverse_number
        from observations
    )

-- A deal that no extract had but as a deleted one left before anybody looked.
select numbered.*
from numbered
left join recorded on numbered.deal_key = recorded.deal_key
where
    numbered.reverse_number = 1
    and not numbered.is_present
    and numbered.was_there = 1
    and recorded.deal_key is null
