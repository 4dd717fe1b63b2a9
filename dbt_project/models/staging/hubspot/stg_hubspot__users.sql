with
    owners as (select * from {{ source("raw_hubspot", "owner") }}),

    teams as (select * from {{ source("raw_hubspot", "team") }}),

    members as (select * from {{ source("raw_hubspot", "team_user") }}),

    -- A user has one main team; where an export tells no main one, the first by name.
    main_teams as (
        select members.user_id, min(teams.team_name) as team
        from members
        inner join teams on members.team_id = teams.team_id
        where not coalesce(members.is_secondary_user, false)
        group by members.user_id
    )

select
    'hubspot' as crm,
    owners.owner_id as user_id,
    nullif(
        trim(coalesce(owners.first_name, '') || ' ' || coalesce(owners.last_name, '')), ''
    ) as user_name,
    coalesce(main_teams.team, owners.team) as team
from owners
left join main_teams on owners.user_id = main_teams.user_id
