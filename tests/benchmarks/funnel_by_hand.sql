-- What an analyst would write by hand, straight over the Parquet files: the stage conversion of monthly and quarterly
-- cohorts and of all deals (to date, within horizons, expected), the censored dwell of each stage, and the stalled deals.
-- By whole days, for one funnel and one CRM, with no proof of anything.
create temp table visits as
with
    stage_ranks(stage, stage_rank) as (
        values
            ('初步接洽', 1), ('资格确认', 2), ('需求分析', 3), ('方案演示', 4), ('方案报价', 5), ('商务谈判', 6)
    ),
    changes as (
        select deal_id, stage, changed_at, change_id, lag(stage) over deal as stage_before
        from read_parquet('{lake}/stage_changes/*.parquet')
        where changed_at < timestamptz '{as_of}'
        window deal as (partition by deal_id order by changed_at, change_id)
    ),
    runs as (
        select deal_id, stage, changed_at as entered_at, lead(changed_at) over deal as exited_at
        from changes
        where stage_before is distinct from stage
        window deal as (partition by deal_id order by changed_at, change_id)
    )
select
    runs.deal_id,
    runs.stage,
    stage_ranks.stage_rank,
    entered_at,
    exited_at,
    epoch(coalesce(exited_at, timestamptz '{as_of}') - entered_at) / 86400.0 as dwell_days
from runs
left join stage_ranks using (stage);

create temp table deals as
select
    deals.deal_id,
    deals.stage,
    deals.closed_at,
    coalesce(deals.lead_source, '(none)') as lead_source,
    coalesce(deals.owner_id, '(none)') as owner,
    coalesce(users.team, '(none)') as team,
    coalesce(accounts.region, '(none)') as region,
    coalesce(deals.product, '(none)') as product,
    case
        when deals.amount is null then '(none)' when deals.amount < 50000 then 'small'
        when deals.amount < 200000 then 'medium' else 'large'
    end as amount_band
from read_parquet('{lake}/deals/*.parquet') as deals
left join read_parquet('{lake}/users/*.parquet') as users on deals.owner_id = users.user_id
left join read_parquet('{lake}/accounts/*.parquet') as accounts on deals.account_id = accounts.account_id
where not coalesce(deals.is_deleted, false);

-- Reach is monotone: a stage is reached when it or a later one is entered.
create temp table judged as
with
    stage_list as (select distinct stage_rank from visits where stage_rank is not null),
    first_entries as (
        select deal_id, stage_rank, min(entered_at) as first_entered_at
        from visits where stage_rank is not null group by all
    ),
    furthest as (select deal_id, max(stage_rank) as furthest_rank from first_entries group by all),
    reached as (
        select
            furthest.deal_id,
            furthest.furthest_rank,
            stage_list.stage_rank,
            first_entries.first_entered_at is not null as is_visited,
            min(first_entries.first_entered_at) over (
                partition by furthest.deal_id order by stage_list.stage_rank desc
            ) as reached_at
        from furthest
        inner join stage_list on stage_list.stage_rank <= furthest.furthest_rank
        left join first_entries
            on furthest.deal_id = first_entries.deal_id and stage_list.stage_rank = first_entries.stage_rank
    )
select
    reached.*,
    deals.*,
    date_trunc('month', reached_at) as cohort,
    date_trunc('quarter', reached_at) as quarter,
    case
        when furthest_rank > stage_rank or deals.stage = '赢单' then 'advanced'
        when deals.closed_at is not null then 'lost'
        else 'open'
    end as state,
    coalesce(
        lead(reached_at) over (partition by reached.deal_id order by stage_rank),
        case when deals.stage = '赢单' then deals.closed_at end
    ) as advanced_at
from reached
inner join deals using (deal_id);

create temp table conversion as
select
    stage_rank,
    cohort,
    quarter,
    lead_source,
    owner,
    team,
    region,
    product,
    amount_band,
    count(*) as reached,
    count(*) filter (is_visited) as visited,
    count(*) filter (state = 'advanced') as advanced,
    count(*) filter (state = 'lost') as lost,
    count(*) filter (state = 'open') as open,
    count(*) filter (reached_at + interval 30 day <= timestamptz '{as_of}') as matured_30d,
    count(*) filter (
        reached_at + interval 30 day <= timestamptz '{as_of}' and advanced_at <= reached_at + interval 30 day
    ) as advanced_30d,
    count(*) filter (reached_at + interval 60 day <= timestamptz '{as_of}') as matured_60d,
    count(*) filter (
        reached_at + interval 60 day <= timestamptz '{as_of}' and advanced_at <= reached_at + interval 60 day
    ) as advanced_60d,
    count(*) filter (reached_at + interval 90 day <= timestamptz '{as_of}') as matured_90d,
    count(*) filter (
        reached_at + interval 90 day <= timestamptz '{as_of}' and advanced_at <= reached_at + interval 90 day
    ) as advanced_90d,
    count(*) filter (reached_at + interval 180 day <= timestamptz '{as_of}') as matured_180d,
    count(*) filter (
        reached_at + interval 180 day <= timestamptz '{as_of}' and advanced_at <= reached_at + interval 180 day
    ) as advanced_180d
from judged
group by grouping sets (
    (stage_rank), (stage_rank, cohort), (stage_rank, quarter),
    (stage_rank, lead_source), (stage_rank, cohort, lead_source), (stage_rank, quarter, lead_source),
    (stage_rank, owner), (stage_rank, cohort, owner), (stage_rank, quarter, owner),
    (stage_rank, team), (stage_rank, cohort, team), (stage_rank, quarter, team),
    (stage_rank, region), (stage_rank, cohort, region), (stage_rank, quarter, region),
    (stage_rank, product), (stage_rank, cohort, product), (stage_rank, quarter, product),
    (stage_rank, amount_band), (stage_rank, cohort, amount_band), (stage_rank, quarter, amount_band)
);

-- Aalen-Johansen by the day: what of each cohort will have advanced in the end, other closes competing.
create temp table expected as
with
    dated as (
        select
            *,
            floor(epoch(
                case state
                    when 'advanced' then advanced_at when 'lost' then closed_at else timestamptz '{as_of}'
                end - reached_at
            ) / 86400.0) as day
        from judged
    ),
    days as (
        select
            stage_rank, cohort, quarter, lead_source, owner, team, region, product, amount_band, day,
            count(*) filter (state = 'advanced') as advanced, count(*) filter (state <> 'open') as decided,
            count(*) as seen
        from dated
        group by grouping sets (
            (stage_rank, day), (stage_rank, day, cohort), (stage_rank, day, quarter),
            (stage_rank, day, lead_source), (stage_rank, day, cohort, lead_source), (stage_rank, day, quarter, lead_source),
            (stage_rank, day, owner), (stage_rank, day, cohort, owner), (stage_rank, day, quarter, owner),
            (stage_rank, day, team), (stage_rank, day, cohort, team), (stage_rank, day, quarter, team),
            (stage_rank, day, region), (stage_rank, day, cohort, region), (stage_rank, day, quarter, region),
            (stage_rank, day, product), (stage_rank, day, cohort, product), (stage_rank, day, quarter, product),
            (stage_rank, day, amount_band), (stage_rank, day, cohort, amount_band), (stage_rank, day, quarter, amount_band)
        )
    ),
    at_risk as (
        select *, sum(seen) over (curve order by day desc) as at_risk
        from days
        window curve as (
            partition by stage_rank, cohort, quarter, lead_source, owner, team, region, product, amount_band
        )
    ),
    undecided as (
        select
            *,
            coalesce(exp(sum(case when decided < at_risk then ln(1 - decided / at_risk) else -1e3 end) over (
                curve order by day rows between unbounded preceding and 1 preceding
            )), 1) as undecided_before
        from at_risk
        window curve as (
            partition by stage_rank, cohort, quarter, lead_source, owner, team, region, product, amount_band
        )
    )
select
    stage_rank, cohort, quarter, lead_source, owner, team, region, product, amount_band,
    sum(undecided_before * advanced / at_risk) as conversion_expected
from undecided
group by all;

-- Kaplan-Meier by the day, per stage and segment.
create temp table dwell as
with
    days as (
        select
            stage_rank, lead_source, owner, team, region, product, amount_band, floor(dwell_days) as day,
            count(*) filter (exited_at is not null) as left_it, count(*) as ended
        from visits inner join deals using (deal_id)
        where stage_rank is not null
        group by grouping sets (
            (stage_rank, day), (stage_rank, day, lead_source), (stage_rank, day, owner), (stage_rank, day, team),
            (stage_rank, day, region), (stage_rank, day, product), (stage_rank, day, amount_band)
        )
    ),
    at_risk as (
        select *, sum(ended) over (segment order by day desc) as at_risk
        from days
        window segment as (partition by stage_rank, lead_source, owner, team, region, product, amount_band)
    ),
    survival as (
        select
            *,
            exp(sum(case when left_it < at_risk then ln(1 - left_it / at_risk) else -1e3 end) over (segment order by day))
            as survival
        from at_risk
        window segment as (partition by stage_rank, lead_source, owner, team, region, product, amount_band)
    )
select
    stage_rank, lead_source, owner, team, region, product, amount_band,
    min(day) filter (survival <= 0.75) as p25, min(day) filter (survival <= 0.5) as p50,
    min(day) filter (survival <= 0.25) as p75, min(day) filter (survival <= 0.2) as p80,
    min(day) filter (survival <= 0.1) as p90
from survival
group by all;

create temp table stalled as
with
    won_p80 as (
        select visits.stage, quantile_cont(dwell_days, 0.8) as p80
        from visits inner join deals using (deal_id)
        where deals.stage = '赢单' and exited_at is not null
        group by all
    ),
    last_inbound as (
        select deal_id, max(occurred_at) as last_at
        from read_parquet('{lake}/activities/*.parquet')
        where direction = 'inbound' and status = 'held' and occurred_at < timestamptz '{as_of}'
        group by all
    )
select visits.deal_id, visits.stage, visits.dwell_days, last_inbound.last_at
from visits
inner join deals using (deal_id)
inner join won_p80 on visits.stage = won_p80.stage
left join last_inbound using (deal_id)
where
    visits.exited_at is null and visits.stage_rank is not null
    and (
        visits.dwell_days > 60
        or (
            visits.dwell_days > won_p80.p80
            and (last_inbound.last_at is null or last_inbound.last_at < timestamptz '{as_of}' - interval 21 day)
        )
    );
