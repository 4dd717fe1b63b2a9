with
    about_fields as (select * from {{ ref("int_rules_about_fields") }}),

    about_history as (select * from {{ ref("int_rules_about_history") }}),

    about_customers as (select * from {{ ref("int_rules_about_customers") }})

select *
from about_fields
union all
select *
from about_history
union all
select *
from about_customers
