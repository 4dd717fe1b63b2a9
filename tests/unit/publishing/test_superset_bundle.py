"""What Superset imports: files that the contract makes, metrics that are never wrong, words in both languages."""

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import yaml

from orchestration.publishing.bi import superset
from orchestration.publishing.bi.superset import (
    TABLES,
    Database,
    DatabaseRefused,
    Files,
    as_yaml,
    as_zip,
    bundle,
    database,
    metrics,
)
from orchestration.publishing.bi.superset_views import VIEWS
from orchestration.publishing.catalogue import NIGHT_ID, contract, meaning
from orchestration.serving import PUBLISHED

SHIPPED = Path(superset.__file__).with_name("superset")
MEANINGS = {name: meaning(table) for name, table in PUBLISHED.items()}
DUCKDB = database("duckdb:////srv/stageproof/served/stageproof.duckdb", "stageproof")
POSTGRES = database("postgresql://bi:secret@db.example.com:5432/warehouse", "sales")


@pytest.fixture(scope="module")
def files() -> Files:
    return bundle(DUCKDB, MEANINGS)


def named(files: Files, kind: str) -> dict[str, dict[str, Any]]:
    """Files of a kind by their names."""
    return {Path(path).stem: content for path, content in files.items() if path.startswith(f"{kind}/")}


@pytest.fixture(scope="module")
def served() -> Iterator[duckdb.DuckDBPyConnection]:
    """Empty tables with the columns of the contract."""
    with duckdb.connect() as connection:
        for name, told in contract().items():
            columns = {column: kind for column, (kind, _) in told["columns"].items()} | {NIGHT_ID: "VARCHAR"}
            connection.execute(f"create table {name} ({', '.join(f'{each} {kind}' for each, kind in columns.items())})")
        yield connection


def test_the_shipped_files_are_those_that_the_contract_makes(files: Files) -> None:
    """Changed on purpose? UPDATE_SNAPSHOTS=1 writes them anew; review the diff."""
    made = {path: as_yaml(content) for path, content in files.items()}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        for path in SHIPPED.rglob("*.yaml"):
            path.unlink()
        for path, text in made.items():
            (SHIPPED / path).parent.mkdir(parents=True, exist_ok=True)
            (SHIPPED / path).write_text(text, encoding="utf-8")
    shipped = {str(path.relative_to(SHIPPED)): path.read_text(encoding="utf-8") for path in SHIPPED.rglob("*.yaml")}
    assert shipped == made


@pytest.mark.parametrize("name", [*TABLES, *(view.name for view in VIEWS)])
def test_every_column_and_metric_of_a_dataset_can_be_asked(
    name: str, files: Files, served: duckdb.DuckDBPyConnection
) -> None:
    dataset = named(files, "datasets")[name]
    rows = f"({dataset['sql']})" if "sql" in dataset else name
    asked = served.execute(f"select * from {rows} as asked limit 0").description
    assert asked is not None
    assert [column[0] for column in asked] == [column["column_name"] for column in dataset["columns"]]
    measured = ", ".join(f'{each["expression"]} as "{each["metric_name"]}"' for each in dataset["metrics"])
    served.execute(f"select {measured} from {rows} as asked")
    assert all(column["description"] for column in dataset["columns"])


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_is_sql_for_postgres_as_well(view: Any) -> None:
    assert sqlglot.parse_one(view.sql("stageproof"), read="postgres") is not None
    assert "stageproof." in view.sql("stageproof")


def test_a_chart_asks_columns_and_metrics_of_its_dataset_alone(files: Files) -> None:
    datasets = {content["uuid"]: content for content in named(files, "datasets").values()}
    for name, chart in named(files, "charts").items():
        dataset = datasets[chart["dataset_uuid"]]
        columns = {column["column_name"] for column in dataset["columns"]}
        expressions = {metric["expression"] for metric in dataset["metrics"]}
        params = chart["params"]
        measured = [*params.get("metrics", ()), *([params["metric"]] if "metric" in params else [])]
        assert measured, name
        assert {metric["sqlExpression"] for metric in measured} <= expressions, name
        by = [
            each["sqlExpression"] if isinstance(each, dict) else each
            for key in ("groupby", "groupbyRows", "groupbyColumns")
            for each in params.get(key, ())
        ]
        axis = params.get("x_axis", [])
        by += [axis["sqlExpression"]] if isinstance(axis, dict) else [axis] if axis else []
        by += [each["subject"] for each in params["adhoc_filters"]]
        assert set(by) <= columns, name


def test_each_language_has_a_dashboard_with_every_chart_of_it_once(files: Files) -> None:
    charts = named(files, "charts")
    for language in ("en", "zh"):
        position = named(files, "dashboards")[f"stageproof-{language}"]["position"]
        placed = [
            each["meta"]["uuid"] for each in position.values() if isinstance(each, dict) and each["type"] == "CHART"
        ]
        assert sorted(placed) == sorted(
            chart["uuid"] for name, chart in charts.items() if name.endswith(f"_{language}")
        )
        for row in (each for each in position.values() if isinstance(each, dict) and each["type"] == "ROW"):
            assert sum(position[child]["meta"]["width"] for child in row["children"]) == 12, row["id"]


def test_what_a_person_reads_is_in_the_language_of_the_dashboard(files: Files) -> None:
    # What both languages call the same.
    shared = {"p10", "p90", "order", "violation_id"}
    for name, chart in named(files, "charts").items():
        read = [chart["slice_name"], chart["description"], chart["params"].get("subtitle", "")]
        read += [metric["label"] for metric in chart["params"].get("metrics", ())]
        read += [each["label"] for each in chart["params"].get("groupby", ()) if isinstance(each, dict)]
        for text in filter(None, read):
            has_chinese = re.search(r"[\u4e00-\u9fff]", text) is not None
            assert has_chinese == name.endswith("_zh") or text in shared, f"{name}: {text}"


def test_a_metric_is_null_rather_than_wrong(served: duckdb.DuckDBPyConnection) -> None:
    expressions = {each["metric_name"]: each["expression"] for each in metrics(MEANINGS["forecast_period"])}
    night = "date '2026-01-31'"
    rows = f"(values ({night}, {{0}}, 'all', 'all', 'month', 10, 1), ({night}, {{1}}, 'all', 'all', 'month', 20, 2))"
    names = "asked (business_date, method, funnel, scope, period_kind, total_amount, p10_amount)"

    def asked(first: str, second: str, metric: str) -> Any:
        found = served.execute(f"select {expressions[metric]} from {rows.format(first, second)} as {names}").fetchone()
        return found[0] if found else None

    assert asked("'timed'", "'timed'", "sum_total_amount") == 30
    assert asked("'timed'", "'stage_average'", "sum_total_amount") is None, "two methods tell of the same deals"
    assert asked("'timed'", "'timed'", "p10_amount") is None, "a quantile of two rows is no quantile of both"


def test_the_leading_method_is_the_champion_or_the_first_that_spoke(served: duckdb.DuckDBPyConnection) -> None:
    view = next(view for view in VIEWS if view.name == "forecast_tonight")
    served.execute(
        """insert into forecast_period by name
           select date '2026-01-15' as business_date, method, funnel, 'all' as scope, 'month' as period_kind,
               'dated' as period_status, period_start, last_day(period_start) as period_end
           from (values ('weighted_stage', 'a'), ('timed', 'a'), ('timed_adjusted', 'a'), ('stage_average', 'b'),
                        ('crm_probability', 'b')) as spoken (method, funnel),
                (values (date '2026-01-01'), (date '2026-02-01'), (date '2026-03-01')) as months (period_start)
           union all
           select date '2026-01-14', 'timed', 'c', 'all', 'month', 'dated', date '2026-01-01', date '2026-01-31'"""
    )
    served.execute(
        "insert into forecast_accuracy by name select 'a' as funnel, 'timed_adjusted' as method, true as is_champion"
    )
    found = served.execute(
        f"select funnel, method, period_place from ({view.sql('main')}) as asked order by funnel, period_start"
    ).fetchall()
    served.execute("delete from forecast_period")
    served.execute("delete from forecast_accuracy")
    places = ("running", "next", "later")
    assert found == [
        *(("a", "timed_adjusted", place) for place in places),
        *(("b", "stage_average", place) for place in places),
    ]


def test_a_stage_has_its_name_once_and_its_place_in_order(served: duckdb.DuckDBPyConnection) -> None:
    view = next(view for view in VIEWS if view.name == "conversion_by_stage")
    served.execute(
        """insert into funnel_stage_conversion by name
           select 'f' as funnel, 's' || number as stage, number as stage_rank, segment
           from range(1, 11) as numbers (number), (values ('all'), ('team')) as segments (segment)"""
    )
    served.execute(
        """insert into deals_current by name
           select 'd' || number as deal_key, 'f' as funnel, 's2' as stage,
               'Second' as stage_name_en, '二' as stage_name_zh
           from range(3) as numbers (number)"""
    )
    found = served.execute(
        f"select stage_label_en, stage_label_zh, count(*) from ({view.sql('main')}) as asked group by all order by 1"
    ).fetchall()
    served.execute("delete from funnel_stage_conversion")
    served.execute("delete from deals_current")
    assert found[:2] == [("01. s1", "01. s1", 2), ("02. Second", "02. 二", 2)]
    assert [label for label, *_ in found][-1] == "10. s10", "places are written alike, so that names sort as stages do"


def test_nobody_writes_or_reads_other_files_through_superset(files: Files) -> None:
    told = files["databases/stageproof.yaml"]
    assert not any(told[name] for name in ("allow_ctas", "allow_cvas", "allow_dml", "allow_csv_upload"))
    connecting = told["extra"]["engine_params"]["connect_args"]
    assert connecting["read_only"] is True
    assert connecting["config"] == {"enable_external_access": "false", "lock_configuration": "true"}


def test_a_password_does_not_get_into_the_bundle() -> None:
    assert Database("postgresql://bi:XXXXXXXXXX@db.example.com:5432/warehouse", "sales") == POSTGRES
    assert database("postgresql://bi@db.example.com/warehouse", "sales").uri == (
        "postgresql://bi:XXXXXXXXXX@db.example.com/warehouse"
    ), "so that Superset asks for one"
    assert b"secret" not in b"".join(as_yaml(each).encode() for each in bundle(POSTGRES, MEANINGS).values())


def test_two_databases_can_stand_side_by_side() -> None:
    both = [bundle(where, MEANINGS) for where in (DUCKDB, POSTGRES)]
    ids = [{content["uuid"] for content in files.values() if "uuid" in content} for files in both]
    assert not ids[0] & ids[1]
    slugs = [{each["slug"] for each in named(files, "dashboards").values()} for files in both]
    assert not slugs[0] & slugs[1]
    assert all(each["schema"] == "sales" for each in named(both[1], "datasets").values())


@pytest.mark.parametrize(
    "uri", ["mysql://bi@db.example.com/warehouse", "stageproof.duckdb", "duckdb://", "postgresql://"]
)
def test_an_address_of_anything_else_is_refused_by_name(uri: str) -> None:
    with pytest.raises(DatabaseRefused, match=r"DuckDB and PostgreSQL; give"):
        database(uri, "stageproof")


def test_the_zip_is_the_same_for_the_same_night_and_holds_every_file(files: Files) -> None:
    assert as_zip(files) == as_zip(bundle(DUCKDB, MEANINGS))
    with zipfile.ZipFile(io.BytesIO(as_zip(files))) as archive:
        assert {name.split("/", 1)[1] for name in archive.namelist()} == set(files)
        assert yaml.safe_load(archive.read("stageproof_superset/metadata.yaml")) == {"version": "1.0.0"}
