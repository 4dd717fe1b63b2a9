"""The dbt project as a whole: it builds, its unit tests hold, it says what every column is, its SQL is portable."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from orchestration.ingest.load import raw_objects
from orchestration.night import PROJECT, Home, Night
from orchestration.opening import clock, known_inputs, mappings
from orchestration.publishing.contracts import NIGHTS, SERVED_TABLES
from orchestration.warehouse import Warehouse
from quality.standards import load, tables

DBT = PROJECT / "dbt_project"
MODELS = sorted((DBT / "models").rglob("*.sql"))
# What stack after stack spells differently; a dispatched macro is the place for it.
NOT_PORTABLE = re.compile(
    r"\bqualify\b|\bgroup by all\b|\bexclude\s*\(|\basof\b|\bgenerate_series\b|\bquantile_cont\b|\blist_\w+\(|::"
    r"|\bstring_agg\b|\barg_max\b|\bany_value\b|\bstruct_pack\b|\bepoch_us\b|//",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse on the night before anything was ever extracted."""
    root = tmp_path_factory.mktemp("empty")
    standards = PROJECT / "quality" / "standards"
    night = Night(date(2026, 3, 31), "Asia/Shanghai", Home(root), standards)
    warehouse = Warehouse(night.home.warehouse)
    for mapping in mappings().values():
        for each in raw_objects(mapping):
            warehouse.expose([(each, [])])
    warehouse.write("standards", tables(load(standards)))
    warehouse.write("night", {"clock": clock(night), "inputs": known_inputs(night)})
    return root


def dbt(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), *arguments, "--target-path", str(home / "target")],
        cwd=DBT,
        env=os.environ | {"STAGEPROOF_HOME": str(home), "DBT_LOG_PATH": str(home / "logs")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_model_builds_and_every_unit_test_and_data_test_holds(empty_home: Path) -> None:
    built = dbt("build", home=empty_home)
    assert built.returncode == 0, built.stdout[-4000:]
    results = json.loads((empty_home / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    kinds = {result["unique_id"].split(".")[0] for result in results}
    assert kinds == {"model", "test", "unit_test", "operation", "exposure"}


def test_newer_versions_of_dbt_will_read_the_project(empty_home: Path) -> None:
    parsed = dbt("parse", "--show-all-deprecations", "--no-partial-parse", home=empty_home)
    assert parsed.returncode == 0, parsed.stdout
    assert "deprecat" not in parsed.stdout.lower()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_is_portable_and_in_its_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = NOT_PORTABLE.search(text)
    assert found is None, f"{found.group()} belongs in a dispatched macro"
    layer = path.relative_to(DBT / "models").parts[0]
    assert ("source(" in text) == (layer == "staging"), "source() stands in staging alone"
    if layer == "staging":
        assert "ref(" not in text


def test_no_mart_reads_a_crm_and_no_crm_neutral_model_names_one() -> None:
    crms = "|".join(mappings())
    for path in MODELS:
        layer = path.relative_to(DBT / "models").parts[0]
        text = path.read_text(encoding="utf-8")
        if layer == "marts":
            assert not re.search(rf"ref\(.stg_({crms})", text), path
        if layer != "staging":
            assert not re.search(rf"= '({crms})'", text), path


def test_every_served_mart_describes_each_column_and_begins_with_its_grain() -> None:
    described = {
        model["name"]: model
        for path in (DBT / "models" / "marts").rglob("_*.yml")
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", [])
    }
    for table in SERVED_TABLES:
        if table.schema == "marts":
            model = described[table.name]
            assert model["description"].startswith("One row per "), table.name
            assert all(column.get("description") for column in model["columns"]), table.name
            assert set(table.order_by) <= {column["name"] for column in model["columns"]}, table.name
    assert NIGHTS.name not in described
