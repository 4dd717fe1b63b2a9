with
    waivers as (select * from {{ ref("stg_standards__waivers") }}),

    clock as (select * from {{ ref("stg_night__clock") }})

select distinct waivers.rule_id, waivers.deal_key, waivers.visit_id
from waivers
inner join
    clock
    on clock.business_date >= waivers.waived_from
    and clock.business_date <= waivers.waived_until
