with source as (select * from {{ source("standards", "criterion_conditions") }})

select
    condition_id,
    criterion_version_id,
    criterion_id,
    version,
    step_number,
    step_needed,
    criterion_kind,
    subject,
    at_least,
    at_most,
    is_date,
    is_customer_present,
    is_filled,
    at_least_field,
    at_most_field,
    is_changed,
    has_texts,
    has_directions,
    has_roles
from source
