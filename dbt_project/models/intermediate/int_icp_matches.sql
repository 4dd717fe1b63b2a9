with
    deals as (select * from {{ ref("int_deals") }}),

    attributes as (select * from {{ ref("int_account_attributes") }}),

    profile as (select * from {{ ref("stg_standards__icp_attributes") }}),

    profile_values as (select * from {{ ref("stg_standards__icp_attribute_values") }})

select
    deals.deal_key,
    profile.attribute,
    profile.weight,
    attributes.value_text is not null as is_known,
    case
        when attributes.value_text is null
        then false
        when profile.has_values
        then profile_values.accepted_value is not null
        else
            attributes.value_number >= coalesce(profile.at_least, attributes.value_number)
            and attributes.value_number <= coalesce(profile.at_most, attributes.value_number)
    end as is_matched
from deals
cross join profile
left join
    attributes
    on deals.account_key = attributes.account_key
    and profile.attribute = attributes.attribute
left join
    profile_values
    on profile.attribute = profile_values.attribute
    and attributes.value_text = profile_values.accepted_value
