with source as (select * from {{ source("raw_hubspot", "company_attributes") }})

-- One property has one name, however the export writes it.
select
    'hubspot' as crm,
    record_id as account_id,
    case
        when substring(attribute, 1, 9) = 'property_'
        then substring(attribute, 10)
        when substring(attribute, 1, 11) = 'properties.'
        then substring(attribute, 12)
        else attribute
    end as attribute,
    attribute_value
from source
