"""Nights of a company small enough to follow by hand: what each finds, keeps and leaves to the next."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from catalogue_told import told
from clones import Clone, put_extract

from orchestration.components.dbt_models import DBT
from orchestration.definitions import defs
from orchestration.warehouse import Warehouse

MakeClone = Callable[[str | None], Clone]

DEALS = """deal_id,deal_name,stage,amount,currency,owner_id,created_at,expected_close_date,next_step,modified_at
1,Proved,资格确认,1000.00,CNY,ann,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
2,Unproved <b>markup</b>,资格确认,2000.50,CNY,bob,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
3,New,初步接洽,,CNY,bob,2026-03-04T09:00:00+08:00,2026-05-31,call,2026-03-04T09:00:00+08:00
"""
CHANGES = """change_id,deal_id,stage,changed_at
a,1,初步接洽,2026-03-01T09:00:00+08:00
b,1,资格确认,2026-03-05T09:00:00+08:00
c,2,初步接洽,2026-03-01T09:00:00+08:00
d,2,资格确认,2026-03-05T09:00:00+08:00
e,3,初步接洽,2026-03-04T09:00:00+08:00
"""
ACTIVITIES = """activity_id,deal_id,activity_type,occurred_at,minutes,direction,status,customer_present
m1,1,访谈,2026-03-03T10:00:00+08:00,45,outbound,held,true
m2,2,演示,2026-03-03T10:00:00+08:00,20,outbound,held,true
"""
EVIDENCE = """deal_id,evidence_key,observed_at,number,text,kind,source_id
1,pain_points,2026-03-04T10:00:00+08:00,3,,recorded_event,p1
2,pain_points,2026-03-04T10:00:00+08:00,2,,recorded_event,p2
"""
FIRST_NIGHT = {"deals.csv": DEALS, "stage_changes.csv": CHANGES, "activities.csv": ACTIVITIES, "evidence.csv": EVIDENCE}
# On the second day the interview is held after all, and deal 1 moves on without any of its proofs.
SECOND_NIGHT = {
    "deals.csv": DEALS.splitlines()[0]
    + "\n1,Proved,需求分析,1000.00,CNY,ann,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-07T15:00:00+08:00\n",
    "stage_changes.csv": "change_id,deal_id,stage,changed_at\nf,1,需求分析,2026-03-07T15:00:00+08:00\n",
    "activities.csv": ACTIVITIES.splitlines()[0] + "\nm3,2,访谈,2026-03-07T10:00:00+08:00,60,outbound,held,true\n",
    # Nothing was stated that day, and the extract says so: without the file nobody could tell.
    "evidence.csv": EVIDENCE.splitlines()[0] + "\n",
    "manifest.json": json.dumps({"extract": "delta", "files": {"evidence.csv": {"rows": 0}}}),
}
DISCOVERY = "direct_sales.initial_contact.discovery_held"
SERVED = [
    "deals_current",
    "deal_stages",
    "deal_visits",
    "funnel_stage_conversion",
    "funnel_stage_dwell",
    "funnel_transitions",
    "funnel_stage_to_won",
    "funnel_velocity",
    "funnel_bottlenecks",
    "icp_fit",
    "icp_lift",
    "icp_weight_review",
    "icp_band_win_rates",
    "lead_conversion",
    "quality_findings",
    "deals_next_gate",
    "criterion_efficacy",
    "criterion_deals",
    "criterion_compliance",
    "deal_compliance",
    "stage_ambiguity",
    "stage_ambiguity_owners",
    "milestone_candidates",
    "milestone_deals",
    "milestone_stays",
    "stage_design_review",
    "close_reasons",
    "deal_follow_up",
    "deal_stage_factors",
    "conversion_causes",
    "conversion_cause_deals",
    "quality_violations",
    "quality_rule_nights",
    "quality_incidents",
    "quality_expectations",
    "quality_data_findings",
    "forecast_accuracy",
    "forecast_backtest",
    "forecast_calibration",
    "forecast_coverage",
    "forecast_deal",
    "forecast_deal_period",
    "forecast_movement",
    "forecast_quality",
    "forecast_reasons",
    "forecast_record",
    "forecast_period",
    "forecast_unplaced_targets",
    "deals_stalled",
    "deals_stalled_reasons",
    "deal_positions",
    "pipeline_movement",
    "pipeline_movement_deals",
    "nights",
]


def violations(company: Clone) -> dict[tuple[str, str], tuple[object, ...]]:
    rows = company.query(
        "select rule_id, deal_key, state, change, cast(first_seen as text), cast(last_seen as text), nights_open, "
        "observed from quality_violations"
    )
    return {(row[0], row[1]): row[2:] for row in rows.rows()}


@pytest.fixture(scope="module")
def company(clone: MakeClone) -> Clone:
    """A company after its first night."""
    made = clone(None)
    put_extract(made, "2026-03-06", FIRST_NIGHT)
    made.night("2026-03-06")
    return made


@pytest.fixture(scope="module")
def second(company: Clone) -> dict[str, object]:
    """The same company after its second night, with what stood before."""
    before = {"violations": violations(company), "files": company.files(), "served": company.served.read_bytes()}
    reader = duckdb.connect(str(company.served), read_only=True)
    before["held"] = reader.execute("select max(business_date) from nights").fetchone()
    put_extract(company, "2026-03-07", SECOND_NIGHT)
    company.night("2026-03-07")
    before["still"] = reader.execute(
        "select max(business_date), (select count(*) from deals_current) from nights"
    ).fetchone()
    reader.close()
    return before


def test_the_first_night_tells_a_demo_that_was_too_short_from_one_that_was_never_held(company: Clone) -> None:
    outcomes = company.query(
        f"select deal_id, q.outcome, q.observed from quality_findings as q join deals_current using (deal_key) "
        f"where rule_id = '{DISCOVERY}' order by deal_id"
    )
    assert outcomes.rows()[:2] == [("1", "met", None), ("2", "failed", "demo: 20 min")]


def test_what_the_first_night_finds_is_a_backlog(second: dict[str, object]) -> None:
    first = second["violations"]
    assert isinstance(first, dict)
    assert first[(DISCOVERY, "generic:2")] == ("open", "backlog", "2026-03-06", "2026-03-06", 1, "demo: 20 min")


def test_evidence_that_comes_after_the_gate_closes_the_violation_as_late(
    second: dict[str, object], company: Clone
) -> None:
    state = violations(company)[(DISCOVERY, "generic:2")]
    assert state[:4] == ("closed", "evidence_arrived", "2026-03-06", "2026-03-06")
    late = company.query(
        f"select is_late, outcome from quality_findings where rule_id = '{DISCOVERY}' and deal_key = 'generic:2'"
    )
    assert late.rows() == [(True, "failed")]


def test_a_move_without_proof_is_new_on_the_night_it_is_made(second: dict[str, object], company: Clone) -> None:
    new = {key: state for key, state in violations(company).items() if state[1] == "new"}
    qualification = {
        f"direct_sales.qualification.{name}_confirmed" for name in ("budget", "authority", "need", "timeline")
    }
    assert {rule for rule, deal in new if deal == "generic:1"} == qualification
    assert {state[2] for state in new.values()} == {"2026-03-07"}


def test_views_of_the_same_code_are_put_in_place_once(second: dict[str, object], company: Clone) -> None:
    run = json.loads((company.home / "warehouse" / "dbt" / "run_results.json").read_text(encoding="utf-8"))
    built = {result["unique_id"].removeprefix("model.stageproof.") for result in run["results"]}
    manifest = json.loads((company.root / "dbt_project" / "target" / "manifest.json").read_text(encoding="utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert built.isdisjoint(node["name"] for node in models if node["config"]["materialized"] == "view")
    assert built.issuperset(node["name"] for node in models if node["config"]["materialized"] == "table")
    # What is tested of a view is tested each night all the same.
    tests = {key for key, node in manifest["nodes"].items() if node["resource_type"] == "test"}
    assert {result["unique_id"] for result in run["results"] if result["unique_id"].startswith("test.")} == tests


def test_a_run_of_dbt_by_hand_makes_the_next_night_put_its_views_in_place_again(
    second: dict[str, object], company: Clone, tmp_path: Path
) -> None:
    shutil.copytree(company.home / "warehouse", tmp_path / "warehouse")
    warehouse = Warehouse(tmp_path / "warehouse" / "stageproof.duckdb")
    assert warehouse.find("night.standing_views") is not None
    subprocess.run(
        [str(DBT), "--quiet", "run", "--select", "stg_night__clock", "--target-path", str(tmp_path / "target")],
        cwd=company.root / "dbt_project",
        env=os.environ | {"STAGEPROOF_HOME": str(tmp_path)},
        check=True,
    )
    assert warehouse.find("night.standing_views") is None


def test_a_reader_that_holds_the_old_night_open_keeps_it(second: dict[str, object], company: Clone) -> None:
    held, still = second["held"], second["still"]
    assert isinstance(held, tuple)
    assert isinstance(still, tuple)
    assert held[0] == still[0]
    assert still[1] == 3
    assert str(company.query("select max(business_date) from nights").item()) == "2026-03-07"


def test_the_same_night_again_says_so_and_touches_no_file(second: dict[str, object], company: Clone) -> None:
    before = company.files()
    said = company.night("2026-03-07")
    assert "Nothing changed" in said
    assert company.files() == before


def test_a_past_night_is_run_again_as_it_was_known_and_readers_keep_the_latest(
    second: dict[str, object], company: Clone
) -> None:
    first_file = company.home / "served" / "nights" / "2026-03-06.duckdb"
    with duckdb.connect(str(first_file), read_only=True) as connection:
        before = {
            table: connection.execute(f"select * from {table}").fetchall() for table in SERVED if table != "nights"
        }
    record = company.home / "lake" / "nights" / "2026-03-06" / "night.json"
    hashes = json.loads(record.read_text(encoding="utf-8"))["table_hashes"]
    archived = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in record.parent.glob("*.parquet")}
    record.unlink()
    first_file.unlink()

    said = company.night("2026-03-06")

    assert "readers keep the latest" in said
    assert str(company.query("select max(business_date) from nights").item()) == "2026-03-07"
    with duckdb.connect(str(first_file), read_only=True) as connection:
        after = {
            table: connection.execute(f"select * from {table}").fetchall() for table in SERVED if table != "nights"
        }
    assert after == before
    assert json.loads(record.read_text(encoding="utf-8"))["table_hashes"] == hashes
    assert {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in record.parent.glob("*.parquet")
    } == archived


def test_every_served_table_is_there_and_nothing_raw(second: dict[str, object], company: Clone) -> None:
    tables = company.query("select table_schema, table_name from information_schema.tables order by 2")
    assert tables.rows() == [("main", name) for name in sorted(SERVED)]


def test_each_deal_names_the_file_and_record_that_told_of_it(second: dict[str, object], company: Clone) -> None:
    sources = company.query("select deal_id, source_file, source_record from deals_current order by deal_id")
    assert sources.rows() == [
        ("1", "generic/2026-03-07/deals.csv", 1),
        ("2", "generic/2026-03-06/deals.csv", 2),
        ("3", "generic/2026-03-06/deals.csv", 3),
    ]


def test_the_second_night_says_what_moved_since_the_first(second: dict[str, object], company: Clone) -> None:
    moved = company.query(
        "select deal_key, bucket, cast(opening_night as text) from pipeline_movement_deals order by 1"
    )
    # No deal was ever won here, so no deal is expected to bring anything and no model moves one.
    assert moved.rows() == [
        ("generic:1", "probability", "2026-03-06"),
        ("generic:2", "unchanged", "2026-03-06"),
        ("generic:3", "unchanged", "2026-03-06"),
    ]
    exact = company.query("select sum(opening_amount + change_amount - closing_amount) from pipeline_movement")
    assert exact.item() == 0
    positions = company.query(
        """select cast(valid_from as text), cast(valid_to as text), stage from deal_positions
           where deal_key = 'generic:1' order by 1"""
    )
    assert positions.rows() == [
        ("2026-03-06", "2026-03-07", "qualification"),
        ("2026-03-07", None, "needs_analysis"),
    ]


def test_any_two_nights_can_be_compared(second: dict[str, object], company: Clone) -> None:
    said = company.run("movement", "--from", "2026-03-06", "--to", "2026-03-07")
    lines = {(line.split()[0], line.split()[1]): line.split()[2:6] for line in said.splitlines()[1:]}
    assert lines["all", "probability"] == ["1", "1,000.00", "0.00", "1,000.00"]
    assert lines["all", "unchanged"] == ["2", "2,000.50", "0.00", "2,000.50"]
    refused = company.run("movement", "--from", "2026-03-05", "--to", "2026-03-07", expect=2)
    assert "No night of 2026-03-05 is published" in refused


def test_an_amount_that_is_missing_is_a_named_exclusion(second: dict[str, object], company: Clone) -> None:
    amounts = company.query(
        "select deal_id, amount_reporting, amount_exclusion from deals_current order by deal_id"
    ).rows()
    assert [row[2] for row in amounts] == [None, None, "missing_amount"]
    assert [row[1] for row in amounts][2] is None


def test_the_review_page_shows_markup_in_a_name_as_text(second: dict[str, object], company: Clone) -> None:
    page = (company.home / "reports" / "2026-03-06" / "review.html").read_text(encoding="utf-8")
    assert r"Unproved \u003cb\u003emarkup\u003c/b\u003e" in page
    assert "<b>markup</b>" not in page


def test_one_entry_in_a_funnel_file_is_a_new_criterion(clone: MakeClone) -> None:
    company = clone(None)
    funnel = company.root / "quality" / "standards" / "funnels" / "direct_sales.yml"
    entry = """        exit:
          - criterion: amount_entered
            kind: field
            severity: warn
            wording: {en: An amount of at least 1500 is entered., zh: 已填写不低于1500的金额。}
            advice: {en: Enter the amount., zh: 填写金额。}
            needs: {all: [{field: amount, at_least: 1500}]}
"""
    text = funnel.read_text(encoding="utf-8")
    funnel.write_text(text.replace("        exit:\n", entry, 1), encoding="utf-8")
    put_extract(company, "2026-03-06", FIRST_NIGHT)
    company.night("2026-03-06")
    rule = "direct_sales.initial_contact.amount_entered"
    found = company.query(
        f"select deal_id, status, observed from quality_findings join deals_current using (deal_key) "
        f"where rule_id = '{rule}' order by 1"
    )
    assert found.rows() == [("1", "failed", "amount: 1000.00"), ("2", "met", None)]
    opened = company.query(f"select deal_key, change from quality_violations where rule_id = '{rule}'")
    assert opened.rows() == [("generic:1", "backlog")]
    ahead = company.query(
        f"select deal_id, deals_next_gate.outcome from deals_next_gate join deals_current using (deal_key) "
        f"where criterion_id = '{rule}'"
    )
    assert ahead.rows() == [("3", "missing")]
    page = (company.home / "reports" / "2026-03-06" / "review.html").read_text(encoding="utf-8")
    assert "An amount of at least 1500 is entered." in page


# Documents and steps: they have no columns, and no rows of their own.
NO_TABLES = {"alerts", "audit", "data_dictionary", "forecast_page", "insights_page", "review_page"}
ALL_TABLES = {"publication", "served_database", "served_parquet", "served_postgres"}


def test_dagster_shows_columns_rows_and_duration_of_every_asset_and_counts_of_every_check(
    second: dict[str, object], company: Clone
) -> None:
    graph = defs().resolve_asset_graph()
    nodes = {key.to_user_string(): graph.get(key) for key in graph.materializable_asset_keys}
    # Counting these would work out their whole query once more.
    views = {
        name
        for name, node in nodes.items()
        if node.metadata.get("dagster-dbt/materialization_type") == "view" and node.group_name != "transform_staging"
    }
    assert len(views) < len(nodes) / 5
    assets, checks = told(company.home, set(nodes))
    for name, metadata in assets.items():
        assert metadata["duration_seconds"] >= 0, name
        assert ("dagster/row_count" in metadata) == (name not in NO_TABLES | views), name
        if name not in NO_TABLES | ALL_TABLES:
            assert metadata["dagster/column_schema"].columns, name
    assert assets["deals_current"]["dagster/row_count"] == company.query("select count(*) from deals_current").item()

    assert set(checks) == {f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys}
    for name, found in checks.items():
        assert found["description"], name
        assert isinstance(found["failing"], int), name
    rules = {name: found for name, found in checks.items() if name.startswith("quality_violations: ")}
    failing = [found for found in rules.values() if found["failing"]]
    assert failing, "there must be something to show"
    for found in failing:
        assert len(found["deals"].split(", ")) == found["failing"]
