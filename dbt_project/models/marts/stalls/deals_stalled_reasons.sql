with
    stall_reasons as (select * from {{ ref("int_stall_reasons") }}),

    reasons as (select * from {{ ref("stg_standards__stall_reasons") }})

select
    stall_reasons.deal_key,
    stall_reasons.reason,
    stall_reasons.reason_number,
    cast(stall_reasons.size as bigint) as size,
    stall_reasons.records,
    reasons.wording_en,
    reasons.wording_zh,
    reasons.action_en as next_action_en,
    reasons.action_zh as next_action_zh
from stall_reasons
inner join reasons on stall_reasons.reason = reasons.reason
