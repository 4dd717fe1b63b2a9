with
    runs as (select * from {{ ref("int_known_stage_runs") }}),

    as_ofs as (select * from {{ ref("int_as_ofs") }}),

    -- A run whose beginning nothing dates is known to go on tonight and at no time before. A stage
    -- that no funnel file maps has no rank; the deal is open all the same, and stays in all totals.
    open_runs as (
        select
            *,
            case
                when next_stage is null then cast('9999-12-31' as timestamp) else left_at
            end as known_left_at
        from runs
        where outcome is null and funnel is not null
    ),

    tonight as (select * from as_ofs where is_tonight),

    before_tonight as (select * from as_ofs where not is_tonight)

select
    tonight.as_of_date,
    tonight.as_of_at,
    tonight.is_tonight,
    open_runs.deal_key,
    open_runs.funnel,
    open_runs.stage,
    open_runs.stage_rank,
    open_runs.entered_at
from open_runs
cross join tonight
where open_runs.next_stage is null and not open_runs.is_departed
union all
select
    before_tonight.as_of_date,
    before_tonight.as_of_at,
    before_tonight.is_tonight,
    open_runs.deal_key,
    open_runs.funnel,
    open_runs.stage,
    open_runs.stage_rank,
    open_runs.entered_at
from open_runs
inner join
    before_tonight
    on open_runs.entered_at < before_tonight.as_of_at
    and open_runs.known_left_at >= before_tonight.as_of_at
    and (open_runs.known_until_at is null or open_runs.known_until_at >= before_tonight.as_of_at)
