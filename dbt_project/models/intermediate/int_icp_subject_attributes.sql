with
    account_attributes as (select * from {{ ref("int_account_attributes") }}),

    history as (select * from {{ ref("int_account_attribute_history") }}),

    subjects as (select * from {{ ref("int_deal_icp_subjects") }}),

    leads as (select * from {{ ref("int_leads") }}),

    lead_attributes as (
        select
            lead_key,
            'industry' as attribute,
            industry as value_text,
            cast(null as double precision) as value_number
        from leads
        union all
        select lead_key, 'country', country, null
        from leads
        union all
        select
            lead_key,
            'employees',
            cast(employees as {{ dbt.type_string() }}),
            cast(employees as double precision)
        from leads
    )

select 'account' as subject_kind, account_key as subject_key, attribute, value_text, value_number
from account_attributes
union all
select
    'deal' as subject_kind,
    subjects.deal_key,
    history.attribute,
    history.value_text,
    history.value_number
from subjects
inner join
    history
    on subjects.account_key = history.account_key
    and (history.valid_from_at is null or history.valid_from_at <= subjects.created_at)
    and (history.valid_until_at is null or history.valid_until_at > subjects.created_at)
where subjects.creation_subject_kind = 'deal'
union all
select 'lead' as subject_kind, lead_key, attribute, value_text, value_number
from lead_attributes
where value_text is not null
