"""What Dagster's catalogue is told: rows, columns and duration of assets, and which rows a test of dbt found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from orchestration.components.catalogue import described, measured
from orchestration.components.dbt_models import SAMPLE_ROWS, with_counts
from orchestration.components.dbt_run import Failing
from orchestration.warehouse import Warehouse


def test_every_result_of_a_step_says_how_long_it_took_and_keeps_what_it_said() -> None:
    check = dg.AssetCheckResult(passed=True, asset_key="a", check_name="c")

    @measured
    def step() -> Iterator[Any]:
        yield dg.MaterializeResult(asset_key="a", metadata={"rows": 1})
        yield check
        yield dg.MaterializeResult(asset_key="b")

    first, between, last = step()
    assert first.metadata["rows"] == 1
    assert first.metadata["duration_seconds"] >= 0
    assert between is check
    assert set(last.metadata) == {"duration_seconds"}


def test_a_step_of_one_asset_says_so_too() -> None:
    @measured
    def step() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"path": "somewhere"})

    assert set(step().metadata or {}) == {"duration_seconds", "path"}


def test_a_served_table_is_described_in_the_words_of_its_contract_and_another_without() -> None:
    frame = pl.DataFrame({"deal_key": ["a", "b"], "unheard_of": [1, 2]})
    told = described(dg.AssetKey("deals_current"), frame)
    assert told["dagster/row_count"] == 2
    by_name = {column.name: column.description for column in told["dagster/column_schema"].columns}
    assert by_name["deal_key"]
    assert by_name["unheard_of"] is None


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    made = Warehouse(tmp_path / "stageproof.duckdb")
    made.write("marts", {"deals": pl.DataFrame({"deal_key": ["d1", "d2", "d3"], "amount": [1, 2, 3]})})
    with made.connect() as connection:
        connection.execute("create schema staging")
        connection.execute("create view staging.stg_deals as select deal_key from marts.deals where amount > 1")
        connection.execute("create view marts.dear as select * from marts.deals where amount > 2")
    return made


def test_tables_and_asked_for_views_are_counted_and_every_one_has_its_columns(warehouse: Warehouse) -> None:
    shapes = warehouse.shapes(["staging"])
    assert {name: shape.rows for name, shape in shapes.items()} == {
        "marts.deals": 3,
        "marts.dear": None,
        "staging.stg_deals": 2,
    }
    assert shapes["marts.dear"].columns == {"deal_key": "VARCHAR", "amount": "BIGINT"}


def told(warehouse: Warehouse, node: str, event: Any, failing: Failing | None = None) -> Any:
    nodes = {
        "model.deals": {
            "schema": "marts",
            "alias": "deals",
            "columns": {"amount": {"description": "What it is worth."}},
        },
        "model.gone": {"schema": "marts", "alias": "gone", "columns": {}},
    }
    (made,) = with_counts([(node, event)], nodes, {node: failing} if failing else {}, warehouse)
    return made


def test_a_model_is_told_with_rows_columns_and_duration(warehouse: Warehouse) -> None:
    made = told(warehouse, "model.deals", dg.Output(None, "deals", metadata={"Execution Duration": 0.5}))
    metadata = {name: value.value for name, value in made.metadata.items()}
    assert (metadata["dagster/row_count"], metadata["duration_seconds"]) == (3, 0.5)
    columns = metadata["dagster/column_schema"].columns
    assert [(column.name, column.type, column.description) for column in columns] == [
        ("deal_key", "VARCHAR", None),
        ("amount", "BIGINT", "What it is worth."),
    ]


def test_a_model_that_the_warehouse_does_not_hold_is_told_as_dbt_told_it(warehouse: Warehouse) -> None:
    made = told(warehouse, "model.gone", dg.Output(None, "gone", metadata={"status": "success"}))
    assert set(made.metadata) == {"status"}


def test_a_test_that_found_rows_says_how_many_and_names_the_first(warehouse: Warehouse) -> None:
    check = dg.AssetCheckResult(passed=False, asset_key="deals", check_name="amount_is_small")
    many = " union all ".join(["select * from marts.deals"] * 3)
    made = told(warehouse, "test.small", check, Failing(9, many))
    assert made.description == "9 rows fail"
    assert made.metadata["failing"] == 9
    assert len(made.metadata["sample"].split("; ")) == SAMPLE_ROWS
    assert made.metadata["sample"].startswith("deal_key d1; deal_key d2")


def test_a_test_whose_rows_have_no_key_shows_what_they_hold(warehouse: Warehouse) -> None:
    check = dg.AssetCheckResult(passed=False, asset_key="deals", check_name="few")
    made = told(warehouse, "test.few", check, Failing(1, "select amount from marts.deals where amount = 3"))
    assert made.metadata["sample"] == "amount 3"


def test_a_test_that_found_nothing_says_so(warehouse: Warehouse) -> None:
    check = dg.AssetCheckResult(passed=True, asset_key="deals", check_name="few")
    made = told(warehouse, "test.few", check, Failing(0, "select 1"))
    assert (made.description, made.metadata["failing"], made.metadata["sample"]) == ("no row fails", 0, "")
