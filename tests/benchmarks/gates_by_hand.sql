-- What an analyst would write by hand: every gate of the direct sales funnel and every standing rule in one pass, one row
-- per rule, deal and visit with outcome, status, date and what was found, no id left out. Criteria, rules, names and limits
-- are written out, for one funnel and one CRM. It reads the tables that the models read: where deals stand, what took
-- place, what was stated.
create or replace table findings as
with
    acts as (
        select deal_key, activity_type, occurred_at, minutes, contact_role
        from intermediate.int_activities
        where evidence_kind = 'customer_action'
    ),
    words as (
        select deal_key, evidence_key, observed_at, evidence_number as number, evidence_text as text, evidence_kind as kind
        from intermediate.int_evidence_records
    ),
    act_proofs as (
        select
            deal_key,
            min(occurred_at) filter (activity_type in ('demo', 'interview') and minutes >= 30) as discovery_at,
            min(occurred_at) filter (activity_type = 'demo' and contact_role = 'decision_maker') as decision_maker_at,
            max(occurred_at) as last_act_at
        from acts
        group by deal_key
    ),
    word_proofs as (
        select
            deal_key,
            min(observed_at) filter (
                evidence_key = 'pain_points' and kind in ('recorded_event', 'customer_action') and number >= 1
            ) as pain_at,
            min(observed_at) filter (evidence_key = 'budget' and is_yes) as budget_at,
            min(observed_at) filter (evidence_key = 'authority' and is_yes) as authority_at,
            min(observed_at) filter (evidence_key = 'need' and is_yes) as need_at,
            min(observed_at) filter (evidence_key = 'timeline' and is_yes) as timeline_at,
            min(observed_at) filter (evidence_key = 'requirements' and kind = 'document') as requirements_at,
            min(observed_at) filter (evidence_key = 'proposal_receipt' and kind = 'customer_action') as receipt_at,
            min(observed_at) filter (evidence_key = 'internal_review_date' and kind = 'customer_action') as review_at,
            min(observed_at) filter (evidence_key = 'decision_maker_comments' and kind = 'customer_action') as comments_at,
            max(observed_at) filter (kind = 'customer_action') as last_word_at
        from (
            select *, kind = 'customer_action' and lower(trim(text)) in ('yes', '是') as is_yes from words
        )
        group by deal_key
    ),
    proofs as (
        select * from act_proofs full outer join word_proofs using (deal_key)
    ),
    -- What was meant as proof and was not enough.
    contrary as (
        select deal_key, 'initial_contact.discovery_held' as criterion, occurred_at as at,
            activity_type || coalesce(': ' || cast(cast(minutes as bigint) as varchar) || ' min', '') as found
        from acts where activity_type in ('demo', 'interview') and not coalesce(minutes >= 30, false)
        union all
        select deal_key, 'negotiation.decision_maker_engaged', occurred_at,
            activity_type || coalesce(': ' || cast(cast(minutes as bigint) as varchar) || ' min', '')
            || coalesce(case when minutes is null then ': ' else ', ' end || contact_role, '')
        from acts where activity_type = 'demo' and not coalesce(contact_role = 'decision_maker', false)
        union all
        select deal_key, 'initial_contact.pain_points_recorded', observed_at,
            evidence_key || coalesce(': ' || cast(cast(number as bigint) as varchar), '')
            || coalesce(case when number is null then ': ' else ', ' end || text, '')
        from words
        where evidence_key = 'pain_points' and kind in ('recorded_event', 'customer_action')
            and not coalesce(number >= 1, false)
        union all
        select deal_key, 'qualification.' || evidence_key || '_confirmed', observed_at,
            evidence_key || coalesce(': ' || cast(cast(number as bigint) as varchar), '')
            || coalesce(case when number is null then ': ' else ', ' end || text, '')
        from words
        where evidence_key in ('budget', 'authority', 'need', 'timeline') and kind = 'customer_action'
            and not coalesce(lower(trim(text)) in ('yes', '是'), false)
    ),
    gates(criterion, gate, gate_rank, severity, grace_days) as (
        values
            ('initial_contact.discovery_held', 'exit', 1, 'block', 0),
            ('initial_contact.pain_points_recorded', 'exit', 1, 'block', 0),
            ('qualification.budget_confirmed', 'exit', 2, 'block', 0),
            ('qualification.authority_confirmed', 'exit', 2, 'block', 0),
            ('qualification.need_confirmed', 'exit', 2, 'block', 0),
            ('qualification.timeline_confirmed', 'exit', 2, 'warn', 0),
            ('needs_analysis.requirements_signed_off', 'exit', 3, 'warn', 0),
            ('proposal.receipt_in_writing', 'exit', 5, 'block', 1),
            ('proposal.internal_review_dated', 'exit', 5, 'block', 0),
            ('negotiation.decision_maker_engaged', 'entry', 6, 'block', 0)
    ),
    moves as (
        select
            deal_key, stage, entered_at, from_rank, outcome,
            case when outcome = 'won' then 1000000 else stage_rank end as to_rank,
            coalesce(lag(case when outcome is null then visit_id end) over deal, visit_id) as visit_id
        from intermediate.int_stage_runs
        window deal as (partition by deal_key order by run_number)
    ),
    asked as (
        select
            moves.deal_key, moves.visit_id, moves.entered_at as passed_at, moves.stage as claimed,
            gates.criterion, gates.severity,
            moves.entered_at + gates.grace_days * interval 1 day as due_at,
            case gates.criterion
                when 'initial_contact.discovery_held' then proofs.discovery_at
                when 'initial_contact.pain_points_recorded' then proofs.pain_at
                when 'qualification.budget_confirmed' then proofs.budget_at
                when 'qualification.authority_confirmed' then proofs.authority_at
                when 'qualification.need_confirmed' then proofs.need_at
                when 'qualification.timeline_confirmed' then proofs.timeline_at
                when 'needs_analysis.requirements_signed_off' then proofs.requirements_at
                when 'proposal.receipt_in_writing' then proofs.receipt_at
                when 'proposal.internal_review_dated' then proofs.review_at
                when 'negotiation.decision_maker_engaged'
                then case
                    when proofs.decision_maker_at > proofs.comments_at then proofs.decision_maker_at
                    when proofs.decision_maker_at is not null then proofs.comments_at
                end
            end as proved_at,
            proofs.decision_maker_at
        from moves
        join gates
            on moves.to_rank > moves.from_rank
            and case gates.gate
                when 'exit' then gates.gate_rank >= moves.from_rank and gates.gate_rank < moves.to_rank
                else gates.gate_rank > moves.from_rank and gates.gate_rank <= moves.to_rank
            end
        left join proofs using (deal_key)
    ),
    found as (
        select
            asked.criterion, asked.deal_key, asked.visit_id,
            arg_max(contrary.found, contrary.at) as observed
        from asked
        join contrary
            on asked.deal_key = contrary.deal_key
            and asked.criterion = contrary.criterion
            and contrary.at <= asked.due_at
        where not coalesce(asked.proved_at <= asked.due_at, false)
        group by asked.criterion, asked.deal_key, asked.visit_id
    ),
    gate_rows as (
        select
            'direct_sales.' || asked.criterion as rule_id, 'criterion' as rule_kind, asked.severity,
            asked.deal_key, asked.visit_id, asked.passed_at, asked.claimed,
            case
                when asked.proved_at <= asked.due_at then 'met'
                when asked.passed_at is null then 'not_evaluated'
                -- Every extract reaches to the end of the night.
                when asked.due_at > timezone('UTC', timestamptz '{as_of}') then 'not_evaluated'
                -- The comments alone can be missing: then the demo says nothing against it.
                when found.observed is null
                    or (asked.criterion = 'negotiation.decision_maker_engaged' and asked.decision_maker_at <= asked.due_at)
                then 'missing'
                else 'failed'
            end as outcome,
            coalesce(asked.proved_at > asked.due_at, false) as is_late,
            asked.proved_at as evidence_at,
            found.observed
        from asked
        left join found using (criterion, deal_key, visit_id)
    ),
    open_deals as (
        select
            deals.*, positions.current_visit_id, positions.furthest_rank, proofs.last_act_at, proofs.last_word_at
        from marts.deals_current as deals
        join intermediate.int_deal_positions as positions using (deal_key)
        left join proofs using (deal_key)
        where deals.is_open
    ),
    contacts as (
        select 'generic:' || deal_id as deal_key, count(distinct contact_id) as contacts,
            min('generic:' || contact_id) as first_contact,
            bool_or(lower(role) in (
                'economic_buyer', 'economic buyer', 'economic decision maker', '经济决策人', 'decision_maker',
                'decision maker', '决策人'
            )) as has_buyer
        from read_parquet('{lake}/contact_roles/*.parquet')
        where coalesce(added_at < timestamptz '{as_of}', true) and not coalesce(removed_at < timestamptz '{as_of}', false)
        group by all
    ),
    pushes as (
        select 'generic:' || deal_id as deal_key, count(*) as times
        from read_parquet('{lake}/field_changes/*.parquet')
        where field = 'expected_close_date' and changed_at < timestamptz '{as_of}'
            and try_cast(new_value as date) > try_cast(old_value as date)
        group by all
    ),
    skipped as (
        select deal_key, min(stage_rank) as stage_rank from intermediate.int_stage_reach
        where is_skipped and stage_rank in (1, 2, 5) group by all
    ),
    last_runs as (select * from intermediate.int_stage_runs where next_stage is null),
    caps(stage_rank, stage, cap_days) as (
        values (1, 'initial_contact', 21), (2, 'qualification', 30), (3, 'needs_analysis', 45),
            (4, 'solution_demo', 30), (5, 'proposal', 45), (6, 'negotiation', 40)
    ),
    rule_rows as (
        select 'rule.close_date_past' as rule_id, 'rule' as rule_kind, 'warn' as severity, deal_key, '' as visit_id,
            case
                when expected_close_date is null then 'not_evaluated'
                when expected_close_date + 3 < date '{business_date}' then 'failed' else 'met'
            end as outcome,
            cast(expected_close_date as varchar) as observed
        from open_deals
        union all
        select 'rule.amount_missing', 'rule', 'block', deal_key, '', case when amount is null then 'missing' else 'met' end, null
        from open_deals where furthest_rank >= 5
        union all
        select 'rule.next_step_missing', 'rule', 'warn', deal_key, '',
            case when nullif(trim(next_step), '') is null then 'missing' else 'met' end, null
        from open_deals
        union all
        select 'rule.closed_without_reason', 'close', 'warn', deal_key, '',
            case when nullif(trim(lost_reason), '') is null then 'missing' else 'met' end, null
        from marts.deals_current
        where not is_open and outcome <> 'won' and closed_at + interval 30 day >= timezone('UTC', timestamptz '{as_of}')
        union all
        select 'rule.mandatory_stage_skipped', 'rule', 'warn', open_deals.deal_key, '',
            case when skipped.deal_key is null then 'met' else 'failed' end, caps.stage
        from open_deals left join skipped using (deal_key) left join caps on skipped.stage_rank = caps.stage_rank
        union all
        select 'rule.dwell_over_cap', 'rule', 'warn', deal_key, current_visit_id,
            case when dwell_days is null then 'not_evaluated' when dwell_days > cap_days then 'failed' else 'met' end,
            cast(cast(floor(dwell_days) as integer) as varchar) || ' / ' || cast(cap_days as varchar)
        from open_deals join caps using (stage)
        union all
        select 'rule.moved_back', 'rule', 'warn', open_deals.deal_key, open_deals.current_visit_id,
            case when last_runs.move = 'regress' then 'failed' else 'met' end, caps.stage
        from open_deals join last_runs using (deal_key)
        left join caps on last_runs.from_rank = caps.stage_rank and last_runs.move = 'regress'
        union all
        select 'rule.history_disagrees', 'rule', 'warn', open_deals.deal_key, '',
            case when last_runs.entered_source = 'crm_history' then 'met' else 'failed' end, null
        from open_deals join last_runs using (deal_key)
        union all
        select 'rule.close_date_pushed', 'rule', 'warn', deal_key, '',
            case when times > 2 then 'failed' else 'met' end, cast(times as varchar)
        from open_deals left join pushes using (deal_key)
        union all
        select 'rule.customer_silent', 'rule', 'warn', deal_key, '',
            case
                when silent_days <= 14 then 'met'
                when greatest(last_act_at, last_word_at) is null then 'missing' else 'failed'
            end,
            cast(cast(floor(silent_days) as integer) as varchar)
        from (
            select
                *,
                epoch(
                    timezone('UTC', timestamptz '{as_of}') - coalesce(greatest(last_act_at, last_word_at), created_at)
                ) / 86400.0 as silent_days
            from open_deals
        )
        union all
        select 'rule.single_contact', 'rule', 'warn', deal_key, '',
            case when contacts is null then 'missing' when contacts = 1 then 'failed' else 'met' end,
            case when contacts = 1 then first_contact end
        from open_deals left join contacts using (deal_key) where furthest_rank >= 4
        union all
        select 'rule.commit_without_economic_buyer', 'rule', 'block', deal_key, '',
            case
                when lower(trim(forecast_category)) in ('commit', 'committed', '承诺') and not coalesce(has_buyer, false)
                then 'missing' else 'met'
            end,
            forecast_category
        from open_deals left join contacts using (deal_key)
    ),
    every_row as (
        select rule_id, rule_kind, severity, deal_key, visit_id, outcome, passed_at, claimed, observed, evidence_at, is_late
        from gate_rows
        union all
        select rule_id, rule_kind, severity, deal_key, visit_id, outcome, null, null, observed, null, false
        from rule_rows
    )
select
    every_row.rule_id, every_row.rule_kind, every_row.severity, deals.funnel, every_row.deal_key, every_row.visit_id,
    every_row.outcome,
    case when every_row.outcome in ('missing', 'failed') and every_row.is_late then 'late' else every_row.outcome end as status,
    every_row.passed_at, coalesce(every_row.claimed, deals.stage) as claimed, every_row.observed, every_row.evidence_at,
    every_row.is_late, deals.stage, deals.owner_key, deals.owner_name, deals.team, deals.amount_reporting, deals.is_open,
    deals.is_in_scope or every_row.rule_kind = 'close' as is_in_scope
from every_row
join marts.deals_current as deals using (deal_key);
