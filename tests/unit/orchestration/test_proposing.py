"""`stageproof propose-funnel`: from served tables to a file, or to a sentence that says why there is none."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.night import PROJECT
from quality.standards import load

FILE = PROJECT / "quality" / "standards" / "funnels" / "direct_sales.yml"
NIGHT = date(2026, 6, 30)
FOUND: dict[str, Any] = {
    "funnel": "direct_sales",
    "finding": "milestone_unasked",
    "subject": "activity:demo",
    "stage": "solution_demo",
    "milestone": "activity:demo",
    "other_stage": None,
    "is_proposed": True,
    "deals": 90,
    "win_rate_with": 0.6,
    "win_rate_without": 0.4,
    "lift": 1.5,
    "lift_low": 1.2,
    "lift_high": 1.8,
}
CANDIDATE: dict[str, Any] = {
    "funnel": "direct_sales",
    "milestone": "activity:demo",
    "subject": "activity",
    "subject_key": "demo",
    "contact_role": None,
    "by_customer_share": 1.0,
    "won_share": 0.8,
    "lost_share": 0.4,
}


def publish(home: Path, row: dict[str, Any]) -> None:
    (home / "served").mkdir(parents=True)
    with duckdb.connect(str(home / "served" / "stageproof.duckdb")) as connection:
        for name, rows in {
            "nights": [{"business_date": NIGHT}],
            "stage_design_review": [row],
            "milestone_candidates": [CANDIDATE],
        }.items():
            connection.register("given", pl.DataFrame(rows).to_arrow())
            connection.execute(f"create table {name} as select * from given")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STAGEPROOF_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def run(*arguments: str, expect: int = 0) -> str:
    result = CliRunner().invoke(app, ["propose-funnel", *arguments])
    assert result.exit_code == expect, result.output
    return result.output


def test_the_file_is_written_beside_the_standards_and_not_into_them(home: Path) -> None:
    publish(home, FOUND)
    before = FILE.read_bytes()
    said = run()
    written = home.parent / "direct_sales.proposed.yml"
    assert written.read_bytes().startswith(before)
    assert FILE.read_bytes() == before
    assert "solution_demo: its exit asks for activity:demo" in said
    assert "holds from 2026-07-01" in said


def test_the_new_version_can_be_taken_as_it_is(home: Path, tmp_path: Path) -> None:
    publish(home, FOUND)
    standards = tmp_path / "standards"
    shutil.copytree(PROJECT / "quality" / "standards", standards)
    run("--funnel", "direct_sales", "--date", str(NIGHT), "--out", str(standards / "funnels" / "direct_sales.yml"))
    versions = load(standards).funnels[0].versions
    assert [version.valid_from for version in versions] == [date(2000, 1, 1), date(2026, 7, 1)]


def test_where_nothing_is_to_be_changed_it_says_so_and_writes_nothing(home: Path) -> None:
    publish(home, FOUND | {"is_proposed": False})
    assert "nothing of direct_sales is to be changed" in run()
    assert not list(home.parent.glob("*.yml"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--funnel", "partners"), "partners is no funnel; there are direct_sales"),
        (("--date", "2026-01-31"), "The tables of 2026-01-31 are not kept"),
    ],
)
def test_what_cannot_be_proposed_is_refused_in_a_sentence(
    home: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    publish(home, FOUND)
    assert sentence in " ".join(run(*arguments, expect=2).split())


def test_before_the_first_night_there_is_nothing_to_propose_from(home: Path) -> None:
    assert "No night has been published yet" in run(expect=2)
