"""A proposed funnel file taken as it is: the next night judges by it what happens from its first day on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from clones import Clone, put_extract

BUDGET = "direct_sales.qualification.budget_confirmed"
DEMO = "direct_sales.qualification.demo"
DEALS = "deal_id,deal_name,stage,owner_id,created_at,modified_at\n"
CHANGES = "change_id,deal_id,stage,changed_at\n"
ACTIVITIES = "activity_id,deal_id,activity_type,occurred_at,minutes,direction,status,customer_present\n"
EVIDENCE = "deal_id,evidence_key,observed_at,number,text,kind,source_id\n"
FIRST_NIGHT = {
    "deals.csv": DEALS
    + "1,One,资格确认,ann,2026-03-01T09:00:00+08:00,2026-03-05T09:00:00+08:00\n"
    + "2,Two,资格确认,bob,2026-03-01T09:00:00+08:00,2026-03-05T09:00:00+08:00\n",
    "stage_changes.csv": CHANGES
    + "a,1,初步接洽,2026-03-01T09:00:00+08:00\nb,1,资格确认,2026-03-05T09:00:00+08:00\n"
    + "c,2,初步接洽,2026-03-01T09:00:00+08:00\nd,2,资格确认,2026-03-05T09:00:00+08:00\n",
    "activities.csv": ACTIVITIES
    + "m1,1,访谈,2026-03-03T10:00:00+08:00,45,outbound,held,true\n"
    + "m2,2,演示,2026-03-03T10:00:00+08:00,45,outbound,held,true\n",
    "evidence.csv": EVIDENCE + "1,pain_points,2026-03-04T10:00:00+08:00,3,,recorded_event,p1\n",
}
# On the next day the first moves on without any of its proofs.
SECOND_NIGHT = {
    "deals.csv": DEALS + "1,One,需求分析,ann,2026-03-01T09:00:00+08:00,2026-03-07T15:00:00+08:00\n",
    "stage_changes.csv": CHANGES + "e,1,需求分析,2026-03-07T15:00:00+08:00\n",
    "activities.csv": ACTIVITIES,
    "evidence.csv": EVIDENCE,
    "manifest.json": json.dumps(
        {"extract": "delta", "files": {"activities.csv": {"rows": 0}, "evidence.csv": {"rows": 0}}}
    ),
}


def let_history_say_more(served: Path) -> None:
    """Two deals have no history to speak of; as if it had shown one gate to gain little and a demo to pay."""
    with duckdb.connect(str(served)) as connection:
        connection.execute("delete from stage_design_review")
        connection.execute(
            f"""
            insert into stage_design_review by name
            select
                'direct_sales' as funnel, 'gates' as question, 'gate_unsupported' as finding, '{BUDGET}' as subject,
                'qualification' as stage, '{BUDGET}' as criterion_id, true as is_proposed, 900 as deals,
                0.0 as win_rate_difference, -0.02 as win_rate_difference_low, 0.02 as win_rate_difference_high
            union all by name
            select
                'direct_sales' as funnel, 'milestones' as question, 'milestone_unasked' as finding,
                'activity:demo' as subject, 'qualification' as stage, 'activity:demo' as milestone,
                true as is_proposed, 90 as deals, 0.6 as win_rate_with, 0.4 as win_rate_without,
                1.5 as lift, 1.2 as lift_low, 1.8 as lift_high
            """
        )
        connection.execute("delete from milestone_candidates")
        connection.execute(
            """
            insert into milestone_candidates by name
            select
                'direct_sales' as funnel, 'activity:demo' as milestone, 'activity' as subject, 'demo' as subject_key,
                1.0 as by_customer_share, 0.8 as won_share, 0.4 as lost_share
            """
        )


@pytest.fixture(scope="module")
def company(clone: Callable[[str | None], Clone], tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """After a night by the shipped file, and one by the file that was proposed from it."""
    made = clone(None)
    put_extract(made, "2026-03-06", FIRST_NIGHT)
    made.night("2026-03-06")
    other, standards = tmp_path_factory.mktemp("proposing"), tmp_path_factory.mktemp("decided") / "standards"
    (other / "served").mkdir()
    shutil.copy(made.served, other / "served" / "stageproof.duckdb")
    let_history_say_more(other / "served" / "stageproof.duckdb")
    shutil.copytree(made.root / "quality" / "standards", standards)
    Clone(made.root, other).run("propose-funnel", "--out", str(standards / "funnels" / "direct_sales.yml"))
    put_extract(made, "2026-03-07", SECOND_NIGHT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGEPROOF_STANDARDS", str(standards))
        made.night("2026-03-07")
    return made


def test_a_move_on_the_first_day_of_the_proposal_is_asked_what_it_adds(company: Clone) -> None:
    """Deal 1 left the qualification on 7 March, the first day; deal 2 has been in it since the 5th."""
    found = company.query(f"select deal_key, outcome, severity from quality_findings where rule_id = '{DEMO}'")
    assert found.rows() == [("generic:1", "missing", "warn")]


def test_a_gate_that_was_proposed_to_warn_warns(company: Clone) -> None:
    found = company.query(f"select deal_key, outcome, severity from quality_findings where rule_id = '{BUDGET}'")
    assert found.rows() == [("generic:1", "missing", "warn")]
    blocking = company.query(
        "select distinct severity from quality_findings where rule_id = 'direct_sales.qualification.need_confirmed'"
    )
    assert blocking.rows() == [("block",)]


def test_what_was_passed_before_is_asked_what_was_asked_then(company: Clone) -> None:
    asked = "select rule_id, deal_key, severity from quality_findings where passed_at < '2026-03-06' order by all"
    before = company.served_night("2026-03-06", asked).rows()
    assert before
    assert company.query(asked).rows() == before


def test_a_deal_that_came_before_the_first_day_goes_on_being_asked_what_was_asked_then(company: Clone) -> None:
    asked = company.query("select criterion_id from deals_next_gate where deal_key = 'generic:2'")["criterion_id"]
    assert BUDGET in asked.to_list()
    assert DEMO not in asked.to_list()
