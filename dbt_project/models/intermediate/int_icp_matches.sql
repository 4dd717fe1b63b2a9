with
    attributes as (select * from {{ ref("int_icp_subject_attributes") }}),

    profile as (select * from {{ ref("stg_standards__icp_attributes") }}),

    profile_values as (select * from {{ ref("stg_standards__icp_attribute_values") }})

select
    attributes.subject_kind,
    attributes.subject_key,
    profile.attribute,
    profile.weight,
    case
        when profile.has_values
        then profile_values.accepted_value is not null
        else
            coalesce(
                attributes.value_number >= coalesce(profile.at_least, attributes.value_number)
                and attributes.value_number <= coalesce(profile.at_most, attributes.value_number),
                false
            )
    end as is_matched
from attributes
inner join profile on attributes.attribute = profile.attribute
left join
    profile_values
    on profile.attribute = profile_values.attribute
    and attributes.value_text = profile_values.accepted_value
