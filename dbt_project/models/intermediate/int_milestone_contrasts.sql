with strata as (select * from {{ ref("int_milestone_strata") }})

-- The terms are rounded to fixed places, so that their sums are the same in any order.
select
    milestone_number,
    stage_number,
    cast(sum(won_here) as bigint) as won_here_deals,
    cast(sum(case when has_both then n1 else 0 end) as bigint) as compared_deals,
    cast(sum(case when has_both then n0 else 0 end) as bigint) as compared_with_visits,
    sum(case when has_both then cast(n1 * n0 / n as decimal(28, 10)) end) as weight,
    sum(case when has_both then cast(n0 * won1 / n as decimal(28, 10)) end) as won_with,
    sum(case when has_both then cast(n1 * won0 / n as decimal(28, 10)) end) as won_without,
    sum(
        case
            when has_both
            then
                cast(
                    (n1 * n1 * won0 - n0 * n0 * won1 + n1 * n0 * (n0 - n1) / 2)
                    / (n * n) as decimal(28, 10)
                )
        end
    ) as p,
    sum(
        case
            when has_both
            then cast((won1 * (n0 - won0) + won0 * (n1 - won1)) / (2 * n) as decimal(28, 10))
        end
    ) as q
from strata
group by milestone_number, stage_number
