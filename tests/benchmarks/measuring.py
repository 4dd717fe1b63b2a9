"""Steps that are compared run in processes of their own, in turns within the same minutes.

The speed of a machine changes from one minute to the next; the ratio of the medians is what counts.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

# Of a folder, a number of deals and of rounds: whether the bar is kept.
Compare = Callable[[Path, int, int], bool]


@dataclass(frozen=True)
class Bar:
    """What a step may cost beside its baseline, and how long it may take where that was promised."""

    cpu_ratio: float
    memory_mb: float
    wall_seconds: float | None = None


def bench(said: str | None, deals: int, steps: Mapping[str, Callable[[Path], None]], compare: Compare) -> int:
    """The command line of a benchmark: all of it, or one of its steps in a process of its own; the exit code.

    said: what it is about. deals, compare: how many by default, and what is done with them in a folder that is removed.
    """
    parser = argparse.ArgumentParser(description=said)
    parser.add_argument("--deals", type=int, default=deals)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", choices=tuple(steps), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        steps[arguments.step](arguments.root)
        return 0
    with tempfile.TemporaryDirectory(prefix="stageproof-bench-") as folder:
        return 0 if compare(Path(folder), arguments.deals, arguments.rounds) else 1


def in_own_process(script: str, root: Path, step: str) -> None:
    """Run a step apart: a process that is started inherits the peak of memory of the one that starts it."""
    subprocess.run([sys.executable, script, "--step", step, "--root", str(root)], check=True)


def in_turns(script: str, root: Path, steps: tuple[str, str], rounds: int, bar: Bar) -> bool:
    """Run two steps of a script in turns, the baseline first, print what they cost, and say whether the bar is kept."""
    measured: dict[str, list[dict[str, float]]] = {step: [] for step in steps}
    for _ in range(rounds):
        for name, results in measured.items():
            cost = _measure(script, root, name)
            results.append(cost)
            print(
                f"  {name}: {cost['cpu_seconds']:.1f} CPU seconds, {cost['wall_seconds']:.1f} on the clock, "
                f"{cost['memory_mb']:,.0f} MB",
                flush=True,
            )
    base, spent = (statistics.median(result["cpu_seconds"] for result in results) for results in measured.values())
    memory = max(result["memory_mb"] for result in measured[steps[1]])
    print(f"CPU ratio {spent / base:.2f} (allowed {bar.cpu_ratio}), memory {memory:,.0f} MB ({bar.memory_mb:,.0f})")
    is_kept = spent / base <= bar.cpu_ratio and memory <= bar.memory_mb
    if bar.wall_seconds is None:
        return is_kept
    took = statistics.median(result["wall_seconds"] for result in measured[steps[1]])
    load = f"a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{took:.1f} seconds on the clock (allowed {bar.wall_seconds:.0f}), at {load}")
    return is_kept and took <= bar.wall_seconds


def write_demo(root: Path, deals: int, until: date) -> None:
    """The full extract of the demo company on one business date."""
    arguments = ["demo", "--deals", str(deals), "--nights", "1", "--until", str(until)]
    command = [sys.executable, "-m", "orchestration.cli", *arguments]
    subprocess.run(command, env=os.environ | {"STAGEPROOF_HOME": str(root)}, check=True, stdout=subprocess.DEVNULL)


def _measure(script: str, root: Path, step: str) -> dict[str, float]:
    command = [sys.executable, script, "--step", step, "--root", str(root)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(said.strip().splitlines()[-1])
    return result


def costs(work: Callable[[], None]) -> None:
    """Do the work and print what it cost; what was imported before is not counted."""
    before, started = _cpu_seconds(), time.perf_counter()
    work()
    took = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_seconds": _cpu_seconds() - before, "wall_seconds": took, "memory_mb": memory}))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
