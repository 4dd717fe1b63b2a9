with
    source as (select * from {{ source("raw_dynamics", "opportunity") }}),

    -- A field has no date of its own. What it says was certainly there when the opportunity was
    -- last changed; any earlier date would claim a proof before it is known.
    dated as (
        select source.*, coalesce(modified_on, row_modified_on, created_on) as observed_at
        from source
    ),

    budgets as (
        select
            opportunity_id,
            'budget' as evidence_key,
            observed_at,
            cast(budget_amount as double precision) as evidence_number,
            coalesce(budget_status_label, budget_status) as evidence_text
        from dated
        where budget_amount is not null or coalesce(budget_status_label, budget_status) is not null
    ),

    -- `mark complete` is what an untouched field says; it is no proof of anything.
    authorities as (
        select
            opportunity_id,
            'authority' as evidence_key,
            observed_at,
            cast(null as double precision) as evidence_number,
            'yes' as evidence_text
        from dated
        where decision_maker
    ),

    needs as (
        select
            opportunity_id,
            'need' as evidence_key,
            observed_at,
            cast(null as double precision) as evidence_number,
            coalesce(need_label, need) as evidence_text
        from dated
        where coalesce(need_label, need) is not null
    ),

    -- Unknown is a choice of its own and says as little as a blank.
    timelines as (
        select
            opportunity_id,
            'timeline' as evidence_key,
            observed_at,
            cast(null as double precision) as evidence_number,
            coalesce(purchase_timeframe_label, purchase_timeframe) as evidence_text
        from dated
        where coalesce(purchase_timeframe_label, purchase_timeframe) not in ('Unknown', '4')
    ),

    purchase_processes as (
        select
            opportunity_id,
            'purchase_process' as evidence_key,
            observed_at,
            cast(null as double precision) as evidence_number,
            coalesce(purchase_process_label, purchase_process) as evidence_text
        from dated
        where coalesce(purchase_process_label, purchase_process) not in ('Unknown', '2')
    ),

    unioned as (
        select *
        from budgets
        union all
        select *
        from authorities
        union all
        select *
        from needs
        union all
        select *
        from timelines
        union all
        select *
        from purchase_processes
    )

select
    'dynamics' as crm,
    opportunity_id as deal_id,
    evidence_key,
    observed_at,
    evidence_number,
    evidence_text,
    -- A seller fills these in, so they are fields and never something that the customer did.
    'field' as evidence_kind,
    'dynamics:' || opportunity_id || ':' || evidence_key as source_id
from unioned
