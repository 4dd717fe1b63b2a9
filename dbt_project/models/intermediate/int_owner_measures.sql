with
    visits as (select * from {{ ref("int_visits") }}),

    reach as (select * from {{ ref("int_reach_cohorts") }}),

    compliance as (select * from {{ ref("int_deal_compliance") }}),

    horizons as (select * from {{ ref("int_stage_horizons") }}),

    deals as (select * from {{ ref("int_compared_deals") }}),

    clock as (select * from {{ ref("stg_night__clock") }}),

    -- Only deals that entered a horizon ago, whatever became of them since: all of them have been
    -- watched for that long, so that nothing is censored and young deals bias nobody.
    dwelt as (
        select
            visits.deal_key,
            visits.funnel,
            visits.stage,
            case
                when visits.dwell_days < horizons.horizon_days
                then visits.dwell_days
                else horizons.horizon_days
            end as days
        from visits
        inner join horizons on visits.funnel = horizons.funnel and visits.stage = horizons.stage
        cross join clock
        where
            visits.occurrence = 1
            and visits.stage_rank is not null
            and visits.dwell_days >= 0
            and visits.observed_after_days = 0
            and {{ days_between("visits.entered_at", "clock.as_of_at") }} >= horizons.horizon_days
    ),

    converted as (
        select
            reach.deal_key,
            reach.funnel,
            reach.stage,
            case when reach.days_to_advance <= horizons.horizon_days then 1 else 0 end as advanced
        from reach
        inner join horizons on reach.funnel = horizons.funnel and reach.stage = horizons.stage
        where reach.is_visited and reach.days_followed >= horizons.horizon_days
    ),

    -- Whole ten-thousandths of a day and millionths of a share, so that sums of them and of their
    -- squares are exact in any order.
    measured as (
        select
            'criteria_met' as measure,
            deal_key,
            funnel,
            stage,
            cast(round(1000000.0 * met / (asked - not_evaluated)) as bigint) as measured_units
        from compliance
        where stage <> 'all' and severity = 'all' and asked > not_evaluated
        union all
        select
            'dwell' as measure,
            deal_key,
            funnel,
            stage,
            cast(round(days * 10000) as bigint) as measured_units
        from dwelt
        union all
        select
            'conversion' as measure,
            deal_key,
            funnel,
            stage,
            cast(advanced * 1000000 as bigint) as measured_units
        from converted
    )

select
    measured.measure,
    measured.funnel,
    measured.stage,
    deals.mix_id,
    deals.owner_key,
    count(*) as deals,
    cast(sum(measured.measured_units) as decimal(38, 0)) as units,
    sum(cast(measured.measured_units * measured.measured_units as decimal(38, 0))) as squared_units,
    min(measured.measured_units) as least_units,
    max(measured.measured_units) as most_units
from measured
inner join deals on measured.deal_key = deals.deal_key and measured.funnel = deals.funnel
group by measured.measure, measured.funnel, measured.stage, deals.mix_id, deals.owner_key
