"""CPU of whole nights of a small company, beside that of importing what they run on.

A first night builds everything and scores two years of past forecasts; the nights after it take a delta each; the last
is run again with nothing new. A night is measured with all that it starts, from the shell to its exit. Run by
`make bench`.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

from orchestration.night import PROJECT

LAST = date(2026, 6, 30)
# CPU seconds that an ordinary night of a thousand deals, and a night with no new extract, may cost.
ALLOWED = {"night after it": 15.0, "nothing new": 6.0}
IMPORTS = "import dagster, dagster_dbt, dbt.cli.main, great_expectations, polars, sklearn.linear_model"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    measured: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory(prefix="stageproof-bench-") as folder:
            for name, seconds in costs_of_a_company(Path(folder), arguments.deals):
                measured.setdefault(name, []).append(seconds)
                print(f"  {name}: {seconds:.1f} CPU seconds", flush=True)
    medians = {name: statistics.median(seconds) for name, seconds in measured.items()}
    print(f"{arguments.deals:,} deals, at a load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, seconds in medians.items():
        allowed = f" (allowed {ALLOWED[name]:.0f})" if name in ALLOWED else ""
        print(f"{name}: {seconds:.1f} CPU seconds{allowed}, {seconds / medians['imports']:.1f} times the imports")
    return 0 if all(medians[name] <= allowed for name, allowed in ALLOWED.items()) else 1


def costs_of_a_company(home: Path, deals: int) -> list[tuple[str, float]]:
    """What each of its nights costs, in their order."""
    nights = [LAST - timedelta(days=days) for days in (2, 1, 0)]
    stageproof(home, "demo", "--deals", str(deals), "--nights", str(len(nights)), "--until", str(LAST))
    first, *others = [stageproof(home, "night", "--date", str(night)) for night in nights]
    return [
        ("imports", cpu_of([sys.executable, "-c", IMPORTS], home)),
        ("first night", first),
        *(("night after it", seconds) for seconds in others),
        ("nothing new", stageproof(home, "night", "--date", str(LAST))),
    ]


def stageproof(home: Path, *arguments: str) -> float:
    return cpu_of([sys.executable, "-m", "orchestration.cli", *arguments], home)


def cpu_of(command: list[str], home: Path) -> float:
    before = _children()
    environment = os.environ | {"STAGEPROOF_HOME": str(home)}
    subprocess.run(command, env=environment, cwd=PROJECT, check=True, capture_output=True)
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
