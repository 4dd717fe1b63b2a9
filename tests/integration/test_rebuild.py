"""All that is under the home but the lake may be deleted: a rebuild brings back every table, record and page."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from clones import Clone, put_extract

MakeClone = Callable[[str | None], Clone]

DEALS = """deal_id,deal_name,stage,amount,currency,owner_id,created_at,expected_close_date,next_step,modified_at
1,Proved,资格确认,1000.00,CNY,ann,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
2,Unproved,资格确认,2000.50,CNY,bob,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
3,Refused,资格确认,many,CNY,bob,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
"""
CHANGES = """change_id,deal_id,stage,changed_at
a,1,初步接洽,2026-03-01T09:00:00+08:00
b,1,资格确认,2026-03-05T09:00:00+08:00
c,2,初步接洽,2026-03-01T09:00:00+08:00
d,2,资格确认,2026-03-05T09:00:00+08:00
"""
SECOND = """deal_id,deal_name,stage,amount,currency,owner_id,created_at,expected_close_date,next_step,modified_at
1,Proved,需求分析,1500.00,CNY,ann,2026-03-01T09:00:00+08:00,2026-05-31,call,2026-03-07T09:00:00+08:00
"""
NIGHTS = ("2026-03-06", "2026-03-07")


@pytest.fixture(scope="module")
def company(clone: MakeClone) -> Clone:
    """Two nights; while the first runs, another is refused, and it is killed before it begins again."""
    made = clone(None)
    mapping = made.root / "orchestration" / "defs" / "ingest" / "generic" / "defs.yaml"
    # One record of three is refused, and stays in the quarantine.
    mapping.write_text(mapping.read_text(encoding="utf-8") + "  max_quarantined_share: 1\n", encoding="utf-8")
    put_extract(made, "2026-03-06", {"deals.csv": DEALS, "stage_changes.csv": CHANGES})
    put_extract(
        made,
        "2026-03-07",
        {"deals.csv": SECOND, "manifest.json": '{"extract": "delta", "files": {"deals.csv": {"rows": 1}}}'},
    )
    kill_a_night_while_another_is_refused(made)
    made.night(NIGHTS[0])
    every_line_of_a_night_is_json(made)
    return made


def every_line_of_a_night_is_json(made: Clone) -> None:
    lines = [json.loads(line) for line in made.run("night", "--date", NIGHTS[1], "--log-format", "json").splitlines()]
    assert {line["night"] for line in lines} == {NIGHTS[1]}
    assert all(line["level"] and line["event"] and line["message"] and "step" in line for line in lines)
    events = [line["event"] for line in lines]
    assert (events[0], events[-1]) == ("night_started", "published")
    assert events.count("step_started") == events.count("step_ended") > 10
    assert {line["step"] for line in lines if line["event"] == "step_ended"} >= {"ingest_generic", "transform", "judge"}
    assert lines[-1]["deals"] == 2


def kill_a_night_while_another_is_refused(made: Clone) -> None:
    first = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "night", "--date", NIGHTS[0]],
        cwd=made.root,
        env=os.environ | {"STAGEPROOF_HOME": str(made.home), "PYTHONPATH": str(made.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # In the middle of its steps: the warehouse is being written.
        while not (made.home / "warehouse" / "stageproof.duckdb").exists():
            assert first.poll() is None, "the first night ended before the second could begin"
            time.sleep(0.05)
        said = made.night(NIGHTS[1], expect=2)
        assert f"night --date {NIGHTS[0]} is running (pid {first.pid} on " in said
        assert len(said.splitlines()) == 1
        refused = json.loads(made.run("night", "--log-format", "json", expect=2))
        assert (refused["event"], refused["level"], refused["exit_code"]) == ("failed", "error", 2)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert (made.home / "lake" / ".lock.running").exists(), "it was killed in the middle"


def tables(file: Path) -> dict[str, str]:
    """A hash of the rows of every table of a database, whatever their order."""
    hashes = {}
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute("select table_schema, table_name from information_schema.tables").fetchall()
        for schema, name in names:
            rows = connection.execute(f'select cast(t as varchar) from {schema}."{name}" as t').fetchall()
            text = "\n".join(sorted(row[0] for row in rows))
            hashes[f"{schema}.{name}"] = hashlib.sha256(text.encode()).hexdigest()
    assert len(hashes) >= 50
    return hashes


def state(company: Clone) -> dict[str, object]:
    """All that anybody gets from the home, by content."""
    home = company.home
    found: dict[str, object] = {
        f"{file.stem} of {place}": tables(file)
        for place in ("served", "served/nights", "warehouse")
        for file in (home / place).glob("*.duckdb")
    }
    kept = [*(home / "lake").rglob("*"), *(home / "served" / "parquet").rglob("*"), *(home / "reports").glob("2*/*")]
    kept.append(home / "reports" / "dictionary.html")
    found |= {str(path.relative_to(home)): path.read_bytes() for path in kept if path.is_file()}
    found["current"] = str((home / "served" / "parquet" / "current").readlink())
    found["nights"] = company.run("nights")
    return found


def delete_all_but_the_lake(company: Clone) -> None:
    for path in company.home.iterdir():
        if path.name != "lake":
            shutil.rmtree(path)
    assert [path.name for path in company.home.iterdir()] == ["lake"]


@pytest.fixture(scope="module")
def rebuilt(company: Clone) -> tuple[dict[str, object], dict[str, object], str]:
    """The state before, the state after, and what the rebuild said. The standards are others by then."""
    before = state(company)
    rules = company.root / "quality" / "standards" / "company.yml"
    decided = rules.read_text(encoding="utf-8")
    assert "minimum_n: 30\n" in decided
    rules.write_text(decided.replace("minimum_n: 30\n", "minimum_n: 1\n"), encoding="utf-8")
    delete_all_but_the_lake(company)
    said = company.run("rebuild")
    rules.write_text(decided, encoding="utf-8")
    return before, state(company), said


def test_every_table_record_and_page_is_back_by_content(
    rebuilt: tuple[dict[str, object], dict[str, object], str],
) -> None:
    before, after, _ = rebuilt
    assert sorted(before) == sorted(after)
    assert [name for name in before if before[name] != after[name]] == []


def test_it_says_what_it_proved_and_there_was_something_to_prove(
    rebuilt: tuple[dict[str, object], dict[str, object], str], company: Clone
) -> None:
    said = rebuilt[2]
    for night in NIGHTS:
        assert f"Night of {night}  " in said
    assert said.count(" tables as published") == 2
    assert "Every table of the warehouse has the hash of what was published." in said
    assert list((company.home / "lake" / "quarantine").rglob("*.parquet")), "a record was refused"
    assert company.query("select * from quality_violations where state = 'open'").height


def test_the_night_need_not_run_again(
    rebuilt: tuple[dict[str, object], dict[str, object], str], company: Clone
) -> None:
    assert "Nothing changed" in company.night(NIGHTS[1])


def test_what_the_lake_no_longer_holds_as_published_is_put_before_nobody(
    rebuilt: tuple[dict[str, object], dict[str, object], str], company: Clone
) -> None:
    (folder,) = (company.home / "lake" / "served").glob(f"{NIGHTS[1]}-*")
    (other,) = (company.home / "lake" / "served").glob(f"{NIGHTS[0]}-*")
    served = tables(company.served)
    (folder / "deals_current.parquet").unlink()
    shutil.copy(other / "deals_current.parquet", folder)
    said = company.run("rebuild", expect=3)
    assert f"does not hold what the night of {NIGHTS[1]} published as deals_current" in said
    assert tables(company.served) == served
