with
    field_changes as (select * from {{ ref("int_field_changes") }}),

    deals as (select * from {{ ref("int_known_deals") }})

select deals.crm, field_changes.field, min(field_changes.changed_at) as tracked_from_at
from field_changes
inner join deals on field_changes.deal_key = deals.deal_key
where field_changes.field in ('amount', 'expected_close_date', 'probability', 'forecast_category')
group by deals.crm, field_changes.field
