with
    compliance as (select * from {{ ref("int_deal_compliance") }}),

    deals as (select * from {{ ref("deals_current") }}),

    counted as (
        select
            deal_key,
            sum(case when severity = 'block' then asked else 0 end) as block_asked,
            sum(case when severity = 'block' then met else 0 end) as block_met,
            sum(case when severity = 'block' then late else 0 end) as block_late,
            sum(case when severity = 'block' then waived else 0 end) as block_waived,
            sum(case when severity = 'block' then missing else 0 end) as block_missing,
            sum(case when severity = 'block' then failed else 0 end) as block_failed,
            sum(case when severity = 'block' then not_evaluated else 0 end) as block_not_evaluated,
            sum(case when severity = 'warn' then asked else 0 end) as warn_asked,
            sum(case when severity = 'warn' then met else 0 end) as warn_met,
            sum(case when severity = 'warn' then late else 0 end) as warn_late,
            sum(case when severity = 'warn' then waived else 0 end) as warn_waived,
            sum(case when severity = 'warn' then missing else 0 end) as warn_missing,
            sum(case when severity = 'warn' then failed else 0 end) as warn_failed,
            sum(case when severity = 'warn' then not_evaluated else 0 end) as warn_not_evaluated,
            sum(case when severity = 'all' then asked else 0 end) as asked,
            sum(case when severity = 'all' then met else 0 end) as met,
            sum(case when severity = 'all' then late else 0 end) as late,
            sum(case when severity = 'all' then waived else 0 end) as waived,
            sum(case when severity = 'all' then missing else 0 end) as missing,
            sum(case when severity = 'all' then failed else 0 end) as failed,
            sum(case when severity = 'all' then not_evaluated else 0 end) as not_evaluated
        from compliance
        where stage = 'all'
        group by deal_key
    )

-- One word for each deal, the worst first: what is known to be unproven, what is excused, what
-- nobody could judge. Proof that came late is proof by now.
select
    deals.deal_key,
    deals.funnel,
    deals.stage,
    deals.owner_key,
    deals.owner_name,
    deals.team,
    deals.is_open,
    deals.amount_reporting,
    case
        when counted.deal_key is null
        then 'none_asked'
        when counted.missing + counted.failed > 0
        then 'violated'
        when counted.waived > 0
        then 'waived'
        when counted.not_evaluated > 0
        then 'not_evaluated'
        else 'met'
    end as criteria_state,
    case
        when coalesce(counted.block_asked, 0) = 0
        then 'none_asked'
        when counted.block_missing + counted.block_failed > 0
        then 'violated'
        when counted.block_waived > 0
        then 'waived'
        when counted.block_not_evaluated > 0
        then 'not_evaluated'
        else 'met'
    end as block_criteria_state,
    coalesce(counted.late, 0) > 0 as has_late_proof,
    {{ rate_of("counted.met", "(counted.asked - counted.not_evaluated)") }} as compliance,
    {{ rate_of("counted.block_met", "(counted.block_asked - counted.block_not_evaluated)") }}
    as block_compliance,
    {{ rate_of("counted.warn_met", "(counted.warn_asked - counted.warn_not_evaluated)") }}
    as warn_compliance,
    cast(coalesce(counted.asked, 0) as bigint) as asked,
    cast(coalesce(counted.block_asked, 0) as bigint) as block_asked,
    cast(coalesce(counted.block_met, 0) as bigint) as block_met,
    cast(coalesce(counted.block_late, 0) as bigint) as block_late,
    cast(coalesce(counted.block_waived, 0) as bigint) as block_waived,
    cast(coalesce(counted.block_missing, 0) as bigint) as block_missing,
    cast(coalesce(counted.block_failed, 0) as bigint) as block_failed,
    cast(coalesce(counted.block_not_evaluated, 0) as bigint) as block_not_evaluated,
    cast(coalesce(counted.warn_asked, 0) as bigint) as warn_asked,
    cast(coalesce(counted.warn_met, 0) as bigint) as warn_met,
    cast(coalesce(counted.warn_late, 0) as bigint) as warn_late,
    cast(coalesce(counted.warn_waived, 0) as bigint) as warn_waived,
    cast(coalesce(counted.warn_missing, 0) as bigint) as warn_missing,
    cast(coalesce(counted.warn_failed, 0) as bigint) as warn_failed,
    cast(coalesce(counted.warn_not_evaluated, 0) as bigint) as warn_not_evaluated
from deals
left join counted on deals.deal_key = counted.deal_key
