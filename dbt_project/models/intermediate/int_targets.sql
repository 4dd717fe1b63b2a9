with
    generic_targets as (select * from {{ ref("stg_generic__targets") }}),

    funnel_names as (select * from {{ ref("stg_standards__funnel_crm_names") }}),

    rates as (select * from {{ ref("int_fx_rates") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    named as (
        select
            generic_targets.*,
            coalesce(funnel_names.funnel, generic_targets.crm_funnel_name) as funnel
        from generic_targets
        left join
            funnel_names
            on generic_targets.crm = funnel_names.crm
            and generic_targets.crm_funnel_name = funnel_names.crm_name
    )

select
    named.crm,
    named.funnel,
    named.team,
    named.crm || ':' || named.owner_id as owner_key,
    named.period_start,
    named.period_end,
    cast(cast(named.amount as decimal(30, 2)) * rates.rate as decimal(18, 2)) as amount_reporting,
    case
        when named.currency is null
        then 'missing_currency'
        when rates.rate is null
        then 'missing_rate'
    end as amount_exclusion
from named
cross join clock
left join
    rates
    on named.currency = rates.currency
    and clock.business_date >= rates.valid_from
    and (rates.valid_to is null or clock.business_date < rates.valid_to)
