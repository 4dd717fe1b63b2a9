"""Superset reads what is served: `make bi-test`. Its name keeps it out of the default tests, because it installs much.

Both bundles are imported into a real Superset; its charts are asked through its own API and in a browser, before and
after another night is published, and held to numbers worked out here from the served tables.
"""

import json
import os
import threading
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from clones import PROJECT, Clone, make_clone
from playwright.sync_api import Browser, expect
from postgres_server import postgres
from superset_server import ACCOUNT, Superset, passwords, superset

from orchestration.publishing.bi.superset import PASSWORD_MASK
from orchestration.publishing.leading import headline

pytestmark = pytest.mark.browser
FIRST, SECOND = "2026-06-29", "2026-06-30"
DUCKDB, POSTGRES = "stageproof", "stageproof (PostgreSQL)"
DATABASES = (DUCKDB, POSTGRES)
SERVING = """keep_nights: 35
postgres:
  url_variable: STAGEPROOF_POSTGRES_URL
  schema: stageproof
  reader_role: stageproof_reader
"""
# Where whoever looks at the dashboards finds them.
SCREENS = PROJECT / ".bi" / "screens"
Rows = dict[Any, Any]


@dataclass(frozen=True)
class World:
    """A company with one night published, and a Superset that has imported the bundles of both databases."""

    company: Clone
    server: Superset

    def chart(self, database: str, name: str, *, language: str = "en", **values: str) -> list[list[Any]]:
        """The rows that a shipped chart shows, with the filters of its dashboard at these values."""
        suffix = "" if database == DUCKDB else "_postgres"
        chart = json.loads((self.company.home / f"charts{suffix}.json").read_text(encoding="utf-8"))[
            f"{name}_{language}"
        ]
        params = chart["params"]
        axis = params.get("x_axis")
        columns = [axis] if isinstance(axis, dict) else []
        if isinstance(axis, str):
            columns = [
                {
                    "columnType": "BASE_AXIS",
                    "timeGrain": params["time_grain_sqla"],
                    "sqlExpression": axis,
                    "label": axis,
                    "expressionType": "SQL",
                }
            ]
        columns += [*params.get("groupby", ()), *params.get("groupbyRows", ()), *params.get("groupbyColumns", ())]
        metrics = params["metrics"] if "metrics" in params else [params["metric"]]
        filters = [
            {"col": each["subject"], "op": each["operator"], "val": each["comparator"]}
            for each in params["adhoc_filters"]
        ]
        filters += [{"col": column, "op": "==", "val": value} for column, value in values.items()]
        rows = self.server.ask(self.server.datasets()[database, chart["dataset"]], columns, metrics, filters)
        labels = [each["label"] for each in (*columns, *metrics)]
        return [[row[label] for label in labels] for row in rows]

    def dataset(
        self, database: str, name: str, columns: list[str], metrics: list[str], **values: str
    ) -> list[list[Any]]:
        """Rows of a shipped dataset by its own metrics."""
        filters = [{"col": column, "op": "==", "val": value} for column, value in values.items()]
        rows = self.server.ask(self.server.datasets()[database, name], columns, metrics, filters)
        return [[row[label] for label in (*columns, *metrics)] for row in rows]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    company = make_clone(tmp_path_factory.mktemp("company"))
    (company.root / "quality" / "standards" / "serving.yml").write_text(SERVING, encoding="utf-8")
    with postgres(tmp_path_factory.mktemp("postgres")) as url, superset_of(url, tmp_path_factory) as server:
        os.environ["STAGEPROOF_POSTGRES_URL"] = url
        company.run("demo", "--deals", "500", "--until", SECOND, "--nights", "2")
        company.night(FIRST)
        # DuckDB as assets, by a script; PostgreSQL as a person imports a dashboard.
        company.run("superset", "--out", str(company.home / "duckdb.zip"))
        files = {"bundle": (company.home / "duckdb.zip").read_bytes()}
        server.post("/api/v1/assets/import/", files={"bundle": ("b.zip", files["bundle"])}, data={"passwords": "{}"})
        address = url.replace("stageproof@", "stageproof_bi:told@")
        reader_of(url)
        company.run("superset", "--database", address, "--out", str(company.home / "postgres.zip"))
        given = passwords("databases/stageproof.yaml", "told")
        brought = {"formData": ("b.zip", (company.home / "postgres.zip").read_bytes())}
        server.post("/api/v1/dashboard/import/", files=brought, data=given | {"overwrite": "true"})
        keep_charts(server, company)
        yield World(company, server)
    os.environ.pop("STAGEPROOF_POSTGRES_URL", None)


def superset_of(url: str, tmp_path_factory: pytest.TempPathFactory) -> AbstractContextManager[Superset]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create database superset")
    return superset(tmp_path_factory.mktemp("superset"), f"{url.rsplit('/', 1)[0]}/superset")


def reader_of(url: str) -> None:
    """An account for Superset that may read what is served and nothing else."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create role stageproof_bi login password 'told'")
        connection.execute("grant stageproof_reader to stageproof_bi")


def keep_charts(server: Superset, company: Clone) -> None:
    """What Superset holds of each chart after the import, by its name in the bundle."""
    found = {
        each["uuid"]: each["id"] for each in server.get("/api/v1/chart/?q=(page_size:100,columns:!(id,uuid))")["result"]
    }
    for place, suffix in (("duckdb", ""), ("postgres", "_postgres")):
        held = {}
        with zipfile.ZipFile(company.home / f"{place}.zip") as archive:
            files = {name.split("/", 1)[1]: yaml.safe_load(archive.read(name)) for name in archive.namelist()}
        datasets = {each["uuid"]: Path(path).stem for path, each in files.items() if path.startswith("datasets/")}
        for path, shipped in files.items():
            if path.startswith("charts/"):
                told = server.get(f"/api/v1/chart/{found[shipped['uuid']]}")["result"]
                held[Path(path).stem] = {
                    "params": json.loads(told["params"]),
                    "dataset": datasets[shipped["dataset_uuid"]],
                }
        (company.home / f"charts{suffix}.json").write_text(json.dumps(held), encoding="utf-8")


def served(company: Clone, table: str, where: str = "true") -> list[dict[str, Any]]:
    return company.query(f"select * from {table} where {where}").to_dicts()


def forecasts(company: Clone) -> list[dict[str, Any]]:
    """Rows of the leading method of all funnels tonight."""
    rows = served(company, "forecast_period", "period_status = 'dated' and funnel = 'all'")
    tonight = max(row["business_date"] for row in rows)
    rows = [row for row in rows if row["business_date"] == tonight]
    lead = headline("all", company.query("select * from forecast_accuracy"), {row["method"] for row in rows})
    assert lead is not None
    return [row for row in rows if row["method"] == lead.method]


def of_running_quarter(company: Clone, column: str) -> Any:
    (row,) = (
        row
        for row in forecasts(company)
        if (row["scope"], row["period_kind"]) == ("all", "quarter")
        and row["period_start"] <= row["business_date"] <= row["period_end"]
    )
    return float(row[column])


def by_month(company: Clone) -> Rows:
    return {
        row["period_start"]: [float(row[name]) for name in ("total_amount", "p10_amount", "p90_amount")]
        for row in forecasts(company)
        if (row["scope"], row["period_kind"]) == ("all", "month")
    }


def by_stage(company: Clone, columns: tuple[str, ...], segment: str = "all") -> Rows:
    named = {row["stage"]: row["stage_name_en"] for row in served(company, "deals_current", "stage_rank is not null")}
    return {
        (row["segment_value"], f"{row['stage_rank']}. {named[row['stage']]}"): [row[name] for name in columns]
        for row in served(company, "funnel_stage_conversion", "cohort_kind = 'all'")
        if row["segment"] == segment
    }


def violations_by_rule(company: Clone) -> Rows:
    worded = {row["rule_id"]: row["wording_en"] for row in served(company, "quality_rule_nights")}
    deals: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in served(company, "quality_violations", "state = 'open'"):
        severity = "Blocking" if row["severity"] == "block" else "Warning"
        deals[severity, worded[row["rule_id"]]].append(row["deal_key"])
    return {rule: [len(found), len(set(found))] for rule, found in deals.items()}


def violations_by_owner(company: Clone) -> Rows:
    rows = served(company, "quality_violations", "state = 'open'")
    counted = Counter((row["owner_name"], "Blocking" if row["severity"] == "block" else "Warning") for row in rows)
    return {key: [count] for key, count in counted.items()}


def day(value: Any) -> date:
    """An instant as Superset tells it, in milliseconds or as text."""
    return (
        datetime.fromtimestamp(value / 1000).date()
        if isinstance(value, int | float)
        else date.fromisoformat(value[:10])
    )


def check_all(world: World, database: str) -> None:
    """Every kind of chart against the served tables as they are now."""
    company, funnel = world.company, "direct_sales"
    for name, column in (
        ("running_quarter", "total_amount"),
        ("running_low", "p10_amount"),
        ("running_high", "p90_amount"),
    ):
        found = world.chart(database, f"forecast_{name}", funnel="all")
        assert found == [[pytest.approx(of_running_quarter(company, column), abs=0.01)]], name
    months = {
        day(start): pytest.approx(told, abs=0.01)
        for start, *told in world.chart(database, "forecast_months", funnel="all")
    }
    assert by_month(company) == months

    stages = world.chart(database, "conversion_stages", funnel=funnel)
    expected = by_stage(company, ("conversion_expected", "conversion_to_date"))
    assert {("all", stage): pytest.approx(told) for stage, *told in stages} == expected
    counts = world.chart(database, "conversion_counts", funnel=funnel)
    expected = by_stage(company, ("reached", "advanced", "lost", "still_open"))
    assert {("all", stage): told[:4] for stage, *told in counts} == expected
    teams = world.chart(database, "conversion_teams", funnel=funnel)
    expected = by_stage(company, ("conversion_expected",), segment="team")
    assert {(team, stage): pytest.approx(told) for team, stage, *told in teams} == expected

    rules = world.chart(database, "violations_rules")
    assert {(severity, rule): told for severity, rule, *told in rules} == violations_by_rule(company)
    owners = world.chart(database, "violations_owners")
    assert {(owner, severity): told for owner, severity, *told in owners} == violations_by_owner(company)
    chinese = world.chart(database, "violations_rules", language="zh")
    assert sorted(row[-2:] for row in chinese) == sorted(violations_by_rule(company).values())

    # The tables themselves, by the metrics that their datasets bring along.
    open_now = served(company, "quality_violations", "state = 'open'")
    asked = world.dataset(database, "quality_violations", ["rule_id"], ["rows", "count_deal_key"], state="open")
    rows = Counter(row["rule_id"] for row in open_now)
    deals = {rule: len({row["deal_key"] for row in open_now if row["rule_id"] == rule}) for rule in rows}
    assert {rule: told for rule, *told in asked} == {rule: [rows[rule], deals[rule]] for rule in rows}
    chosen = {"segment": "all", "cohort_kind": "all", "funnel": funnel}
    asked = world.dataset(database, "funnel_stage_conversion", ["stage"], ["sum_reached", "share_advanced"], **chosen)
    assert {stage: pytest.approx(told) for stage, *told in asked} == {
        row["stage"]: [row["reached"], row["advanced"] / row["reached"]]
        for row in served(company, "funnel_stage_conversion", "segment = 'all' and cohort_kind = 'all'")
    }
    unfiltered = world.dataset(database, "forecast_period", [], ["sum_total_amount", "p10_amount", "rows"])
    count = company.query("select count(*) from forecast_period").item()
    assert unfiltered == [[None, None, count]], "null rather than a sum of methods, nights and levels"


def held_night(world: World, database: str) -> list[list[Any]]:
    return world.dataset(database, "quality_violations", ["night_id"], ["rows"])


@pytest.mark.parametrize("database", DATABASES)
def test_charts_show_the_numbers_of_the_served_tables(world: World, database: str) -> None:
    check_all(world, database)


def test_the_password_is_kept_by_superset_and_not_by_the_bundle(world: World) -> None:
    found = world.server.get("/api/v1/database/?q=(page_size:10)")["result"]
    assert sorted(each["database_name"] for each in found) == sorted(DATABASES)
    with zipfile.ZipFile(world.company.home / "postgres.zip") as archive:
        told = archive.read("stageproof_superset/databases/stageproof.yaml").decode()
    assert f"stageproof_bi:{PASSWORD_MASK}@" in told


@pytest.mark.parametrize(
    ("sql", "refusal"),
    [
        ("select * from read_text('/etc/hostname')", "disabled"),
        ("select * from '/etc/passwd'", "disabled|does not exist"),
        ("set enable_external_access = true", "lock|not allowed|DML|mutat|read"),
    ],
)
def test_nobody_reads_other_files_of_the_machine_through_superset(world: World, sql: str, refusal: str) -> None:
    databases = world.server.get("/api/v1/database/?q=(page_size:10)")["result"]
    (duckdb_id,) = (each["id"] for each in databases if each["database_name"] == DUCKDB)
    answer = world.server.session.post(
        f"{world.server.url}/api/v1/sqllab/execute/",
        json={"database_id": duckdb_id, "sql": sql, "schema": "main", "runAsync": False, "select_as_cta": False},
        timeout=60,
    )
    assert not answer.ok
    assert any(word.lower() in answer.text.lower() for word in refusal.split("|")), answer.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_dashboards_show_it_in_a_browser(world: World, language: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1500, "height": 1400})
    page.set_default_timeout(120_000)
    failed: list[str] = []
    page.on(
        "response", lambda answer: failed.append(answer.url) if "chart/data" in answer.url and not answer.ok else None
    )
    page.goto(f"{world.server.url}/login/")
    page.locator("input#username, input[name=username]").first.fill(ACCOUNT)
    page.locator("input#password, input[name=password]").first.fill(world.server.password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    page.goto(f"{world.server.url}/superset/dashboard/stageproof-{language}/")
    SCREENS.mkdir(parents=True, exist_ok=True)
    charts = {"forecast": 7, "conversion": 4, "violations": 6}
    tabs = page.locator(".dashboard-component-tabs [role=tab]")
    for place, (tab, count) in enumerate(charts.items()):
        tabs.nth(place).click()
        panel = page.locator(".dashboard-component-tabs [role=tabpanel]:visible")
        # What holds a chart holds a text as well, which has no chart's number.
        expect(panel.locator("[class*=dashboard-chart-id-]")).to_have_count(count, timeout=120_000)
        expect(panel.locator(".slice_container")).to_have_count(count, timeout=120_000)
        expect(page.locator("[data-test=loading-indicator], .loading")).to_have_count(0, timeout=120_000)
        # Bars grow for a second.
        page.wait_for_timeout(2000)
        expect(page.locator("[data-test=chart-error], .ant-alert-error")).to_have_count(0)
        page.screenshot(path=SCREENS / f"{language}_{tab}.png")
    count = world.company.query("select count(*) from quality_violations where state = 'open'").item()
    expect(panel.locator(".superset-legacy-chart-big-number .header-line").first).to_have_text(f"{count:,}")
    assert failed == []
    page.close()


def test_another_night_is_shown_at_once_though_a_query_is_always_running(world: World) -> None:
    """Last, because it publishes. Connections that overlap would keep a file that was only replaced open for ever."""
    before = {database: held_night(world, database) for database in DATABASES}
    stop, faults, asked = threading.Event(), [], Counter[str]()

    def hammer(database: str) -> None:
        while not stop.is_set():
            try:
                assert len(held_night(world, database)) == 1, "one night at a time"
                asked[database] += 1
            except BaseException as fault:
                faults.append(fault)
                return

    readers = [threading.Thread(target=hammer, args=(database,)) for database in (*DATABASES, DUCKDB, DUCKDB)]
    for reader in readers:
        reader.start()
    try:
        world.company.night(SECOND)
        after = {database: held_night(world, database) for database in DATABASES}
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert faults == []
    assert all(asked[database] > 5 for database in DATABASES)
    tonight = world.company.query("select max_by(left(fingerprint, 12), business_date) from nights").item()
    for database in DATABASES:
        assert before[database][0][0] != tonight
        assert [night for night, _ in after[database]] == [tonight], database
        check_all(world, database)
