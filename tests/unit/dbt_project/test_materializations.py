"""How a model takes the place of what stood under its name in DuckDB: whole, or not at all."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.night import PROJECT

SMALL = """
name: small
version: 0.0.1
profile: small
flags: {send_anonymous_usage_stats: false}
"""
PROFILE = "small: {target: duckdb, outputs: {duckdb: {type: duckdb, path: small.duckdb, threads: 1}}}"
UNDER_CONTRACT = ("kept_contract", "null_contract", "mistyped_contract")
CONTRACTS = {
    "models": [
        {
            "name": name,
            "config": {"contract": {"enforced": True}},
            "columns": [{"name": "id", "data_type": "integer", "constraints": [{"type": "not_null"}]}],
        }
        for name in UNDER_CONTRACT
    ]
}
HOOKS = "pre_hook='create table {0}_before as select 1 as n', post_hook='create table {0}_after as from {{{{ this }}}}'"
# What stood there before, each with one row: (1).
STANDING = {
    "view_on_view": "view",
    "view_on_table": "table",
    "table_on_view": "view",
    "table_on_table": "table",
    "broken": "table",
    **dict.fromkeys(UNDER_CONTRACT, "table"),
}
MODELS = {
    "view_on_view": ("view", "", "2 as id, 'x' as more"),
    "view_on_table": ("view", "", "2 as id, 'x' as more"),
    "table_on_view": ("table", "", "2 as id, 'x' as more"),
    "table_on_table": ("table", "", "2 as id, 'x' as more"),
    "broken": ("table", "", "cast('x' as integer) as id"),
    "kept_contract": ("table", "", "2 as id"),
    "null_contract": ("table", "", "cast(null as integer) as id"),
    "mistyped_contract": ("table", "", "'text' as id"),
    "hooked_view": ("view", HOOKS.format("hooked_view"), "2 as id"),
    "hooked_table": ("table", HOOKS.format("hooked_table"), "2 as id"),
    "hooked_broken": ("table", HOOKS.format("hooked_broken"), "cast('x' as integer) as id"),
}


@dataclass(frozen=True)
class Built:
    """A project of these models with our macros, after one run over what stood."""

    warehouse: Path
    messages: dict[str, str | None]

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(f"select * from {table}").fetchall()

    def relations(self) -> dict[str, str]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return dict(connection.execute("select table_name, table_type from information_schema.tables").fetchall())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("small")
    shutil.copytree(PROJECT / "dbt_project" / "macros", root / "macros")
    (root / "models").mkdir()
    (root / "dbt_project.yml").write_text(SMALL, encoding="utf-8")
    (root / "profiles.yml").write_text(PROFILE, encoding="utf-8")
    (root / "models" / "_models.yml").write_text(json.dumps(CONTRACTS), encoding="utf-8")
    for name, (kind, config, select) in MODELS.items():
        text = f"{{{{ config(materialized='{kind}', {config}) }}}} select {select}"
        (root / "models" / f"{name}.sql").write_text(text, encoding="utf-8")
    with duckdb.connect(str(root / "small.duckdb")) as connection:
        for name, kind in STANDING.items():
            connection.execute(f"create {kind} {name} as select 1 as id")
    subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--quiet", "run"],
        cwd=root,
        env=os.environ | {"DBT_PROFILES_DIR": str(root)},
        capture_output=True,
        check=False,
    )
    ran = json.loads((root / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    messages = {
        result["unique_id"].split(".")[-1]: result["message"] if result["status"] == "error" else None for result in ran
    }
    return Built(root / "small.duckdb", messages)


@pytest.mark.parametrize("old", ["view", "table"])
@pytest.mark.parametrize("new", ["view", "table"])
def test_a_model_takes_the_place_of_what_stood_there(built: Built, new: str, old: str) -> None:
    name = f"{new}_on_{old}"
    assert built.messages[name] is None
    assert built.relations()[name] == {"view": "VIEW", "table": "BASE TABLE"}[new]
    assert built.rows(name) == [(2, "x")]


def test_nothing_else_is_left_beside_the_models(built: Built) -> None:
    hooks = {f"hooked_{kind}_{when}" for kind in ("view", "table") for when in ("before", "after")}
    assert built.relations().keys() == (MODELS.keys() - {"hooked_broken"}) | hooks


def test_a_table_keeps_its_rows_when_the_model_does_not_run(built: Built) -> None:
    assert "Could not convert string 'x'" in (built.messages["broken"] or "")
    assert built.rows("broken") == [(1,)]


@pytest.mark.parametrize(("name", "said"), [("null_contract", "NOT NULL"), ("mistyped_contract", "contract")])
def test_a_table_under_contract_keeps_its_rows_when_the_new_ones_break_it(built: Built, name: str, said: str) -> None:
    assert said in (built.messages[name] or "")
    assert built.rows(name) == [(1,)]


def test_a_table_under_contract_is_filled_anew_and_takes_no_null(built: Built) -> None:
    assert built.rows("kept_contract") == [(2,)]
    with duckdb.connect(str(built.warehouse)) as connection, pytest.raises(duckdb.ConstraintException):
        connection.execute("insert into kept_contract values (null)")


@pytest.mark.parametrize("kind", ["view", "table"])
def test_hooks_run_before_and_after(built: Built, kind: str) -> None:
    assert built.rows(f"hooked_{kind}_before") == [(1,)]
    assert built.rows(f"hooked_{kind}_after") == [(2,)]


def test_hooks_are_undone_with_a_model_that_does_not_run(built: Built) -> None:
    assert "Could not convert string 'x'" in (built.messages["hooked_broken"] or "")
    assert "hooked_broken_before" not in built.relations()
