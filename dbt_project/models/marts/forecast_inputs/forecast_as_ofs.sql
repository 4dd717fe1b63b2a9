with as_ofs as (select * from {{ ref("int_as_ofs") }}) select as_of_date, is_tonight from as_ofs
