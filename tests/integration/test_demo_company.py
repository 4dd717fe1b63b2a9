"""Two nights of the demo company: against a slow reference, and against what really was in its world."""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import duckdb
import polars as pl
import psycopg
import pytest
import yaml
from clones import Clone
from opened_pages import OpenPage
from postgres_server import postgres
from recipes import QUESTIONS
from reference import conversion, icp_band, median_dwell, read_deals, rows
from served_contract import as_text, served_contract

from orchestration.publishing import catalogue
from orchestration.publishing.catalogue import meaning
from orchestration.publishing.dictionary import dictionary_page
from orchestration.publishing.wording import money
from orchestration.serving import PUBLISHED

FIRST, SECOND = "2026-06-29", "2026-06-30"
AS_OF = datetime(2026, 6, 30, 16, tzinfo=UTC)
# The demo writes in the company's zone; instants are served in UTC.
TOLERANCE_DAYS = 1e-6


SERVING = """keep_nights: 35
postgres: {url_variable: TEST_DEMO_POSTGRES, schema: stageproof, reader_role: stageproof_reader}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="module")
def demo(clone: Callable[[str | None], Clone], server: str) -> Iterator[Clone]:
    company = clone(None)
    (company.root / "quality" / "standards" / "serving.yml").write_text(SERVING, encoding="utf-8")
    company.run("demo", "--deals", "700", "--until", SECOND, "--nights", "2")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TEST_DEMO_POSTGRES", server)
        # As a scheduler starts it; the nights of other tests are forked.
        company.run("night", "--date", FIRST, is_started_anew=True)
        said = company.night(SECOND)
        (company.home / "said.txt").write_text(said, encoding="utf-8")
        yield company


def folders(demo: Clone) -> list[Path]:
    return sorted((demo.inbox / "generic").iterdir())


def test_the_night_ends_with_what_a_person_needs_to_know(demo: Clone) -> None:
    said = (demo.home / "said.txt").read_text(encoding="utf-8")
    for label in ("Rows in", "Rows quarantined", "Deals", "Initial contact", "Negotiation", "Violations open", "block"):
        assert label in said
    assert "Forecast FY2026-Q2, timed" in said
    for label in ("eight times in ten from", "won so far", "deals to come"):
        assert f"  {label}" in said
    assert f"Served database  {demo.served}" in said
    assert f"Review page      {demo.home}/reports/{SECOND}/review.html" in said
    assert f"Forecast page    {demo.home}/reports/{SECOND}/forecast.html" in said
    assert f"Insights page    {demo.home}/reports/{SECOND}/insights.html" in said
    assert f"Dictionary       {demo.home}/reports/dictionary.html" in said


def test_the_contract_tells_what_is_served(demo: Clone) -> None:
    """Changed on purpose? UPDATE_SNAPSHOTS=1 writes the contract anew; review the diff."""
    told = as_text(served_contract(demo.served))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        catalogue.CONTRACT.write_text(told, encoding="utf-8")
    assert catalogue.CONTRACT.read_text(encoding="utf-8") == told


def test_every_served_table_says_of_which_night_it_is_in_every_place(demo: Clone) -> None:
    published = demo.query("select left(max_by(fingerprint, business_date), 12) from nights").item()
    folder = (demo.home / "served" / "parquet" / "current").resolve()
    assert folder.name == f"{SECOND}-{published}"
    for name, table in PUBLISHED.items():
        in_file = demo.query(f"select * from {name}")
        assert in_file["night_id"].unique().to_list() in ([published], []), name
        in_parquet = pl.read_parquet(folder / f"{name}.parquet")
        assert in_parquet.columns == in_file.columns
        order = [pl.col(column) for column in table.order_by]
        assert in_parquet.select(order).to_dicts() == in_file.select(order).to_dicts(), name
    assert {file.stem for file in folder.iterdir()} == set(PUBLISHED)


def test_postgres_holds_every_row_of_every_served_table_with_its_comments(demo: Clone, server: str) -> None:
    kinds = {"DOUBLE": "double precision", "VARCHAR": "text", "TIMESTAMP": "timestamp without time zone"}
    with duckdb.connect(str(demo.served), read_only=True) as file, psycopg.connect(server) as there:
        there.execute("set role stageproof_reader")
        for name in PUBLISHED:
            told = file.execute(f"describe {name}").fetchall()
            columns = ", ".join(f'"{column}"' for column, *_ in told)
            held = there.execute(
                "select attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) from pg_attribute"
                f" where attrelid = 'stageproof.{name}'::regclass and attnum > 0 and not attisdropped"
            ).fetchall()
            said = dict(
                file.execute(
                    f"select column_name, comment from duckdb_columns() where table_name = '{name}'"
                ).fetchall()
            )
            assert {column: comment for column, _, comment in held} == said, name
            types = {column: kind.replace("numeric", "decimal") for column, kind, _ in held}
            assert types == {column: kinds.get(kind, kind.lower()) for column, kind, *_ in told}, name
            here, rows_there = (
                sorted(each.execute(f"select {columns} from {place}{name}").fetchall(), key=repr)
                for each, place in ((file, ""), (there, "stageproof."))
            )
            assert here == rows_there, name


def test_the_ten_questions_have_the_same_answers_in_duckdb_and_postgresql(demo: Clone, server: str) -> None:
    with duckdb.connect(str(demo.served), read_only=True) as file, psycopg.connect(server) as there:
        there.execute("set search_path = stageproof")
        for question in QUESTIONS:
            here, rows_there = (sorted(each.execute(question).fetchall(), key=repr) for each in (file, there))
            assert here == rows_there, question


def test_the_served_file_is_in_the_storage_format_that_every_duckdb_since_1_0_reads(demo: Clone) -> None:
    header = demo.served.read_bytes()[8:20]
    assert (header[:4], int.from_bytes(header[4:], "little")) == (b"DUCK", 64)


def test_tables_and_columns_say_what_they_mean_to_whoever_opens_the_file(demo: Clone) -> None:
    said = demo.query("select table_name, comment from duckdb_tables()").rows()
    assert all(comment and comment.startswith("One row per ") for _, comment in said)
    without = demo.query("select table_name, column_name from duckdb_columns() where not internal and comment is null")
    assert without.rows() == []


def test_the_dictionary_of_all_nights_stands_above_their_pages(demo: Clone) -> None:
    written = (demo.home / "reports" / "dictionary.html").read_text(encoding="utf-8")
    assert written == dictionary_page(map(meaning, PUBLISHED.values()), "en")


def test_a_holds_all_column_is_one_that_holds_all(demo: Clone) -> None:
    for name, table in PUBLISHED.items():
        kinds = dict(demo.query(f"select * from {name} limit 0").schema)
        words = [column for column in table.order_by if kinds[column] == pl.String]
        filtered = meaning(table).filter_one
        for column in words:
            holds_all = demo.query(f"select count(*) from {name} where {column} = 'all'").item() > 0
            if holds_all and not column.endswith("_value"):
                assert column in filtered, f"{name}.{column}"


@pytest.mark.browser
def test_the_review_page_opens_from_disk_and_shows_what_the_served_tables_hold(
    demo: Clone, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_page(demo.home / "reports" / SECOND / "review.html", "#review?view=open")
    counts = demo.query("select count(*), count(distinct deal_key) from quality_violations where state = 'open'").row(0)
    amount = demo.query(
        """select sum(amount) from (select any_value(amount_at_risk) as amount from quality_violations
           where state = 'open' group by deal_key)"""
    ).item()
    assert opened.tally() == f"{counts[0]} rows on {counts[1]} deals, {money(amount)} CNY"
    exported = pl.read_csv(opened.download("violations", "Export as CSV", tmp_path))
    assert set(exported["Violation"]) == set(
        demo.query("select violation_id from quality_violations where state = 'open'")["violation_id"]
    )
    opened.page.locator("#tab-stalled").click()
    stalled = demo.query("select count(*) from deals_stalled").item()
    assert opened.tally("stalled").startswith(f"{stalled} rows")
    for tab in ("quarantine", "data", "funnel", "rules", "review"):
        opened.page.locator(f"#tab-{tab}").click()
        assert opened.page.locator(f"#panel-{tab}").is_visible()


def test_the_rows_of_both_nights_are_those_of_the_manifests(demo: Clone) -> None:
    promised = [
        sum(
            file["rows"]
            for file in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"].values()
        )
        for folder in folders(demo)
    ]
    assert demo.query("select rows_in from nights order by business_date")["rows_in"].to_list() == promised
    assert demo.query("select sum(rows_in - rows_loaded - rows_quarantined) from nights").item() == 0


def test_conversion_agrees_with_the_slow_reference_in_every_cell(demo: Clone) -> None:
    expected = conversion(read_deals(folders(demo)).values())
    served = demo.query(
        """select stage, reached, visited, advanced, lost, still_open from funnel_stage_conversion
           where segment = 'all' and cohort_kind = 'all'"""
    )
    assert {row["stage"]: {key: row[key] for key in row if key != "stage"} for row in served.to_dicts()} == expected


def test_the_cohorts_of_months_and_of_quarters_add_up_to_the_cohort_of_all(demo: Clone) -> None:
    sums = demo.query(
        """select segment, segment_value, stage, sum(reached) filter (cohort_kind = 'all') as whole,
                  sum(reached) filter (cohort_kind in ('month', 'unknown')) as months,
                  sum(reached) filter (cohort_kind in ('quarter', 'unknown')) as quarters
           from funnel_stage_conversion group by 1, 2, 3"""
    )
    assert sums.filter((pl.col("whole") != pl.col("months")) | (pl.col("whole") != pl.col("quarters"))).is_empty()
    assert sums["segment"].n_unique() == 8


def test_median_dwell_agrees_with_the_slow_kaplan_meier(demo: Clone) -> None:
    expected = median_dwell(read_deals(folders(demo)).values(), AS_OF)
    served = demo.query("select stage, dwell_p50_days from funnel_stage_dwell where segment = 'all'")
    for stage, days in served.rows():
        assert days == pytest.approx(expected[stage], abs=TOLERANCE_DAYS), stage
    assert len(expected) == served.height


def test_each_gate_is_judged_as_it_was_in_the_world(demo: Clone) -> None:
    """The world knows of each passage whether the proof was there in time; the pipeline sees only its traces."""
    truth = pl.read_parquet(demo.home / "demo_truth" / "gates.parquet").filter(pl.col("passed_at") <= AS_OF)
    known = set(demo.query("select deal_id from deals_current")["deal_id"])
    expected = Counter(
        (row["deal_id"], row["criterion_id"], row["is_met"])
        for row in truth.iter_rows(named=True)
        if row["deal_id"] in known
    )
    findings = demo.query(
        """select d.deal_id, f.rule_id, f.outcome = 'met' from quality_findings as f
           join deals_current as d using (deal_key) where f.rule_kind = 'criterion'"""
    )
    assert Counter(findings.rows()) == expected
    assert {is_met for _, _, is_met in expected} == {True, False}


def test_the_sides_of_each_criterion_are_those_of_the_world(demo: Clone) -> None:
    """By first passage, with the win rate of each side; deals that passed the gate by being won stand in neither."""
    truth = pl.read_parquet(demo.home / "demo_truth" / "gates.parquet").filter(pl.col("passed_at") <= AS_OF)
    outcome = dict(demo.query("select deal_id, outcome from deals_current").rows())
    won_at = set(
        demo.query(
            """select deal_id, exited_at from deal_visits join deals_current using (deal_key) where ended_as = 'won'"""
        ).rows()
    )
    first: dict[tuple[str, str], tuple[datetime, bool]] = {}
    for row in truth.sort("passed_at").iter_rows(named=True):
        if row["deal_id"] in outcome:
            passed_at = row["passed_at"].replace(tzinfo=None)
            first.setdefault((row["criterion_id"], row["deal_id"]), (passed_at, row["is_met"]))
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    for (criterion_id, deal_id), (passed_at, is_met) in first.items():
        counts, side = expected[criterion_id], "met" if is_met else "not_met"
        counts["deals"] += 1
        if (deal_id, passed_at) in won_at:
            counts["passed_by_winning_deals"] += 1
            continue
        counts[f"{side}_deals"] += 1
        counts[f"{side}_open_deals"] += outcome[deal_id] is None
        counts[f"{side}_won_deals"] += outcome[deal_id] == "won"
    columns = ["deals", "passed_by_winning_deals"]
    columns += [f"{side}_{name}" for side in ("met", "not_met") for name in ("deals", "open_deals", "won_deals")]
    served = demo.query(f"select criterion_id, {', '.join(columns)} from criterion_efficacy where segment = 'all'")
    assert {key: dict(zip(columns, counts, strict=True)) for key, *counts in served.rows()} == {
        key: {column: counts[column] for column in columns} for key, counts in expected.items()
    }
    assert sum(counts["passed_by_winning_deals"] for counts in expected.values()) > 0


def test_compliance_of_deals_stages_teams_and_owners_tells_the_same_criteria(demo: Clone) -> None:
    asked = demo.query("select count(*) from quality_findings where rule_kind = 'criterion'").item()
    sums = demo.query(
        """select scope, stage = 'all', severity = 'all', sum(asked) from criterion_compliance
           where funnel <> 'all' group by 1, 2, 3 order by 1, 2, 3"""
    ).rows()
    assert len(sums) == 13
    assert {total for *_, total in sums} == {asked}
    assert demo.query("select sum(block_asked + warn_asked), sum(asked) from deal_compliance").row(0) == (asked, asked)
    states = demo.query("select criteria_state, count(*), sum(amount_reporting) from deal_compliance group by 1")
    whole = demo.query("select count(*), sum(amount_reporting) from deals_current").row(0)
    assert set(states["criteria_state"]) == {"violated", "met", "none_asked"}
    assert tuple(sum(row[place] for row in states.rows()) for place in (1, 2)) == whole
    open_findings = """select distinct deal_key from quality_findings
        where rule_kind = 'criterion' and outcome in ('missing', 'failed') and not is_late"""
    violated = "select deal_key from deal_compliance where criteria_state = 'violated'"
    assert set(demo.query(violated)["deal_key"]) == set(demo.query(open_findings)["deal_key"])


def test_the_fit_of_each_deal_agrees_with_the_slow_reference(demo: Clone) -> None:
    profile = yaml.safe_load((demo.root / "quality" / "standards" / "icp.yml").read_text(encoding="utf-8"))
    accounts, of_deal = {}, {}
    for folder in folders(demo):
        accounts |= {row["account_id"]: row for row in rows(folder / "accounts.csv")}
        of_deal |= {row["deal_id"]: row["account_id"] for row in rows(folder / "deals.csv")}
    served = dict(
        demo.query("select deal_id, icp_fit.icp_band from icp_fit join deals_current using (deal_key)").rows()
    )
    assert served == {deal: icp_band(accounts.get(of_deal[deal]), profile) for deal in served}
    assert set(served.values()) == {"A", "B", "C", "D", "unknown"}


def test_history_tells_of_each_attribute_all_closed_deals_and_bears_out_what_is_true(demo: Clone) -> None:
    """In the demo's world a customer in an industry of the profile is more likely to buy."""
    closed = demo.query("select count(*) from deals_current where not is_open").item()
    sums = demo.query("select attribute, sum(closed_deals) as n from icp_lift where funnel = 'all' group by 1")
    assert {"industry", "employees", "annual_revenue", "region", "country", "lead_source"} == set(sums["attribute"])
    assert set(sums["n"]) == {closed}
    industry = demo.query(
        "select log_odds_low, verdict from icp_weight_review where funnel = 'all' and attribute = 'industry'"
    ).row(0, named=True)
    assert industry["log_odds_low"] > 0
    assert industry["verdict"] in {"supported", "too_low", "too_high"}
    assert demo.query("select count(*) from icp_band_win_rates where band_order = 'out_of_order'").item() == 0
    assert demo.query("select sum(closed_deals) from icp_band_win_rates where funnel = 'all'").item() == closed


def test_each_lead_of_the_extracts_is_counted_once_in_each_cut(demo: Clone) -> None:
    leads = {row["lead_id"]: row for folder in folders(demo) for row in rows(folder / "leads.csv")}
    converted = sum(bool(row["converted_at"]) for row in leads.values())
    counts = demo.query(
        """select lead_source = 'all', icp_band = 'all', cohort_kind, sum(leads), sum(converted)
           from lead_conversion group by 1, 2, 3"""
    ).rows()
    assert len(counts) == 8
    assert {(count, won) for *_, count, won in counts} == {(len(leads), converted)}


def test_what_the_second_night_finds_is_told_apart_from_the_backlog(demo: Clone) -> None:
    states = demo.query(
        "select change, cast(first_seen as text) as first_seen, nights_open, is_backlog from quality_violations"
    )
    carried = states.filter(pl.col("change") == "carried")
    assert carried.height > 0
    assert set(carried["first_seen"]) == {FIRST}
    assert set(carried["nights_open"]) == {2}
    new = states.filter(pl.col("change") == "new")
    assert set(new["first_seen"]) == {SECOND}
    assert not new["is_backlog"].any()


def test_the_open_violations_are_the_failing_findings_of_deals_in_scope(demo: Clone) -> None:
    opened = demo.query("select rule_id, deal_key, visit_id from quality_violations where state = 'open'")
    failing = demo.query(
        """select rule_id, deal_key, visit_id from quality_findings
           where is_in_scope and outcome in ('missing', 'failed') and not is_late"""
    )
    assert set(opened.rows()) == set(failing.rows())


def test_the_forecast_of_deals_sums_to_that_of_periods_to_the_cent(demo: Clone) -> None:
    deals = demo.query("select method, sum(expected_amount) as amount from forecast_deal group by 1 order by 1")
    for kind, scope in product(("month", "quarter"), ("all", "team", "owner", "segment")):
        periods = demo.query(
            f"""select method, sum(open_amount) as amount from forecast_period
                where business_date = '{SECOND}' and funnel = 'all' and scope = '{scope}'
                and period_kind in ('{kind}', 'none') group by 1 order by 1"""
        )
        assert periods.rows() == deals.rows()


def test_why_the_forecast_moved_goes_from_what_each_night_said_to_the_cent(demo: Clone) -> None:
    said = demo.query(
        """select cast(business_date as text) as night, funnel, method, period_kind, period_start, total_amount
           from forecast_period where scope = 'all' and period_kind <> 'none' order by all"""
    )
    totals = {tuple(row[:5]): row[5] for row in said.rows()}
    moved = demo.query(
        """select cast(opening_night as text), cast(closing_night as text), funnel, opening_method, method, period_kind,
               period_start, sum(opening_amount), sum(change_amount), sum(closing_amount)
           from forecast_movement where span = 'last_night' group by all order by all"""
    ).rows()
    assert {row[5] for row in moved} == {"month", "quarter"}
    found = [row for row in moved if (row[1], row[2], *row[4:7]) in totals]
    assert len(found) > 10
    for opened, closed, funnel, then, now, kind, start, opening, change, closing in found:
        assert opening + change == closing
        assert opening == totals[opened, funnel, then, kind, start]
        assert closing == totals[closed, funnel, now, kind, start]


def test_the_movement_of_the_forecast_follows_the_champion_that_the_page_leads_with(demo: Clone) -> None:
    champions = demo.query(
        f"""select distinct funnel, method from forecast_accuracy
            where business_date = '{SECOND}' and is_champion order by all"""
    )
    followed = demo.query("select distinct funnel, method from forecast_movement order by all")
    assert "all" in champions["funnel"]
    assert followed.join(champions, on="funnel").rows() == [
        (funnel, method, method) for funnel, method in champions.rows()
    ]


def test_every_method_speaks_of_exactly_the_deals_that_are_open(demo: Clone) -> None:
    opened = demo.query("select deal_key from deals_current where is_open order by 1")["deal_key"].to_list()
    spoken = demo.query("select method, deal_key from forecast_deal order by 1, 2")
    assert len(opened) > 50
    for method in spoken["method"].unique():
        assert spoken.filter(pl.col("method") == method)["deal_key"].to_list() == opened


def test_an_amount_in_another_currency_is_served_at_the_last_known_rate(demo: Clone) -> None:
    rates = pl.concat(
        pl.read_csv(folder / "fx_rates.csv", infer_schema=False)
        for folder in folders(demo)
        if (folder / "fx_rates.csv").exists()
    )
    last = (
        rates.filter((pl.col("currency") == "EUR") & (pl.col("rate_date") <= SECOND))
        .sort("rate_date")
        .row(-1, named=True)
    )
    served = demo.query(
        "select distinct fx_rate, cast(rate_date as text) from deals_current where is_open and currency = 'EUR'"
    )
    assert [(str(rate).rstrip("0"), day) for rate, day in served.rows()] == [
        (last["rate"].rstrip("0"), last["rate_date"])
    ]
