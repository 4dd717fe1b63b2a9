with
    criterion_deals as (select * from {{ ref("int_criterion_deals") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    segments as (select * from {{ ref("int_deal_segments") }}),

    passed as (
        select criterion_deals.*, criteria.stage, criteria.gate
        from criterion_deals
        inner join criteria on criterion_deals.criterion_number = criteria.criterion_number
        where criterion_deals.is_in_funnel
    ),

    gates as (
        select
            deal_key, stage, gate, sum(case when first_status = 'met' then 1 else 0 end) as gate_met
        from passed
        group by deal_key, stage, gate
    ),

    compared as (
        select
            passed.criterion_number,
            passed.deal_key,
            passed.mix_id,
            passed.side,
            passed.first_status,
            passed.came_to,
            cast(
                gates.gate_met - case when passed.first_status = 'met' then 1 else 0 end as integer
            ) as others_met
        from passed
        inner join
            gates
            on passed.deal_key = gates.deal_key
            and passed.stage = gates.stage
            and passed.gate = gates.gate
    ),

    counted as (
        select
            compared.criterion_number,
            segments.segment_id,
            compared.mix_id,
            compared.others_met,
            compared.side,
            compared.first_status,
            compared.came_to,
            count(*) as deals
        from compared
        inner join segments on compared.deal_key = segments.deal_key
        group by
            compared.criterion_number,
            segments.segment_id,
            compared.mix_id,
            compared.others_met,
            compared.side,
            compared.first_status,
            compared.came_to
    ),

    marked as (
        select counted.*, came_to <> 'open' as is_decided, came_to = 'won' as is_won from counted
    )

select
    criterion_number,
    segment_id,
    mix_id,
    others_met,
    cast(sum(deals) as bigint) as deals,
    cast(sum(case when side = 'into_won' then deals else 0 end) as bigint) as into_won,
    cast(sum(case when side = 'not_evaluated' then deals else 0 end) as bigint) as not_evaluated,
    cast(sum(case when side = 'met' then deals else 0 end) as bigint) as met,
    cast(sum(case when side = 'met' and is_decided then deals else 0 end) as bigint) as met_decided,
    cast(sum(case when side = 'met' and is_won then deals else 0 end) as bigint) as met_won,
    cast(sum(case when side = 'not_met' then deals else 0 end) as bigint) as not_met,
    cast(
        sum(case when side = 'not_met' and is_decided then deals else 0 end) as bigint
    ) as not_met_decided,
    cast(sum(case when side = 'not_met' and is_won then deals else 0 end) as bigint) as not_met_won,
    cast(
        sum(case when side = 'not_met' and first_status = 'missing' then deals else 0 end) as bigint
    ) as missing,
    cast(
        sum(case when side = 'not_met' and first_status = 'failed' then deals else 0 end) as bigint
    ) as failed,
    cast(
        sum(case when side = 'not_met' and first_status = 'waived' then deals else 0 end) as bigint
    ) as waived,
    cast(
        sum(case when side = 'not_met' and first_status = 'late' then deals else 0 end) as bigint
    ) as late,
    cast(
        sum(
            case
                when side = 'not_met' and first_status = 'late' and is_decided then deals else 0
            end
        ) as bigint
    ) as late_decided,
    cast(
        sum(
            case when side = 'not_met' and first_status = 'late' and is_won then deals else 0 end
        ) as bigint
    ) as late_won
from marked
group by criterion_number, segment_id, mix_id, others_met
