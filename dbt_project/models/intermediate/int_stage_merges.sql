with
    stages as (select * from {{ ref("int_funnels_tonight") }}),

    closed_deals as (select * from {{ ref("int_milestone_deals") }}),

    reach as (select * from {{ ref("int_stage_reach") }}),

    visits as (select * from {{ ref("int_visits") }}),

    efficacy as (select * from {{ ref("criterion_efficacy") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    reached as (
        select
            reach.funnel,
            reach.stage,
            count(*) as reached_deals,
            sum(case when reach.is_visited then 1 else 0 end) as visited_deals,
            sum(case when not reach.is_advanced then 1 else 0 end) as dropoff_deals,
            sum(case when closed_deals.is_won then 1 else 0 end) as won_deals
        from reach
        inner join closed_deals on reach.deal_key = closed_deals.deal_key
        group by reach.funnel, reach.stage
    ),

    stays as (
        select
            visits.funnel,
            visits.stage,
            percentile_cont(0.5) within group (order by visits.dwell_days) as median_days
        from visits
        inner join closed_deals on visits.deal_key = closed_deals.deal_key
        where visits.dwell_days is not null and visits.funnel = closed_deals.funnel
        group by visits.funnel, visits.stage
    ),

    measured as (
        select
            stages.funnel,
            stages.stage,
            stages.stage_rank,
            coalesce(reached.reached_deals, 0) as reached_deals,
            coalesce(reached.visited_deals, 0) as visited_deals,
            coalesce(reached.dropoff_deals, 0) as dropoff_deals,
            coalesce(reached.won_deals, 0) as won_deals,
            stays.median_days
        from stages
        left join reached on stages.funnel = reached.funnel and stages.stage = reached.stage
        left join stays on stages.funnel = stays.funnel and stages.stage = stays.stage
    ),

    gates as (
        select
            criteria.funnel,
            criteria.stage,
            criteria.gate,
            count(*) as criteria,
            sum(case when efficacy.verdict = 'supported' then 1 else 0 end) as supported_criteria
        from criteria
        left join
            efficacy on criteria.criterion_id = efficacy.criterion_id and efficacy.segment = 'all'
        where criteria.is_in_force
        group by criteria.funnel, criteria.stage, criteria.gate
    ),

    pairs as (
        select
            measured.funnel,
            measured.stage,
            measured.stage_rank,
            later.stage as other_stage,
            measured.reached_deals,
            measured.dropoff_deals,
            {{ rate_of("measured.won_deals", "measured.reached_deals") }} as win_chance,
            {{ rate_of("later.won_deals", "later.reached_deals") }} as other_win_chance,
            {{ rate_of("measured.visited_deals", "measured.reached_deals") }} as visited_share,
            {{ rate_of("later.visited_deals", "later.reached_deals") }} as other_visited_share,
            measured.median_days,
            later.median_days as other_median_days,
            coalesce(exits.criteria, 0) + coalesce(entries.criteria, 0) as gate_criteria,
            coalesce(exits.supported_criteria, 0)
            + coalesce(entries.supported_criteria, 0) as supported_gate_criteria,
            count(*) over (partition by measured.funnel) as pairs_examined
        from measured
        inner join
            measured as later
            on measured.funnel = later.funnel
            and measured.stage_rank + 1 = later.stage_rank
        left join
            gates as exits
            on measured.funnel = exits.funnel
            and measured.stage = exits.stage
            and exits.gate = 'exit'
        left join
            gates as entries
            on later.funnel = entries.funnel
            and later.stage = entries.stage
            and entries.gate = 'entry'
    ),

    reaching as (
        select
            pairs.*,
            {{ simultaneous_z("pairs_examined") }} as z_needed,
            {{ rate_of("dropoff_deals", "reached_deals") }} as dropoff_share
        from pairs
    ),

    bounded as (
        select
            reaching.*,
            {{ wilson_low("dropoff_deals", "reached_deals", "z_needed") }} as dropoff_share_low,
            {{ wilson_high("dropoff_deals", "reached_deals", "z_needed") }} as dropoff_share_high
        from reaching
    )

select
    bounded.*,
    bounded.reached_deals < company.minimum_n as is_insufficient_history,
    -- A stage tells something by the deals that end in it. Where surely fewer than one in twenty
    -- do, a deal in the next stage is as good as one in this; five points of win chance are less
    -- than what two quarters of one funnel differ by chance. And there must be something to gain: a
    -- stage that half of its deals leave within a day, or that nine of ten jump, is a click.
    coalesce(
        bounded.reached_deals >= company.minimum_n
        and bounded.dropoff_share_high <= 0.05
        and bounded.supported_gate_criteria = 0
        and (
            least(bounded.median_days, bounded.other_median_days) < 1
            or least(bounded.visited_share, bounded.other_visited_share) <= 0.1
        ),
        false
    ) as is_proposed
from bounded
cross join company
