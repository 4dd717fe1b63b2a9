with source as (select * from {{ source("raw_hubspot", "company_attributes") }})

-- One property has one name, however the export writes it.
select
    'hubspot' as crm,
    record_id as account_id,
    case
        when attribute like 'property\_%' escape '\'
        then substring(attribute, 10)
        when attribute like 'properties.%'
        then substring(attribute, 12)
        else attribute
    end as attribute,
    attribute_value
from source
