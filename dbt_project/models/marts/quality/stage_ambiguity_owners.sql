with
    comparisons as (select * from {{ ref("int_owner_comparisons") }}),

    ambiguity as (select * from {{ ref("stage_ambiguity") }}),

    users as (select * from {{ ref("int_users") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    -- Mantel and Haenszel's difference between the owner's deals and those of others of the same
    -- mix, and how far from zero chance alone would put it.
    compared as (
        select
            comparisons.*,
            comparisons.comparable_deals < company.minimum_n as is_insufficient_history,
            case
                when comparisons.compared_weight > 0
                then comparisons.excess / comparisons.compared_weight
            end as difference,
            case
                when comparisons.chance_variance > 0
                then sqrt(comparisons.chance_variance) / comparisons.compared_weight
            end as chance_error
        from comparisons
        cross join company
        where comparisons.owner_key is not null
    )

select
    compared.funnel,
    compared.stage,
    ambiguity.stage_rank,
    compared.measure,
    ambiguity.unit,
    compared.owner_key,
    coalesce(users.owner_name, compared.owner_key) as owner_name,
    users.team,
    compared.deals,
    compared.comparable_deals,
    compared.mean_value,
    compared.difference as difference_from_others,
    compared.difference - 1.959963984540054 * compared.chance_error as difference_from_others_low,
    compared.difference + 1.959963984540054 * compared.chance_error as difference_from_others_high,
    compared.difference
    * ambiguity.spread
    * ambiguity.spread
    / nullif(
        ambiguity.spread * ambiguity.spread + compared.chance_error * compared.chance_error, 0
    ) as difference_from_others_shrunk,
    compared.is_insufficient_history,
    -- Whoever looks at many owners finds one that stands out by chance, so the more are compared,
    -- the further one must stand out: P(|Z| > t) <= 2 exp(-t * t / 2), over all of them below 5 %.
    case
        when not compared.is_insufficient_history
        then
            coalesce(
                abs(compared.difference)
                > sqrt(2 * ln(2 * ambiguity.compared_owners / 0.05)) * compared.chance_error,
                false
            )
    end as is_beyond_chance
from compared
inner join
    ambiguity
    on compared.funnel = ambiguity.funnel
    and compared.stage = ambiguity.stage
    and compared.measure = ambiguity.measure
left join users on compared.owner_key = users.owner_key
