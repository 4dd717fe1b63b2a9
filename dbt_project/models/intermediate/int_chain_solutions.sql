with recursive
    moves as (select * from {{ ref("int_chain_scenarios") }}),

    stages as (
        select
            funnel,
            from_stage as stage,
            row_number() over (partition by funnel order by from_stage) as stage_number
        from (select distinct funnel, from_stage from moves) as left_stages
    ),

    counts as (select funnel, count(*) as stages from stages group by funnel),

    -- Where the days of one stage are unknown, so is the sum over stages.
    cells as (
        select
            funnel,
            segment,
            segment_value,
            scenario,
            -- One short key: the recursion below sorts by it in every step.
            row_number() over (order by funnel, segment, segment_value, scenario) as cell_number,
            case when count(*) = count(mean_days) then 1 else 0 end as has_days
        from moves
        group by funnel, segment, segment_value, scenario
    ),

    -- Columns of the matrix: 1 and up for stages that somebody has left, and four of their own.
    columns_of_funnels as (
        select funnel, stage_number as to_number
        from stages
        union all
        select counts.funnel, ends.to_number
        from counts
        cross join
            (
                select 0 as to_number
                union all
                select -1 as to_number
                union all
                select -2 as to_number
                union all
                select -3 as to_number
            ) as ends
    ),

    -- 0 won, -1 closed otherwise, -2 a stage that nobody has left yet or another funnel, -3 days
    -- spent there.
    numbered as (
        select
            moves.funnel,
            moves.segment,
            moves.segment_value,
            moves.scenario,
            from_stages.stage_number as from_number,
            case
                when moves.to_kind = 'close' and moves.to_state = 'won'
                then 0
                when moves.to_kind = 'close'
                then -1
                else coalesce(to_stages.stage_number, -2)
            end as to_number,
            moves.to_kind,
            moves.to_state,
            moves.share,
            moves.mean_days
        from moves
        inner join
            stages as from_stages
            on moves.funnel = from_stages.funnel
            and moves.from_stage = from_stages.stage
        left join
            stages as to_stages
            on moves.funnel = to_stages.funnel
            and moves.to_kind = 'stage'
            and moves.to_state = to_stages.stage
    ),

    -- Several states may share a column; summed in a fixed order, or two runs of one night would
    -- differ in the last bit.
    running as (
        select
            numbered.*,
            sum(share) over (
                partition by funnel, segment, segment_value, scenario, from_number, to_number
                order by to_kind, to_state
                rows between unbounded preceding and current row
            ) as running_share
        from numbered
    ),

    given as (
        select
            funnel,
            segment,
            segment_value,
            scenario,
            from_number,
            to_number,
            max(running_share) as amount
        from running
        group by funnel, segment, segment_value, scenario, from_number, to_number
        union all
        select funnel, segment, segment_value, scenario, from_number, -3, max(mean_days)
        from numbered
        group by funnel, segment, segment_value, scenario, from_number
    ),

    matrix as (
        select
            cells.cell_number,
            counts.stages,
            stages.stage_number as from_number,
            columns_of_funnels.to_number,
            cast(coalesce(given.amount, 0) as double precision) as amount
        from cells
        inner join counts on cells.funnel = counts.funnel
        inner join stages on cells.funnel = stages.funnel
        inner join columns_of_funnels on cells.funnel = columns_of_funnels.funnel
        left join
            given
            on cells.funnel = given.funnel
            and cells.segment = given.segment
            and cells.segment_value = given.segment_value
            and cells.scenario = given.scenario
            and stages.stage_number = given.from_number
            and columns_of_funnels.to_number = given.to_number
    ),

    -- The chain of Kemeny and Snell (1960) solved exactly, one stage taken out at a time: whoever
    -- came into it is sent on to where it leads. What leaves a stage is added up and never taken
    -- as one less what stays (Grassmann, Taksar and Heyman, 1985): nothing cancels, so a stage that
    -- is left once in a million visits is solved as well as any, and a circle that nobody leaves
    -- has a zero that is zero. Such a stage is not taken out: whoever runs into it has no known
    -- end. A power of the matrix would only come near. What leaves is added up exactly, in
    -- whichever
    -- order the rows lie: a sum in a fixed order costs a window four times what this one does.
    eliminating as (
        select matrix.*, 0 as step
        from matrix
        union all
        select
            at_step.cell_number,
            at_step.stages,
            at_step.from_number,
            at_step.to_number,
            case
                when at_step.leaving = 0
                then at_step.amount
                when at_step.to_number = at_step.step + 1
                then 0.0
                when at_step.from_number = at_step.step + 1
                then at_step.amount / at_step.leaving
                else
                    at_step.amount
                    + at_step.amount_into_stage * at_step.amount_of_stage / at_step.leaving
            end as amount,
            at_step.step + 1 as step
        from
            (
                select
                    eliminating.*,
                    max(case when to_number = step + 1 then amount else 0.0 end) over (
                        partition by cell_number, from_number
                    ) as amount_into_stage,
                    max(case when from_number = step + 1 then amount else 0.0 end) over (
                        partition by cell_number, to_number
                    ) as amount_of_stage,
                    cast(
                        sum(
                            case
                                when
                                    from_number = step + 1
                                    and to_number <> step + 1
                                    and to_number > -3
                                then cast(amount as decimal(38, 30))
                                else 0
                            end
                        ) over (partition by cell_number) as double precision
                    ) as leaving
                from eliminating
                where step < stages
            ) as at_step
    ),

    solved as (
        select
            cell_number,
            from_number,
            max(case when to_number = 0 then amount else 0.0 end) as won_share,
            max(case when to_number = -1 then amount else 0.0 end) as otherwise_share,
            max(case when to_number = -3 then amount else 0.0 end) as days,
            max(case when to_number > 0 then amount else 0.0 end) as circling
        from eliminating
        where step = stages
        group by cell_number, from_number
    )

-- What the visits tell nothing of is left out of the probability and told beside it.
select
    cells.funnel,
    cells.segment,
    cells.segment_value,
    cells.scenario,
    stages.stage,
    solved.won_share / nullif(solved.won_share + solved.otherwise_share, 0) as won_probability,
    case
        when 1.0 - solved.won_share - solved.otherwise_share > 1e-12
        then 1.0 - solved.won_share - solved.otherwise_share
        else 0.0
    end as unresolved_share,
    -- Who runs into a circle that nobody leaves is there for ever.
    case when cells.has_days = 1 and solved.circling = 0 then solved.days end as days_to_close
from solved
inner join cells on solved.cell_number = cells.cell_number
inner join stages on cells.funnel = stages.funnel and solved.from_number = stages.stage_number
