with
    wins as (select * from {{ ref("int_deal_wins") }}),

    runs as (select * from {{ ref("int_known_stage_runs") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    spans as (select * from {{ ref("int_deal_field_spans") }}),

    tracked_fields as (select * from {{ ref("int_tracked_fields") }}),

    first_seen as (select * from {{ ref("int_deal_first_sightings") }}),

    as_ofs as (select * from {{ ref("int_as_ofs") }}),

    amount_spans as (select * from spans where field = 'amount'),

    deals_with_spans as (select distinct deal_key from amount_spans),

    tracked as (select crm, tracked_from_at from tracked_fields where field = 'amount'),

    won as (select * from wins where amount_when_won > 0 and fx_rate is not null),

    first_entries as (
        select
            won.deal_key,
            won.run_number,
            won.funnel,
            runs.stage,
            won.won_at,
            won.undone_at,
            won.fx_rate,
            won.amount_when_won,
            min(runs.entered_at) as entered_at
        from won
        inner join
            runs
            on won.deal_key = runs.deal_key
            and won.funnel = runs.funnel
            and runs.run_number < won.run_number
        where runs.outcome is null and runs.stage_rank is not null
        group by
            won.deal_key,
            won.run_number,
            won.funnel,
            runs.stage,
            won.won_at,
            won.undone_at,
            won.fx_rate,
            won.amount_when_won
    ),

    told_by_changes as (
        select first_entries.*, {{ number_or_null("amount_spans.value_text") }} as amount_then
        from first_entries
        inner join
            amount_spans
            on first_entries.deal_key = amount_spans.deal_key
            and (
                amount_spans.valid_from_at is null
                or amount_spans.valid_from_at <= first_entries.entered_at
            )
            and (
                amount_spans.valid_to_at is null
                or amount_spans.valid_to_at > first_entries.entered_at
            )
    ),

    -- Where nothing tells that the amount would have been seen to change, it may be that of the
    -- close.
    never_changed as (
        select first_entries.*, cast(deals.amount as double precision) as amount_then
        from first_entries
        inner join deals on first_entries.deal_key = deals.deal_key
        left join deals_with_spans on first_entries.deal_key = deals_with_spans.deal_key
        left join tracked on deals.crm = tracked.crm
        left join first_seen on first_entries.deal_key = first_seen.deal_key
        where
            deals_with_spans.deal_key is null
            and (
                tracked.tracked_from_at <= first_entries.entered_at
                or first_seen.first_observed_at <= first_entries.entered_at
            )
    ),

    known as (
        select *
        from told_by_changes
        union all
        select *
        from never_changed
    ),

    converted as (
        select
            funnel,
            stage,
            won_at,
            undone_at,
            cast(
                cast(amount_then as decimal(30, 2)) * fx_rate as decimal(18, 2)
            ) as amount_at_stage,
            amount_when_won
        from known
        where amount_then > 0
    ),

    -- Told apart by size, so that a few giants can be weighed as what they are.
    sized as (
        select
            *,
            length(
                cast(
                    cast(
                        floor(greatest(amount_at_stage, amount_when_won)) as bigint
                    ) as {{ dbt.type_string() }}
                )
            ) as amount_digits
        from converted
    ),

    -- Won before the first as-of, or between it and the next.
    won_by_as_of as (
        select
            as_ofs.as_of_date,
            sized.funnel,
            sized.stage,
            sized.amount_digits,
            sized.undone_at,
            count(*) as won_deals,
            sum(sized.amount_at_stage) as amount_at_stage,
            sum(sized.amount_when_won) as amount_won
        from sized
        inner join
            as_ofs
            on sized.won_at < as_ofs.as_of_at
            and (as_ofs.previous_as_of_at is null or sized.won_at >= as_ofs.previous_as_of_at)
        group by as_ofs.as_of_date, sized.funnel, sized.stage, sized.amount_digits, sized.undone_at
    ),

    -- Taken off again at the first as-of after their deals were reopened or have left.
    by_as_of as (
        select as_of_date, funnel, stage, amount_digits, won_deals, amount_at_stage, amount_won
        from won_by_as_of
        union all
        select
            as_ofs.as_of_date,
            won_by_as_of.funnel,
            won_by_as_of.stage,
            won_by_as_of.amount_digits,
            - won_by_as_of.won_deals,
            - won_by_as_of.amount_at_stage,
            - won_by_as_of.amount_won
        from won_by_as_of
        inner join
            as_ofs
            on won_by_as_of.undone_at < as_ofs.as_of_at
            and (
                as_ofs.previous_as_of_at is null
                or won_by_as_of.undone_at >= as_ofs.previous_as_of_at
            )
    )

select
    as_ofs.as_of_date,
    by_as_of.funnel,
    by_as_of.stage,
    cast(by_as_of.amount_digits as bigint) as amount_digits,
    cast(sum(by_as_of.won_deals) as bigint) as won_deals,
    cast(sum(by_as_of.amount_at_stage) as decimal(38, 2)) as amount_at_stage,
    cast(sum(by_as_of.amount_won) as decimal(38, 2)) as amount_won
from as_ofs
inner join by_as_of on as_ofs.as_of_date >= by_as_of.as_of_date
group by as_ofs.as_of_date, by_as_of.funnel, by_as_of.stage, by_as_of.amount_digits
having sum(by_as_of.won_deals) > 0
