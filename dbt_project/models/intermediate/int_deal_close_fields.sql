with
    observations as (select * from {{ ref("int_deal_attribute_observations") }}),

    close_fields as (select * from {{ ref("stg_standards__close_fields") }}),

    named as (
        select
            observations.deal_key,
            close_fields.meaning,
            close_fields.priority,
            observations.is_present,
            nullif(trim(observations.attribute_value), '') as field_value,
            row_number() over (
                partition by observations.deal_key, close_fields.meaning, close_fields.priority
                order by observations.observed_at desc
            ) as place
        from observations
        inner join close_fields on 'x_' || lower(observations.attribute) = close_fields.field
    ),

    filled as (
        select
            deal_key,
            meaning,
            field_value,
            row_number() over (partition by deal_key, meaning order by priority) as place
        from named
        where place = 1 and is_present and field_value is not null
    )

select
    deal_key,
    max(case when meaning = 'won_reason' then field_value end) as won_reason,
    max(case when meaning = 'competitor' then field_value end) as competitor
from filled
where place = 1
group by deal_key
