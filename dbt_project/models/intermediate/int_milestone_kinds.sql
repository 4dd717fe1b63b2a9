with
    milestones as (select * from {{ ref("int_milestones") }}),

    closed_deals as (select * from {{ ref("int_milestone_deals") }}),

    conditions as (select * from {{ ref("stg_standards__criterion_conditions") }}),

    condition_keys as (select * from {{ ref("stg_standards__condition_keys") }}),

    condition_terms as (select * from {{ ref("stg_standards__condition_terms") }}),

    criteria as (select * from {{ ref("int_gate_criteria") }}),

    company as (select * from {{ ref("stg_standards__company") }}),

    funnels as (
        select
            funnel, count(*) as closed_deals, sum(case when is_won then 1 else 0 end) as won_deals
        from closed_deals
        group by funnel
    ),

    -- What is dated after the close, the kick-off with a new customer, led to nothing.
    counted as (
        select
            milestones.funnel,
            milestones.milestone,
            milestones.subject,
            milestones.subject_key,
            milestones.contact_role,
            count(*) as with_deals,
            sum(case when closed_deals.is_won then 1 else 0 end) as won_with_deals,
            sum(
                case when closed_deals.is_won and milestones.is_by_customer then 1 else 0 end
            ) as won_by_customer_deals
        from milestones
        inner join closed_deals on milestones.deal_key = closed_deals.deal_key
        where milestones.first_at <= closed_deals.closed_at
        group by
            milestones.funnel,
            milestones.milestone,
            milestones.subject,
            milestones.subject_key,
            milestones.contact_role
    ),

    asked_of as (
        select distinct
            criteria.criterion_id,
            criteria.funnel,
            conditions.subject,
            condition_keys.subject_key,
            condition_terms.accepted_value as contact_role
        from criteria
        inner join conditions on criteria.criterion_id = conditions.criterion_id
        inner join condition_keys on conditions.condition_id = condition_keys.condition_id
        left join
            condition_terms
            on conditions.condition_id = condition_terms.condition_id
            and condition_terms.term = 'attended_by'
        where criteria.is_in_force
    ),

    -- A criterion about a kind of activity whoever attends asks for it with each role too; one
    -- about some roles asks for the activity as such.
    asked_pairs as (
        select distinct counted.funnel, counted.milestone, asked_of.criterion_id
        from counted
        inner join
            asked_of
            on counted.funnel = asked_of.funnel
            and counted.subject = asked_of.subject
            and counted.subject_key = asked_of.subject_key
        where
            counted.subject <> 'activity'
            or counted.contact_role is null
            or asked_of.contact_role is null
            or counted.contact_role = asked_of.contact_role
    ),

    asked as (
        select funnel, milestone, {{ joined_texts("criterion_id", ", ") }} as asked_by
        from asked_pairs
        group by funnel, milestone
    )

select
    -- Millions of rows are joined and grouped by it; names are slow to compare.
    cast(
        row_number() over (order by counted.funnel, counted.milestone) as integer
    ) as milestone_number,
    counted.funnel,
    counted.milestone,
    counted.subject,
    counted.subject_key,
    counted.contact_role,
    cast(funnels.closed_deals as bigint) as closed_deals,
    cast(funnels.won_deals as bigint) as won_deals,
    cast(counted.with_deals as bigint) as with_deals,
    cast(counted.won_with_deals as bigint) as won_with_deals,
    cast(counted.won_by_customer_deals as bigint) as won_by_customer_deals,
    asked.asked_by
from counted
inner join funnels on counted.funnel = funnels.funnel
cross join company
left join asked on counted.funnel = asked.funnel and counted.milestone = asked.milestone
-- Types of activity and roles are as many as a CRM has names; what few deals have is no milestone,
-- and a gate that asks for it is seen all the same.
where counted.with_deals >= company.minimum_n or asked.asked_by is not null
