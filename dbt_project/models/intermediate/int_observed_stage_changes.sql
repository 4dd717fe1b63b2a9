with
    observations as (select * from {{ ref("int_deal_observations") }}),

    deals as (select * from {{ ref("int_known_deals") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    present as (select * from observations where is_present),

    compared as (
        select
            present.*,
            lag(crm_stage_name) over (
                partition by deal_key order by observed_at
            ) as stage_name_before
        from present
    ),

    -- An extract tells of other changes too; a run begins where the stage is another.
    runs as (
        select
            compared.*,
            row_number() over (partition by deal_key order by observed_at) as run_number,
            count(*) over (partition by deal_key) as runs,
            row_number() over (partition by deal_key order by observed_at desc) as reverse_number
        from compared
        where stage_name_before is null or crm_stage_name <> stage_name_before
    ),

    -- A deal that stood in one stage in every extract tells no history beyond its own fields.
    moved as (select * from runs where runs > 1),

    with_deal as (
        select
            moved.deal_key,
            moved.crm_stage_name,
            moved.stage_entered_at,
            moved.modified_at,
            moved.observed_at,
            moved.previous_observed_at,
            moved.run_number,
            moved.reverse_number,
            deals.is_open,
            deals.created_at,
            deals.closed_at,
            {{ day_starts_at("moved.observed_at", "company.time_zone") }} as observed_day_at
        from moved
        inner join deals on moved.deal_key = deals.deal_key
        cross join company
    ),

    -- What dates the run best: the closing for the last run of a closed deal, the CRM's own field,
    -- its last change where that lies between the two extracts, the day of the later extract. The
    -- first run began before anybody looked.
    told as (
        select
            deal_key,
            crm_stage_name,
            observed_at,
            case
                when run_number = 1
                then
                    case
                        when stage_entered_at is not null
                        then 'crm_stage_entered_at'
                        else 'crm_created_at'
                    end
                when
                    reverse_number = 1
                    and not is_open
                    and closed_at > previous_observed_at
                    and closed_at <= observed_at
                then 'crm_closed_at'
                when stage_entered_at > previous_observed_at and stage_entered_at <= observed_at
                then 'crm_stage_entered_at'
                when modified_at > previous_observed_at and modified_at <= observed_at
                then 'nightly_difference_modified_at'
                else 'nightly_difference'
            end as change_source,
            stage_entered_at,
            created_at,
            closed_at,
            modified_at,
            case
                when observed_day_at > previous_observed_at
                then observed_day_at
                else previous_observed_at
            end as day_at
        from with_deal
    )

select
    deal_key,
    crm_stage_name,
    observed_at,
    case
        change_source
        when 'crm_created_at'
        then created_at
        when 'crm_closed_at'
        then closed_at
        when 'crm_stage_entered_at'
        then stage_entered_at
        when 'nightly_difference_modified_at'
        then modified_at
        else day_at
    end as changed_at,
    case
        when change_source = 'nightly_difference_modified_at'
        then 'nightly_difference'
        else change_source
    end as change_source,
    case
        when change_source in ('crm_closed_at', 'crm_stage_entered_at')
        then 'exact'
        when change_source = 'crm_created_at'
        then 'inferred'
        else 'by_day'
    end as precision
from told
