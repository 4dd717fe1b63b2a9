"""Some marts of the dbt project over worlds of a test's own making. dbt compiles once; each world runs the SQL."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from clones import parse_project

from orchestration.components.dbt_run import DbtRun
from orchestration.ingest.load import raw_objects
from orchestration.night import Home, Night
from orchestration.opening import clock, known_inputs, mappings
from orchestration.warehouse import Warehouse
from quality.standards import load, tables


@dataclass(frozen=True)
class Model:
    """A model of dbt with the SQL that fills it; a view needs no filling."""

    schema: str
    name: str
    sql: str
    is_table: bool


@dataclass(frozen=True)
class CompiledModels:
    """A warehouse with empty raw tables, and the models over it in the order in which dbt built them."""

    warehouse: Warehouse
    models: Sequence[Model]

    def write_raw(self, objects: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Replace objects of the neutral layout by these rows; a column that a row does not name is null."""
        self.warehouse.write(
            "raw_generic", {name: self._frame(f"raw_generic.{name}", rows) for name, rows in objects.items()}
        )

    def write_inputs(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace what the night knows of its inputs."""
        self.warehouse.write("night", {"inputs": self._frame("night.inputs", rows)})

    def write_standards(self, folder: Path) -> None:
        self.warehouse.write("standards", tables(load(folder)))

    def rebuild(self, instead: Mapping[str, pl.DataFrame] | None = None) -> None:
        """Fill every table again. `instead`: models with the rows they shall have, whatever their SQL says."""
        given = instead or {}
        assert given.keys() <= {model.name for model in self.models}
        with self.warehouse.connect() as connection:
            for model in self.models:
                table = f"{model.schema}.{model.name}"
                if model.name in given:
                    _put(connection, model, given[model.name])
                elif model.is_table:
                    connection.execute(f"create or replace table {table} as {model.sql}")

    def rows(self, mart: str) -> list[dict[str, Any]]:
        return self.warehouse.read(f"marts.{mart}").to_dicts()

    def _frame(self, table: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
        empty = self.warehouse.read(table).clear()
        return pl.DataFrame([{column: row.get(column) for column in empty.columns} for row in rows], empty.schema)


def _put(connection: duckdb.DuckDBPyConnection, model: Model, rows: pl.DataFrame) -> None:
    found = connection.execute(
        "select table_type from information_schema.tables where table_schema = ? and table_name = ?",
        [model.schema, model.name],
    ).fetchone()
    if found == ("VIEW",):
        connection.execute(f"drop view {model.schema}.{model.name}")
    connection.register("given", rows.to_arrow())
    connection.execute(f"create or replace table {model.schema}.{model.name} as select * from given")
    connection.unregister("given")


def run_dbt(root: Path, arguments: Sequence[str]) -> None:
    """Run dbt, as a night does, on the warehouse under `root`, with its artifacts in `root / "target"`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGEPROOF_HOME", str(root))
        run = DbtRun(parse_project(), root / "target")
        list(run.events(arguments))
    run.raise_on_failure()


def compile_models(root: Path, standards: Path, business_date: date, marts: Sequence[str]) -> CompiledModels:
    """Build these marts and all that they need once, over no extract at all, in a warehouse under `root`."""
    night = Night(business_date, "Asia/Shanghai", Home(root), standards)
    warehouse = Warehouse(night.home.warehouse)
    for mapping in mappings().values():
        warehouse.expose([(each, []) for each in raw_objects(mapping)])
    warehouse.write("standards", tables(load(standards)))
    warehouse.write("night", {"clock": clock(night), "inputs": known_inputs(night)})
    run_dbt(root, ["run", "--select", *(f"+{name}" for name in marts)])
    ran = json.loads((root / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes = json.loads((root / "target" / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    built_nodes = [(nodes[result["unique_id"]], result["compiled_code"]) for result in ran]
    models = [
        Model(node["schema"], node["name"], sql, node["config"]["materialized"] == "table") for node, sql in built_nodes
    ]
    return CompiledModels(warehouse, models)
