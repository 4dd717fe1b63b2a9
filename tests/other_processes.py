"""A second process that holds a lock until it is told to stop, or killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
HOLDING = """
import sys
from pathlib import Path
from orchestration.ingest.locking import announced
with announced(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(lock: Path, command: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock while the block runs; killing it is the block's own business."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(lock), command],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "held\n"
        yield other
    finally:
        other.stdin.close()
        other.wait()
        other.stdout.close()


def kill(process: "subprocess.Popen[str]") -> None:
    """End it as a machine short of memory would, with no chance to tidy up."""
    process.send_signal(signal.SIGKILL)
    process.wait()
