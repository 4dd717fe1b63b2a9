with
    deals as (select * from {{ source("raw_pipedrive", "deal") }}),

    changes as (select * from {{ source("raw_pipedrive", "deal_change") }}),

    observed_stages as (select * from {{ source("raw_pipedrive", "stage_observed") }}),

    numbered_stages as (
        select
            observed_stages.*,
            row_number() over (partition by stage_id order by observed_at desc) as reverse_number
        from observed_stages
    ),

    stages as (select stage_id, stage_name from numbered_stages where reverse_number = 1),

    moves as (
        select
            deal_id,
            old_value as left_stage_id,
            new_value as stage_id,
            changed_at,
            row_number() over (partition by deal_id order by changed_at, new_value) as number
        from changes
        where field_key = 'stage_id' and new_value is not null
    ),

    first_moves as (select * from moves where number = 1),

    -- The history holds every move and nothing before the first: a deal was added to the stage
    -- that its first move left. One without moves stands where it stood since its own date says.
    beginnings as (
        select
            deals.deal_id,
            coalesce(first_moves.left_stage_id, deals.stage_id) as stage_id,
            case
                when first_moves.deal_id is null
                then coalesce(deals.stage_change_time, deals.add_time)
                else deals.add_time
            end as changed_at
        from deals
        left join first_moves on deals.deal_id = first_moves.deal_id
    ),

    stays as (
        select deal_id, stage_id, changed_at
        from beginnings
        where changed_at is not null
        union all
        select deal_id, stage_id, changed_at
        from moves
    ),

    status_changes as (
        select deal_id, old_value, new_value, changed_at from changes where field_key = 'status'
    ),

    closings as (select * from status_changes where new_value in ('won', 'lost')),

    reopenings as (
        select * from status_changes where new_value = 'open' and old_value in ('won', 'lost')
    ),

    -- A deal that is opened again is back in the stage that it was closed in.
    stays_before_reopening as (
        select
            reopenings.deal_id,
            reopenings.changed_at,
            stays.stage_id,
            row_number() over (
                partition by reopenings.deal_id, reopenings.changed_at
                order by stays.changed_at desc, stays.stage_id desc
            ) as reverse_number
        from reopenings
        inner join
            stays
            on reopenings.deal_id = stays.deal_id
            and stays.changed_at <= reopenings.changed_at
    ),

    entries as (
        select deal_id, stage_id, changed_at
        from stays
        union all
        select deal_id, stage_id, changed_at
        from stays_before_reopening
        where reverse_number = 1
    ),

    named as (
        select
            entries.deal_id,
            coalesce(stages.stage_name, entries.stage_id) as crm_stage_name,
            entries.changed_at,
            1 as order_at_one_instant
        from entries
        left join stages on entries.stage_id = stages.stage_id
        union all
        select deal_id, new_value, changed_at, 2
        from closings
    )

select
    'pipedrive' as crm,
    -- At one instant a deal moves before it closes.
    deal_id
    || '/'
    || cast(order_at_one_instant as {{ dbt.type_string() }})
    || '/'
    || crm_stage_name as change_id,
    deal_id,
    crm_stage_name,
    changed_at
from named
