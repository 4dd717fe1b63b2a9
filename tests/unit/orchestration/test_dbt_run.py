"""dbt run in this process: what it reports, why it fails, and that it lets go of the warehouse."""

from pathlib import Path

import duckdb
import pytest
from dagster_dbt import DbtProject

from orchestration.components.dbt_models import prepare_manifest
from orchestration.components.dbt_run import DbtRun
from orchestration.components.nightly import Blocked

PROJECT = """
name: small
version: 0.0.1
profile: small
flags: {send_anonymous_usage_stats: false}
"""
PROFILE = """
small:
  target: duckdb
  outputs: {duckdb: {type: duckdb, path: "{{ env_var('SMALL_HOME') }}/small.duckdb", threads: 2}}
"""


def run_of(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> DbtRun:
    """A small dbt project, parsed for one home and run for another."""
    project = folder / "project"
    for name, text in {"dbt_project.yml": PROJECT, "profiles.yml": PROFILE, **files}.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("SMALL_HOME", str(folder / "elsewhere"))
    parsed = DbtProject(project_dir=project)
    prepare_manifest(parsed)
    monkeypatch.setenv("SMALL_HOME", str(folder))
    return DbtRun(parsed, folder / "target")


def test_models_and_tests_are_reported_and_the_file_is_free_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(
        tmp_path,
        monkeypatch,
        {"models/one.sql": "select 1 as id", "tests/none.sql": "select * from {{ ref('one') }} where id > 1"},
    )
    events = list(run.events(["build"]))
    assert [event.raw_event["data"]["node_info"]["unique_id"] for event in events] == [
        "model.small.one",
        "test.small.none",
    ]
    run.raise_on_failure()
    # With settings of its own, DuckDB opens the file only where nobody in this process holds it.
    with duckdb.connect(str(tmp_path / "small.duckdb"), read_only=True) as connection:
        assert connection.execute("select id from one").fetchall() == [(1,)]


def test_rows_that_a_test_forbids_block_the_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(
        tmp_path,
        monkeypatch,
        {"models/one.sql": "select 1 as id", "tests/no_ids.sql": "select * from {{ ref('one') }}"},
    )
    assert len(list(run.events(["build"]))) == 2
    with pytest.raises(Blocked, match=r"dbt test no_ids failed: Got 1 result"):
        run.raise_on_failure()


def test_a_model_that_does_not_run_is_a_fault_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path, monkeypatch, {"models/one.sql": "select missing_column from (select 1 as id)"})
    list(run.events(["build"]))
    with pytest.raises(RuntimeError, match=r"model\.small\.one: .*missing_column"):
        run.raise_on_failure()


def test_what_dbt_cannot_begin_is_a_fault_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path, monkeypatch, {"models/one.sql": "select 1 as id"})
    (tmp_path / "project" / "profiles.yml").write_text("small: {}", encoding="utf-8")
    assert list(run.events(["build"])) == []
    with pytest.raises(RuntimeError, match="dbt: "):
        run.raise_on_failure()
