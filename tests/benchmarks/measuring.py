"""Steps that are compared run in processes of their own, in turns within the same minutes.

The speed of a machine changes from one minute to the next; the ratio of the medians is what counts.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class Bar:
    """What a step may cost beside its baseline."""

    cpu_ratio: float
    memory_mb: float


def in_turns(script: str, root: Path, steps: tuple[str, str], rounds: int, bar: Bar) -> bool:
    """Run two steps of a script in turns, the baseline first, print what they cost, and say whether the bar is kept."""
    measured: dict[str, list[dict[str, float]]] = {step: [] for step in steps}
    for _ in range(rounds):
        for name, results in measured.items():
            results.append(_measure(script, root, name))
            print(
                f"  {name}: {results[-1]['cpu_seconds']:.1f} CPU seconds, {results[-1]['memory_mb']:,.0f} MB",
                flush=True,
            )
    base, cost = (statistics.median(result["cpu_seconds"] for result in results) for results in measured.values())
    memory = max(result["memory_mb"] for result in measured[steps[1]])
    print(f"CPU ratio {cost / base:.2f} (allowed {bar.cpu_ratio}), memory {memory:,.0f} MB ({bar.memory_mb:,.0f})")
    return cost / base <= bar.cpu_ratio and memory <= bar.memory_mb


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
    before = _cpu_seconds()
    work()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_seconds": _cpu_seconds() - before, "memory_mb": memory}))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
