with
    visits as (select * from {{ ref("int_visits") }}),

    closed_deals as (select * from {{ ref("int_milestone_deals") }}),

    stages as (select * from {{ ref("int_milestone_stages") }}),

    settings as (select * from {{ ref("stg_standards__milestone_settings") }}),

    dated as (
        select
            visits.deal_key,
            stages.stage_number,
            visits.entered_at,
            visits.exited_at,
            -- What happens once a deal is decided is told of by the close as often as the other way
            -- round: the contract, the signature, the call in which the customer says no.
            least(
                case
                    when visits.ended_as in ('won', 'lost', 'nurtured', 'disqualified')
                    then {{ plus_days("visits.exited_at", "-settings.decided_before_close_days") }}
                    else visits.exited_at
                end,
                {{ plus_days("closed_deals.closed_at", "-settings.decided_before_close_days") }}
            ) as counts_until_at,
            visits.began_as in ('start', 'start_mid', 'advance', 'skip') as is_onward,
            {{ days_between("closed_deals.created_at", "visits.entered_at") }} as age_days,
            closed_deals.is_won,
            closed_deals.prospect_class,
            closed_deals.time_steps
        from visits
        inner join closed_deals on visits.deal_key = closed_deals.deal_key
        inner join stages on visits.funnel = stages.funnel and visits.stage = stages.stage
        cross join settings
        where
            visits.funnel = closed_deals.funnel
            and visits.entered_at is not null
            and visits.exited_at is not null
    ),

    -- Alike in how long a milestone could have come, not in how long the stay was: a lost deal has
    -- as many days less of it.
    counting as (
        select dated.*, {{ days_between("entered_at", "counts_until_at") }} as days
        from dated
        where counts_until_at > entered_at
    )

select
    deal_key,
    stage_number,
    entered_at,
    exited_at,
    counts_until_at,
    is_won,
    -- One number for all that deals are alike in: stage, whether they came to it on their way on
    -- or back, how long they stayed, how old they were when they came, and their prospects. The
    -- rate at which things happen differs most by stage and length of stay; age takes a step less.
    (
        (
            (stage_number * 2 + case when is_onward then 1 else 0 end) * 256
            + {{ time_class("days", "time_steps") }}
        )
        * 256
        + {{ time_class("coalesce(age_days, 0.0)", "greatest(time_steps - 1, 1)") }}
    )
    * 4
    + prospect_class as likeness
from counting
