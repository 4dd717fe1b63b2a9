with
    visits as (select * from {{ ref("int_milestone_visits") }}),

    stages as (select * from {{ ref("int_milestone_stages") }})

select
    visits.deal_key,
    stages.funnel,
    stages.stage,
    cast(stages.stage_rank as bigint) as stage_rank,
    visits.entered_at,
    visits.exited_at,
    visits.counts_until_at,
    visits.is_won,
    cast(visits.likeness as bigint) as likeness_number
from visits
inner join stages on visits.stage_number = stages.stage_number
