"""One run at a time under a home: the second leaves at once, with one sentence about the first."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from other_processes import PROJECT, holding, kill

from orchestration import running
from orchestration.ingest.locking import Held, holder
from orchestration.night import Home

COMMANDS = [
    ["night"],
    ["rebuild"],
    ["demo", "--deals", "1"],
    ["waive", "v", "--by", "Ann", "--why", "it is known", "--until", "2026-12-31"],
]


def call(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        cwd=PROJECT,
        env=os.environ | {"STAGEPROOF_HOME": str(home), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_whatever_writes_under_the_home_leaves_at_once_with_one_sentence(tmp_path: Path, command: list[str]) -> None:
    with holding(Home(tmp_path).lock, "stageproof night --date 2026-03-31") as first:
        second = call(tmp_path, *command)
    assert second.returncode == 2, second.stdout + second.stderr
    assert second.stdout == ""
    assert second.stderr.startswith(f"stageproof night --date 2026-03-31 is running (pid {first.pid} on ")
    assert second.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".lock", "lake"], "the second left something"


def test_a_refusal_is_a_line_of_json_where_lines_are_json(tmp_path: Path) -> None:
    with holding(Home(tmp_path).lock, "stageproof night"):
        second = call(tmp_path, "night", "--log-format", "json")
    assert second.returncode == 2
    told = json.loads(second.stderr)
    assert (told["event"], told["level"], told["exit_code"]) == ("failed", "error", 2)
    assert told["message"].startswith("stageproof night is running (pid ")


def test_after_the_first_was_killed_the_second_works(tmp_path: Path) -> None:
    with holding(Home(tmp_path).lock, "stageproof night") as first:
        assert call(tmp_path, "demo", "--deals", "5", "--nights", "1").returncode == 2
        kill(first)
        second = call(tmp_path, "demo", "--deals", "5", "--nights", "1")
    assert second.returncode == 0, second.stderr
    assert list((tmp_path / "inbox").glob("*/*/deals.csv"))
    assert holder(Home(tmp_path).lock) is None


def test_a_run_inside_a_run_of_the_same_process_is_let_in_and_frees_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with running.alone(home, "outer"):
        with running.alone(home, "inner"):
            pass
        assert "outer is running" in (holder(home.lock) or "")
    assert holder(home.lock) is None


def test_a_failed_run_frees_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(ValueError, match="failed"), running.alone(home, "first"):
        raise ValueError("failed")
    with running.alone(home, "second"):
        pass
    with holding(home.lock, "third"), pytest.raises(Held), running.alone(home, "fourth"):
        pytest.fail("two run")
