with
    outcomes as (select * from {{ ref("int_icp_outcomes") }}),

    profile as (select * from {{ ref("stg_standards__icp_attributes") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    known as (
        select
            funnel,
            attribute,
            sum(closed_deals) as known_closed_deals,
            sum(won_deals) as known_won_deals
        from outcomes
        where is_known
        group by funnel, attribute
    ),

    -- The rest are the deals of which another value is known; of deals of which none is known
    -- nobody can say that their value is another.
    compared as (
        select
            outcomes.*,
            coalesce(known.known_closed_deals, 0) as known_closed_deals,
            coalesce(known.known_won_deals, 0) as known_won_deals,
            coalesce(known.known_closed_deals, 0)
            - case when outcomes.is_known then outcomes.closed_deals else 0 end as rest_deals,
            coalesce(known.known_won_deals, 0)
            - case when outcomes.is_known then outcomes.won_deals else 0 end as rest_won_deals
        from outcomes
        left join known on outcomes.funnel = known.funnel and outcomes.attribute = known.attribute
    ),

    -- Where every deal was won, or none, nothing tells one value from another.
    estimated as (
        select
            compared.*,
            case
                when has_contrast
                then
                    {{
                        log_odds(
                            "won_deals",
                            "(closed_deals - won_deals)",
                            "rest_won_deals",
                            "(rest_deals - rest_won_deals)",
                        )
                    }}
            end as log_odds_observed,
            case
                when has_contrast
                then
                    {{
                        log_odds_variance(
                            "won_deals",
                            "(closed_deals - won_deals)",
                            "rest_won_deals",
                            "(rest_deals - rest_won_deals)",
                        )
                    }}
            end as log_odds_variance
        from
            (
                select
                    compared.*,
                    rest_deals > 0
                    and won_deals + rest_won_deals > 0
                    and won_deals + rest_won_deals < closed_deals + rest_deals as has_contrast
                from compared
            ) as compared
    ),

    shrunken as (
        select
            estimated.*,
            {{ shrunken_log_odds("log_odds_observed", "log_odds_variance") }} as log_odds,
            {{ shrunken_log_odds_error("log_odds_variance") }} as log_odds_error
        from estimated
    )

select
    shrunken.funnel,
    shrunken.attribute,
    shrunken.attribute_value,
    shrunken.value_order,
    shrunken.is_known,
    shrunken.is_fit,
    cast(profile.weight as double precision) as weight,
    shrunken.closed_deals,
    shrunken.won_deals,
    cast(shrunken.won_deals as double precision) / shrunken.closed_deals as win_rate,
    {{ wilson_low("shrunken.won_deals", "shrunken.closed_deals") }} as win_rate_low,
    {{ wilson_high("shrunken.won_deals", "shrunken.closed_deals") }} as win_rate_high,
    cast(shrunken.rest_deals as bigint) as rest_deals,
    cast(shrunken.rest_won_deals as bigint) as rest_won_deals,
    cast(shrunken.rest_won_deals as double precision)
    / nullif(shrunken.rest_deals, 0) as rest_win_rate,
    cast(shrunken.won_deals as double precision)
    * shrunken.known_closed_deals
    / nullif(cast(shrunken.closed_deals as double precision) * shrunken.known_won_deals, 0) as lift,
    shrunken.log_odds_observed,
    shrunken.log_odds,
    shrunken.log_odds - 1.959963984540054 * shrunken.log_odds_error as log_odds_low,
    shrunken.log_odds + 1.959963984540054 * shrunken.log_odds_error as log_odds_high,
    {{ log_odds_prior_variance() }}
    / ({{ log_odds_prior_variance() }} + shrunken.log_odds_variance) as history_share,
    shrunken.closed_deals < company.minimum_n
    or shrunken.rest_deals < company.minimum_n
    or shrunken.log_odds is null as is_insufficient_history
from shrunken
cross join company
left join profile on shrunken.attribute = profile.attribute
