with
    deals as (select * from {{ ref("int_deals") }}),

    subjects as (select * from {{ ref("int_deal_icp_subjects") }}),

    attributes as (select * from {{ ref("int_icp_subject_attributes") }}),

    ranges as (select * from {{ ref("stg_standards__icp_ranges") }}),

    profile as (select * from {{ ref("stg_standards__icp_attributes") }}),

    profile_values as (select * from {{ ref("stg_standards__icp_attribute_values") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    closed as (
        select
            deals.deal_key,
            deals.funnel,
            deals.lead_source,
            subjects.creation_subject_kind,
            subjects.creation_subject_key,
            case when deals.outcome = 'won' then 1 else 0 end as won
        from deals
        inner join subjects on deals.deal_key = subjects.deal_key
        where deals.outcome is not null and deals.funnel is not null
    ),

    -- Deals of one account are counted together first: they share its attributes.
    closed_by_subject as (
        select
            creation_subject_kind,
            creation_subject_key,
            funnel,
            count(*) as closed_deals,
            sum(won) as won_deals
        from closed
        where creation_subject_key is not null
        group by creation_subject_kind, creation_subject_key, funnel
    ),

    told as (
        select
            closed_by_subject.funnel,
            attributes.attribute,
            coalesce(ranges.range_label, attributes.value_text) as attribute_value,
            coalesce(ranges.range_number, 0) as value_number,
            ranges.is_fit as is_range_fit,
            closed_by_subject.closed_deals,
            closed_by_subject.won_deals
        from closed_by_subject
        inner join
            attributes
            on closed_by_subject.creation_subject_kind = attributes.subject_kind
            and closed_by_subject.creation_subject_key = attributes.subject_key
        left join
            ranges
            on attributes.attribute = ranges.attribute
            and (ranges.at_least is null or attributes.value_number >= ranges.at_least)
            and (ranges.above is null or attributes.value_number > ranges.above)
            and (ranges.at_most is null or attributes.value_number <= ranges.at_most)
            and (ranges.below is null or attributes.value_number < ranges.below)
            and attributes.value_number is not null
        union all
        select
            funnel,
            'lead_source',
            lead_source,
            0,
            cast(null as boolean),
            1 as closed_deals,
            won as won_deals
        from closed
        where lead_source is not null
    ),

    known as (
        select
            funnel,
            attribute,
            attribute_value,
            value_number,
            is_range_fit,
            cast(sum(closed_deals) as bigint) as closed_deals,
            cast(sum(won_deals) as bigint) as won_deals
        from told
        group by funnel, attribute, attribute_value, value_number, is_range_fit
    ),

    value_totals as (
        select attribute, attribute_value, sum(closed_deals) as closed_deals
        from known
        group by attribute, attribute_value
    ),

    value_counts as (
        select attribute, count(*) as distinct_values from value_totals group by attribute
    ),

    -- An attribute of more than 50 values is close to a name. Those of its values that are too
    -- rare to say anything are told as one, so that a column of identifiers is one row and not a
    -- million.
    rare_values as (
        select value_totals.attribute, value_totals.attribute_value
        from value_totals
        inner join value_counts on value_totals.attribute = value_counts.attribute
        cross join company
        left join
            profile_values
            on value_totals.attribute = profile_values.attribute
            and value_totals.attribute_value = profile_values.accepted_value
        where
            value_counts.distinct_values > 50
            and value_totals.closed_deals < company.minimum_n
            and profile_values.accepted_value is null
    ),

    named as (
        select
            known.funnel,
            known.attribute,
            case
                when rare_values.attribute is not null then '(rare)' else known.attribute_value
            end as attribute_value,
            known.value_number,
            case
                when profile.attribute is null
                then null
                when profile.has_values
                then profile_values.accepted_value is not null
                else coalesce(known.is_range_fit, false)
            end as is_fit,
            known.closed_deals,
            known.won_deals
        from known
        left join
            rare_values
            on known.attribute = rare_values.attribute
            and known.attribute_value = rare_values.attribute_value
        left join profile on known.attribute = profile.attribute
        left join
            profile_values
            on known.attribute = profile_values.attribute
            and known.attribute_value = profile_values.accepted_value
    ),

    known_by_funnel as (
        select funnel, attribute, attribute_value, value_number, is_fit, closed_deals, won_deals
        from named
        union all
        select 'all', attribute, attribute_value, value_number, is_fit, closed_deals, won_deals
        from named
    ),

    closed_by_funnel as (
        select funnel, count(*) as closed_deals, sum(won) as won_deals
        from closed
        group by funnel
        union all
        select 'all', count(*), sum(won)
        from closed
        having count(*) > 0
    ),

    attribute_names as (
        select attribute
        from known
        union
        select attribute
        from profile
    ),

    known_by_attribute as (
        select funnel, attribute, sum(closed_deals) as closed_deals, sum(won_deals) as won_deals
        from known_by_funnel
        group by funnel, attribute
    ),

    -- What is known of no value is unknown, so that the rows of an attribute add up to all deals.
    unknown as (
        select
            closed_by_funnel.funnel,
            attribute_names.attribute,
            closed_by_funnel.closed_deals
            - coalesce(known_by_attribute.closed_deals, 0) as closed_deals,
            closed_by_funnel.won_deals - coalesce(known_by_attribute.won_deals, 0) as won_deals
        from closed_by_funnel
        cross join attribute_names
        left join
            known_by_attribute
            on closed_by_funnel.funnel = known_by_attribute.funnel
            and attribute_names.attribute = known_by_attribute.attribute
    )

select
    funnel,
    attribute,
    attribute_value,
    cast(min(value_number) as bigint) as value_order,
    true as is_known,
    is_fit,
    cast(sum(closed_deals) as bigint) as closed_deals,
    cast(sum(won_deals) as bigint) as won_deals
from known_by_funnel
group by funnel, attribute, attribute_value, is_fit
union all
select
    funnel,
    attribute,
    '(unknown)' as attribute_value,
    cast(null as bigint) as value_order,
    false as is_known,
    cast(null as boolean) as is_fit,
    cast(closed_deals as bigint) as closed_deals,
    cast(won_deals as bigint) as won_deals
from unknown
where closed_deals > 0
