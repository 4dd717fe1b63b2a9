with
    source as (select * from {{ source("raw_fxiaoke", "personnel") }}),

    -- Records name their owner by the one or the other, as the version of the API has it.
    by_any_id as (
        select user_id as any_id, name, main_department, main_department_label
        from source
        union
        select open_user_id, name, main_department, main_department_label
        from source
    )

select
    'fxiaoke' as crm,
    any_id as user_id,
    name as user_name,
    coalesce(main_department_label, {{ first_of_json_list("main_department") }}) as team
from by_any_id
where any_id is not null
