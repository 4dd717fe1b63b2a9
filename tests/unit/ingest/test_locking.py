"""A lock names its holder, and is free at once when the holder is gone, however it went."""

import fcntl
import json
import os
import socket
import threading
from pathlib import Path

import pytest
from other_processes import holding, kill

from orchestration.ingest import locking
from orchestration.ingest.locking import Held, announced, holder


def test_a_second_process_is_told_who_the_first_is(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with (
        holding(lock, "stageproof night --date 2026-03-31") as first,
        pytest.raises(Held) as refused,
        announced(lock, "stageproof rebuild"),
    ):
        pytest.fail("two have the lock")
    said = str(refused.value)
    assert said.startswith(
        f"stageproof night --date 2026-03-31 is running (pid {first.pid} on {socket.gethostname()}, since 20"
    )
    assert said.endswith(" UTC); wait until it has ended")
    assert "\n" not in said


def test_a_lock_is_free_when_its_holder_has_ended_and_leaves_no_card(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with holding(lock, "first"):
        assert holder(lock) is not None
    assert holder(lock) is None
    with announced(lock, "second"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_lock_is_free_when_its_holder_was_killed_although_its_card_stayed(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with holding(lock, "first") as first:
        kill(first)
        assert (tmp_path / ".lock.running").exists()
        assert holder(lock) is None
        with announced(lock, "second"):
            assert json.loads((tmp_path / ".lock.running").read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(
    "card",
    [
        "",
        "{",
        json.dumps({"pid": "1"}),
        # The number of a process that runs, given to it after the one of the card had ended.
        json.dumps({"pid": os.getppid(), "host": socket.gethostname(), "command": "stageproof night", "started": "1"}),
        json.dumps({"pid": 2**22 + 1, "host": socket.gethostname(), "command": "stageproof night", "started": "1"}),
    ],
    ids=["empty", "cut off", "of another form", "of a number that was given again", "of a process that is gone"],
)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system tells no start of processes in /proc")
def test_a_card_that_is_not_the_holders_names_nobody(tmp_path: Path, card: str) -> None:
    lock = tmp_path / ".lock"
    with holding(lock, "first"):
        (tmp_path / ".lock.running").write_text(card)
        said = holder(lock)
    assert said is not None
    assert said.startswith("Another run has just begun")


def test_a_holder_on_another_machine_is_believed(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with holding(lock, "first"):
        elsewhere = {"pid": 7, "host": "elsewhere", "command": "stageproof night", "started": "1"}
        (tmp_path / ".lock.running").write_text(json.dumps(elsewhere))
        said = holder(lock)
    assert said is not None
    assert said.startswith("stageproof night is running (pid 7 on elsewhere, since ")


def test_an_error_of_the_block_is_its_own_and_frees_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with pytest.raises(BlockingIOError, match="of the block"), announced(lock, "first"):
        raise BlockingIOError("of the block")
    assert holder(lock) is None


def test_the_start_of_a_process_is_read_whatever_its_program_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [str(number) for number in range(3, 53)]
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"7 (a) b (c) {' '.join(fields)}")
    assert locking._started(7) == "22"


def test_who_only_looks_for_the_holder_keeps_nobody_out(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        looked = threading.Timer(0.03, fcntl.flock, (file, fcntl.LOCK_UN))
        looked.start()
        with announced(lock, "stageproof night"):
            looked.join()
