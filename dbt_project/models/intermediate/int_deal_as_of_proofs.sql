with
    as_of_deals as (select * from {{ ref("int_deal_as_ofs") }}),

    judgements as (select * from {{ ref("int_gate_judgements") }}),

    criteria as (select * from {{ ref("stg_standards__criteria") }}),

    waivers as (select * from {{ ref("stg_standards__waivers") }}),

    passed as (
        select
            judgements.deal_key,
            judgements.visit_id,
            criteria.criterion_id,
            judgements.passed_at,
            judgements.outcome,
            judgements.is_late,
            judgements.evidence_at,
            {{ plus_days("judgements.passed_at", "criteria.grace_days") }} as due_at
        from judgements
        inner join criteria on judgements.criterion_version_id = criteria.criterion_version_id
        where not judgements.is_ahead
    ),

    -- Proof that arrived after as-of was missing at it; while the grace ran nobody could say.
    as_known as (
        select
            as_of_deals.as_of_date,
            as_of_deals.deal_key,
            passed.criterion_id,
            passed.visit_id,
            case
                when passed.outcome = 'not_evaluated'
                then 'not_evaluated'
                when
                    passed.outcome = 'met'
                    and coalesce(passed.evidence_at < as_of_deals.as_of_at, true)
                then 'met'
                when passed.is_late and passed.evidence_at < as_of_deals.as_of_at
                then 'late'
                when passed.due_at > as_of_deals.as_of_at
                then 'not_evaluated'
                else 'violated'
            end as status
        from as_of_deals
        inner join
            passed
            on as_of_deals.deal_key = passed.deal_key
            and (as_of_deals.is_tonight or passed.passed_at < as_of_deals.as_of_at)
    ),

    excused as (
        select distinct
            as_known.as_of_date, as_known.deal_key, as_known.criterion_id, as_known.visit_id
        from as_known
        inner join
            waivers
            on as_known.deal_key = waivers.deal_key
            and as_known.criterion_id = waivers.rule_id
            and (waivers.visit_id is null or as_known.visit_id = waivers.visit_id)
            and as_known.as_of_date >= waivers.waived_from
            and as_known.as_of_date <= waivers.waived_until
        where as_known.status = 'violated'
    ),

    told as (
        select
            as_known.as_of_date,
            as_known.deal_key,
            case when excused.deal_key is not null then 'waived' else as_known.status end as status
        from as_known
        left join
            excused
            on as_known.as_of_date = excused.as_of_date
            and as_known.deal_key = excused.deal_key
            and as_known.criterion_id = excused.criterion_id
            and as_known.visit_id = excused.visit_id
    )

select
    as_of_date,
    deal_key,
    count(*) as criteria_asked,
    sum(case when status = 'met' then 1 else 0 end) as criteria_met,
    sum(case when status = 'late' then 1 else 0 end) as criteria_late,
    sum(case when status = 'violated' then 1 else 0 end) as criteria_violated,
    sum(case when status = 'waived' then 1 else 0 end) as criteria_waived,
    sum(case when status = 'not_evaluated' then 1 else 0 end) as criteria_not_evaluated
from told
group by as_of_date, deal_key
