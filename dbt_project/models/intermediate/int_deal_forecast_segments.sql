with
    deals as (select * from {{ ref("int_known_deals") }}),

    as_ofs as (select * from {{ ref("int_as_ofs") }}),

    segments as (select * from {{ ref("int_deal_segment_names") }}),

    scores as (select * from {{ ref("int_icp_scores") }}),

    users as (select * from {{ ref("int_users") }}),

    spans as (select * from {{ ref("int_deal_field_spans") }}),

    regions as (select * from {{ ref("int_account_attribute_history") }}),

    bands_then as (select * from {{ ref("int_deal_as_of_amount_bands") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- Where deals stand without a customer, the customer is named on the way, at the close at the
    -- latest: that a deal has one tells how far it came. One in a hundred is a slip of the pen.
    crms_naming_customers_at_once as (
        select crm
        from deals
        where not is_departed
        group by crm
        having count(*) - count(account_key) <= 0.01 * count(*)
    ),

    -- A customer is what it was when the deal began: how well it fits tonight may have been learned
    -- since.
    icp_bands as (
        select
            deals.deal_key,
            case
                when crms_naming_customers_at_once.crm is null
                then 'unknown'
                else scores.icp_band_at_creation
            end as icp_band
        from deals
        left join crms_naming_customers_at_once on deals.crm = crms_naming_customers_at_once.crm
        left join scores on deals.deal_key = scores.deal_key
    ),

    tonight as (
        select
            segments.deal_key,
            icp_bands.icp_band,
            deals.crm,
            deals.owner_key,
            deals.account_key,
            company.forecast_segment,
            case
                when company.forecast_segment = 'icp_band'
                then icp_bands.icp_band
                else segments.segment_value
            end as segment
        from segments
        inner join company on segments.segment = company.forecast_segment
        inner join icp_bands on segments.deal_key = icp_bands.deal_key
        inner join deals on segments.deal_key = deals.deal_key
    ),

    past as (select * from as_ofs where not is_tonight),

    -- What decides the owner and the segment of a deal, where it is known to have changed.
    deciding_spans as (
        select spans.*
        from spans
        cross join company
        where
            spans.field = 'owner_id'
            or spans.field = company.forecast_segment
            or (company.forecast_segment = 'region' and spans.field = 'account_id')
    ),

    of_the_day as (
        select
            past.as_of_date,
            deciding_spans.deal_key,
            deciding_spans.field,
            deciding_spans.value_text
        from deciding_spans
        inner join
            past
            on (
                deciding_spans.valid_from_at is null or deciding_spans.valid_from_at < past.as_of_at
            )
            and (deciding_spans.valid_to_at is null or deciding_spans.valid_to_at >= past.as_of_at)
    ),

    told as (
        select
            as_of_date,
            deal_key,
            max(case when field = 'owner_id' then 1 else 0 end) = 1 as has_owner,
            max(case when field = 'owner_id' then value_text end) as owner_id,
            max(case when field = 'account_id' then 1 else 0 end) = 1 as has_account,
            max(case when field = 'account_id' then value_text end) as account_id,
            max(case when field not in ('owner_id', 'account_id') then 1 else 0 end)
            = 1 as has_value,
            max(case when field not in ('owner_id', 'account_id') then value_text end) as value_text
        from of_the_day
        group by as_of_date, deal_key
    ),

    moved_accounts as (
        select distinct account_key
        from regions
        where attribute = 'region' and (valid_from_at is not null or valid_until_at is not null)
    ),

    -- Deals of which some past date may know otherwise than tonight.
    changing as (
        select deal_key
        from told
        union
        select deal_key
        from bands_then
        union
        select tonight.deal_key
        from tonight
        inner join moved_accounts on tonight.account_key = moved_accounts.account_key
        where tonight.forecast_segment = 'region'
    ),

    on_each_date as (
        select
            tonight.deal_key,
            past.as_of_date,
            past.as_of_at,
            tonight.forecast_segment,
            tonight.segment as segment_tonight,
            case
                when coalesce(told.has_owner, false)
                then tonight.crm || ':' || told.owner_id
                else tonight.owner_key
            end as owner_key,
            case
                when coalesce(told.has_account, false)
                then tonight.crm || ':' || told.account_id
                else tonight.account_key
            end as account_key,
            coalesce(told.has_value, false) as has_value,
            told.value_text,
            bands_then.amount_band
        from changing
        cross join past
        inner join tonight on changing.deal_key = tonight.deal_key
        left join told on past.as_of_date = told.as_of_date and changing.deal_key = told.deal_key
        left join
            bands_then
            on past.as_of_date = bands_then.as_of_date
            and changing.deal_key = bands_then.deal_key
    ),

    with_region as (
        select on_each_date.*, regions.value_text as region
        from on_each_date
        left join
            regions
            on on_each_date.forecast_segment = 'region'
            and regions.attribute = 'region'
            and on_each_date.account_key = regions.account_key
            and (regions.valid_from_at is null or regions.valid_from_at < on_each_date.as_of_at)
            and (regions.valid_until_at is null or regions.valid_until_at >= on_each_date.as_of_at)
    ),

    then_and_tonight as (
        select
            with_region.deal_key,
            with_region.as_of_date,
            with_region.owner_key,
            case
                when with_region.forecast_segment = 'owner'
                then coalesce(users.owner_name, with_region.owner_key, '(none)')
                when with_region.forecast_segment = 'team'
                then coalesce(users.team, '(none)')
                when with_region.forecast_segment = 'region'
                then coalesce(with_region.region, '(none)')
                when with_region.forecast_segment = 'amount_band'
                then coalesce(with_region.amount_band, '(none)')
                when with_region.has_value
                then coalesce(with_region.value_text, '(none)')
                else with_region.segment_tonight
            end as segment
        from with_region
        left join users on with_region.owner_key = users.owner_key
        union all
        select tonight.deal_key, as_ofs.as_of_date, tonight.owner_key, tonight.segment
        from changing
        inner join tonight on changing.deal_key = tonight.deal_key
        inner join as_ofs on as_ofs.is_tonight
    ),

    compared as (
        select
            then_and_tonight.*,
            as_ofs.as_of_at,
            as_ofs.previous_as_of_at,
            as_ofs.is_tonight,
            row_number() over (
                partition by then_and_tonight.deal_key order by then_and_tonight.as_of_date
            ) as date_number,
            lag(then_and_tonight.segment) over (
                partition by then_and_tonight.deal_key order by then_and_tonight.as_of_date
            ) as segment_before,
            lag(then_and_tonight.owner_key) over (
                partition by then_and_tonight.deal_key order by then_and_tonight.as_of_date
            ) as owner_before
        from then_and_tonight
        inner join as_ofs on then_and_tonight.as_of_date = as_ofs.as_of_date
    ),

    numbered as (
        select
            compared.*,
            sum(
                case
                    when
                        segment = segment_before
                        and coalesce(owner_key, '') = coalesce(owner_before, '')
                    then 0
                    else 1
                end
            ) over (partition by deal_key order by as_of_date rows unbounded preceding)
            as stretch_number
        from compared
    ),

    stretches as (
        select
            deal_key,
            max(owner_key) as owner_key,
            max(segment) as segment,
            min(date_number) as first_number,
            max(case when is_tonight then 1 else 0 end) as is_tonight,
            min(as_of_date) as first_as_of_date,
            min(previous_as_of_at) as before_first_at,
            max(as_of_date) as last_as_of_date,
            max(as_of_at) as last_as_of_at
        from numbered
        group by deal_key, stretch_number
    ),

    always_alike as (
        select tonight.*
        from tonight
        left join changing on tonight.deal_key = changing.deal_key
        where changing.deal_key is null
    ),

    unioned as (
        select
            deal_key,
            owner_key,
            segment,
            cast(null as date) as from_as_of_date,
            cast(null as date) as until_as_of_date,
            cast(null as timestamp) as known_from_at,
            cast(null as timestamp) as known_until_at
        from always_alike
        union all
        select
            deal_key,
            owner_key,
            segment,
            case when first_number > 1 then first_as_of_date end as from_as_of_date,
            case when is_tonight = 0 then last_as_of_date end as until_as_of_date,
            case when first_number > 1 then before_first_at end as known_from_at,
            case when is_tonight = 0 then last_as_of_at end as known_until_at
        from stretches
    )

select
    unioned.deal_key,
    icp_bands.icp_band,
    unioned.segment,
    unioned.owner_key,
    users.team,
    unioned.from_as_of_date,
    unioned.until_as_of_date,
    unioned.known_from_at,
    unioned.known_until_at
from unioned
inner join icp_bands on unioned.deal_key = icp_bands.deal_key
left join users on unioned.owner_key = users.owner_key
