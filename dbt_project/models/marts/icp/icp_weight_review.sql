with
    lift as (select * from {{ ref("icp_lift") }}),

    deals as (select * from {{ ref("int_deals") }}),

    subjects as (select * from {{ ref("int_deal_icp_subjects") }}),

    matches as (select * from {{ ref("int_icp_matches") }}),

    profile as (select * from {{ ref("stg_standards__icp_attributes") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- The two sides of each weighed attribute: deals whose account fitted at creation, and others.
    sides as (
        select
            funnel,
            attribute,
            max(weight) as weight,
            sum(case when is_fit then closed_deals else 0 end) as fit_deals,
            sum(case when is_fit then won_deals else 0 end) as fit_won_deals,
            sum(case when not is_fit then closed_deals else 0 end) as other_deals,
            sum(case when not is_fit then won_deals else 0 end) as other_won_deals,
            sum(case when not is_known then closed_deals else 0 end) as unknown_deals
        from lift
        group by funnel, attribute
    ),

    -- A power of two for each attribute, so that a sum says which ones are in it.
    numbered as (
        select
            attribute, cast(power(2, row_number() over (order by attribute) - 1) as bigint) as bit
        from profile
    ),

    matched_deals as (
        select
            deals.deal_key,
            deals.funnel,
            matches.attribute,
            numbered.bit,
            case when deals.outcome = 'won' then 1 else 0 end as won,
            case when matches.is_matched then 1 else 0 end as fits
        from deals
        inner join subjects on deals.deal_key = subjects.deal_key
        inner join
            matches
            on subjects.creation_subject_kind = matches.subject_kind
            and subjects.creation_subject_key = matches.subject_key
        inner join numbered on matches.attribute = numbered.attribute
        where deals.outcome is not null and deals.funnel is not null
    ),

    deal_bits as (
        select deal_key, sum(bit) as known_bits, sum(bit * fits) as matched_bits
        from matched_deals
        group by deal_key
    ),

    -- Deals are compared only with deals of their own funnel that are known and fit alike in all
    -- else, because attributes come together: large companies have large revenues, and the effect
    -- of the one must not be booked on the other. An equal score would not do: two small weights
    -- may add up to a large one.
    strata as (
        select
            matched_deals.funnel,
            matched_deals.attribute,
            deal_bits.known_bits - matched_deals.bit as other_known_bits,
            deal_bits.matched_bits - matched_deals.bit * matched_deals.fits as other_matched_bits,
            cast(count(*) as double precision) as n,
            cast(sum(fits * won) as double precision) as a,
            cast(sum(fits * (1 - won)) as double precision) as b,
            cast(sum((1 - fits) * won) as double precision) as c,
            cast(sum((1 - fits) * (1 - won)) as double precision) as d
        from matched_deals
        inner join deal_bits on matched_deals.deal_key = deal_bits.deal_key
        group by 1, 2, 3, 4
    ),

    -- Mantel and Haenszel (1959), with the variance of Robins, Breslow and Greenland (1986). The
    -- terms are rounded to fixed places, so that their sums are the same in any order.
    terms as (
        select
            funnel,
            attribute,
            cast(a * d / n as decimal(28, 10)) as r,
            cast(b * c / n as decimal(28, 10)) as s,
            cast((a + d) / n * (a * d / n) as decimal(28, 10)) as pr,
            cast((a + d) / n * (b * c / n) + (b + c) / n * (a * d / n) as decimal(28, 10)) as ps_qr,
            cast((b + c) / n * (b * c / n) as decimal(28, 10)) as qs
        from strata
    ),

    terms_by_funnel as (
        select funnel, attribute, r, s, pr, ps_qr, qs
        from terms
        union all
        select 'all', attribute, r, s, pr, ps_qr, qs
        from terms
    ),

    adjusted as (
        select
            funnel,
            attribute,
            cast(sum(r) as double precision) as r,
            cast(sum(s) as double precision) as s,
            cast(sum(pr) as double precision) as pr,
            cast(sum(ps_qr) as double precision) as ps_qr,
            cast(sum(qs) as double precision) as qs
        from terms_by_funnel
        group by funnel, attribute
    ),

    -- Where no stratum has both sides and both ends, all deals are compared with each other.
    estimated as (
        select
            sides.*,
            coalesce(adjusted.r > 0 and adjusted.s > 0, false) as is_adjusted,
            sides.fit_deals > 0
            and sides.other_deals > 0
            and sides.fit_won_deals + sides.other_won_deals > 0
            and sides.fit_won_deals + sides.other_won_deals
            < sides.fit_deals + sides.other_deals as has_contrast,
            case
                when adjusted.r > 0 and adjusted.s > 0
                then ln(adjusted.r / adjusted.s)
                else
                    {{
                        log_odds(
                            "sides.fit_won_deals",
                            "(sides.fit_deals - sides.fit_won_deals)",
                            "sides.other_won_deals",
                            "(sides.other_deals - sides.other_won_deals)",
                        )
                    }}
            end as estimate,
            case
                when adjusted.r > 0 and adjusted.s > 0
                then
                    adjusted.pr / (2 * adjusted.r * adjusted.r)
                    + adjusted.ps_qr / (2 * adjusted.r * adjusted.s)
                    + adjusted.qs / (2 * adjusted.s * adjusted.s)
                else
                    {{
                        log_odds_variance(
                            "sides.fit_won_deals",
                            "(sides.fit_deals - sides.fit_won_deals)",
                            "sides.other_won_deals",
                            "(sides.other_deals - sides.other_won_deals)",
                        )
                    }}
            end as variance
        from sides
        left join
            adjusted on sides.funnel = adjusted.funnel and sides.attribute = adjusted.attribute
        where sides.weight is not null
    ),

    shrunken as (
        select
            estimated.*,
            case
                when has_contrast then {{ shrunken_log_odds("estimate", "variance") }}
            end as log_odds,
            case
                when has_contrast then {{ shrunken_log_odds_error("variance") }}
            end as log_odds_error,
            fit_deals < company.minimum_n
            or other_deals < company.minimum_n
            or not has_contrast as is_insufficient_history
        from estimated
        cross join company
    ),

    -- What one unit of weight has been worth: the line through the origin that fits weights to
    -- log-odds best, precise ones counting more.
    scales as (
        select
            funnel,
            cast(
                sum(
                    cast(weight * log_odds / (log_odds_error * log_odds_error) as decimal(30, 10))
                ) as double precision
            ) / cast(
                sum(
                    cast(weight * weight / (log_odds_error * log_odds_error) as decimal(30, 10))
                ) as double precision
            ) as log_odds_per_weight
        from shrunken
        where not is_insufficient_history
        group by funnel
    ),

    bounded as (
        select
            shrunken.*,
            log_odds - 1.959963984540054 * log_odds_error as log_odds_low,
            log_odds + 1.959963984540054 * log_odds_error as log_odds_high,
            weight * scales.log_odds_per_weight as log_odds_by_weight,
            case
                when scales.log_odds_per_weight > 0
                then case when log_odds > 0 then log_odds / scales.log_odds_per_weight else 0.0 end
            end as weight_by_history
        from shrunken
        left join scales on shrunken.funnel = scales.funnel
    ),

    weighed as (
        select
            funnel,
            attribute,
            true as is_in_profile,
            weight,
            fit_deals,
            fit_won_deals,
            other_deals,
            other_won_deals,
            unknown_deals,
            cast(null as {{ dbt.type_string() }}) as telling_value,
            log_odds,
            log_odds_low,
            log_odds_high,
            is_adjusted,
            log_odds_by_weight,
            case when not is_insufficient_history then weight_by_history end as weight_by_history,
            -- A weight is called too high or too low only where it is off by a quarter: profiles
            -- are set in steps of about that size.
            case
                when is_insufficient_history
                then 'insufficient_history'
                when log_odds_high < 0
                then 'contradicted'
                when log_odds_low <= 0
                then 'not_supported'
                when log_odds_by_weight > log_odds_high and weight_by_history < 0.75 * weight
                then 'too_high'
                when log_odds_by_weight < log_odds_low and weight_by_history > 1.25 * weight
                then 'too_low'
                else 'supported'
            end as verdict
        from bounded
    ),

    -- Of attributes without a weight, the value that is told apart best. Whoever looks at many
    -- values finds one that stands out by chance, so the more were looked at, the further one must
    -- stand out: P(|Z| > t) <= 2 exp(-t * t / 2), over all values at once below 5 %.
    judged_values as (
        select
            lift.*,
            (log_odds_high - log_odds_low) / (2 * 1.959963984540054) as log_odds_error,
            count(*) over (partition by funnel, attribute) as values_judged
        from lift
        where weight is null and is_known and not is_insufficient_history
    ),

    ranked_values as (
        select
            judged_values.*,
            abs(log_odds) / log_odds_error as distance,
            sqrt(2 * ln(2 * values_judged / 0.05)) as needed_distance,
            row_number() over (
                partition by funnel, attribute
                order by abs(log_odds) / log_odds_error desc, attribute_value
            ) as place
        from judged_values
    ),

    telling_values as (select * from ranked_values where place = 1),

    known_totals as (
        select funnel, attribute, sum(closed_deals) as closed_deals, sum(won_deals) as won_deals
        from lift
        where is_known
        group by funnel, attribute
    ),

    unweighed as (
        select
            sides.funnel,
            sides.attribute,
            false as is_in_profile,
            cast(null as double precision) as weight,
            telling_values.closed_deals as fit_deals,
            telling_values.won_deals as fit_won_deals,
            known_totals.closed_deals - telling_values.closed_deals as other_deals,
            known_totals.won_deals - telling_values.won_deals as other_won_deals,
            sides.unknown_deals,
            telling_values.attribute_value as telling_value,
            telling_values.log_odds,
            telling_values.log_odds
            - telling_values.needed_distance * telling_values.log_odds_error as log_odds_low,
            telling_values.log_odds
            + telling_values.needed_distance * telling_values.log_odds_error as log_odds_high,
            false as is_adjusted,
            cast(null as double precision) as log_odds_by_weight,
            cast(null as double precision) as weight_by_history,
            case
                when telling_values.attribute is null
                then 'insufficient_history'
                when telling_values.distance > telling_values.needed_distance
                then 'telling_without_weight'
                else 'rightly_without_weight'
            end as verdict
        from sides
        left join
            telling_values
            on sides.funnel = telling_values.funnel
            and sides.attribute = telling_values.attribute
        left join
            known_totals
            on sides.funnel = known_totals.funnel
            and sides.attribute = known_totals.attribute
        where sides.weight is null
    ),

    reviewed as (
        select *
        from weighed
        union all
        select *
        from unweighed
    )

select
    funnel,
    attribute,
    is_in_profile,
    weight,
    telling_value,
    cast(fit_deals as bigint) as fit_deals,
    cast(fit_won_deals as bigint) as fit_won_deals,
    cast(fit_won_deals as double precision) / nullif(fit_deals, 0) as fit_win_rate,
    cast(other_deals as bigint) as other_deals,
    cast(other_won_deals as bigint) as other_won_deals,
    cast(other_won_deals as double precision) / nullif(other_deals, 0) as other_win_rate,
    cast(unknown_deals as bigint) as unknown_deals,
    log_odds,
    log_odds_low,
    log_odds_high,
    is_adjusted,
    log_odds_by_weight,
    weight_by_history,
    verdict
from reviewed
