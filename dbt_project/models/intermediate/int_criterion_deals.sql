with
    statuses as (select * from {{ ref("int_gate_evaluations") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    stages as (select * from {{ ref("stg_standards__funnel_stages") }}),

    deals as (select * from {{ ref("int_compared_deals") }}),

    won_stages as (select funnel, version, stage from stages where outcome = 'won'),

    -- The instant (whole microseconds), whether the gate was passed by being won, and the status in
    -- one number: the least of a deal tells its first passage in a single pass over all of them,
    -- and the same one in any order of rows. An unknown instant is that of the first change.
    coded as (
        select
            criteria.criterion_number,
            statuses.deal_key,
            statuses.status,
            greatest(coalesce({{ microseconds_since_1970("statuses.passed_at") }}, 0), 0) * 16
            + case when won_stages.stage is not null then 8 else 0 end
            + case
                statuses.status
                when 'met'
                then 0
                when 'late'
                then 1
                when 'waived'
                then 2
                when 'missing'
                then 3
                when 'failed'
                then 4
                else 5
            end as passage_code
        from statuses
        inner join criteria on statuses.criterion_id = criteria.criterion_id
        left join
            won_stages
            on statuses.funnel = won_stages.funnel
            and statuses.funnel_version = won_stages.version
            and statuses.to_stage = won_stages.stage
    ),

    counted as (
        select
            criterion_number,
            deal_key,
            min(passage_code) as first_passage_code,
            cast(count(*) as integer) as passages,
            cast(sum(case when status = 'met' then 1 else 0 end) as integer) as met,
            cast(sum(case when status = 'late' then 1 else 0 end) as integer) as late,
            cast(sum(case when status = 'waived' then 1 else 0 end) as integer) as waived,
            cast(sum(case when status = 'missing' then 1 else 0 end) as integer) as missing,
            cast(sum(case when status = 'failed' then 1 else 0 end) as integer) as failed,
            cast(
                sum(case when status = 'not_evaluated' then 1 else 0 end) as integer
            ) as not_evaluated
        from coded
        group by criterion_number, deal_key
    ),

    decoded as (
        select
            counted.*,
            case
                mod(first_passage_code, 8)
                when 0
                then 'met'
                when 1
                then 'late'
                when 2
                then 'waived'
                when 3
                then 'missing'
                when 4
                then 'failed'
                else 'not_evaluated'
            end as first_status,
            mod(first_passage_code, 16) >= 8 as is_first_into_won,
            cast(
                (first_passage_code - mod(first_passage_code, 16)) / 16 as bigint
            ) as first_passed_microseconds
        from counted
    )

select
    decoded.criterion_number,
    decoded.deal_key,
    -- What a deal came to, it came to in the funnel it is in tonight.
    coalesce(deals.funnel = criteria.funnel, false) as is_in_funnel,
    deals.mix_id,
    decoded.first_status,
    case
        when decoded.is_first_into_won
        then 'into_won'
        when decoded.first_status in ('met', 'not_evaluated')
        then decoded.first_status
        else 'not_met'
    end as side,
    decoded.first_passed_microseconds,
    deals.came_to,
    cast(deals.ended_microseconds - decoded.first_passed_microseconds as double precision)
    / 86400000000.0 as days_followed,
    decoded.passages,
    decoded.met,
    decoded.late,
    decoded.waived,
    decoded.missing,
    decoded.failed,
    decoded.not_evaluated
from decoded
inner join criteria on decoded.criterion_number = criteria.criterion_number
inner join deals on decoded.deal_key = deals.deal_key
