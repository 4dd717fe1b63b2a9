"""CPU and memory of loading extracts into the lake, as a ratio to a bare typed DuckDB copy of the same files.

Run by `make bench`. Both run in processes of their own, in turns within the same minutes, because the speed of a
machine changes from one minute to the next; the ratio of the medians is what counts.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

OBJECTS = ("deals", "stage_changes", "activities", "accounts", "evidence")
AS_OF = datetime(2100, 1, 1, tzinfo=UTC)
ALLOWED_CPU_RATIO = 1.5
ALLOWED_MEMORY_MB = 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", choices=("bare", "load"), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        {"bare": bare_copy, "load": load_extracts}[arguments.step](arguments.root)
        return 0
    with tempfile.TemporaryDirectory(prefix="stageproof-bench-") as folder:
        return compare(Path(folder), arguments.deals, arguments.rounds)


def compare(root: Path, deals: int, rounds: int) -> int:
    write_extracts(root, deals)
    files = list((root / "inbox").rglob("*.csv"))
    print(f"{sum(file.stat().st_size for file in files) / 1e9:.2f} GB of CSV in {len(files)} objects, {deals:,} deals")
    measured: dict[str, list[dict[str, float]]] = {"bare": [], "load": []}
    for _ in range(rounds):
        for step, results in measured.items():
            results.append(measure(root, step))
            print(
                f"  {step}: {results[-1]['cpu_seconds']:.1f} CPU seconds, {results[-1]['memory_mb']:,.0f} MB",
                flush=True,
            )
    bare, loaded = (statistics.median(result["cpu_seconds"] for result in measured[step]) for step in ("bare", "load"))
    memory = max(result["memory_mb"] for result in measured["load"])
    print(
        f"CPU ratio {loaded / bare:.2f} (allowed {ALLOWED_CPU_RATIO}), memory {memory:,.0f} MB ({ALLOWED_MEMORY_MB:,})"
    )
    return 0 if loaded / bare <= ALLOWED_CPU_RATIO and memory <= ALLOWED_MEMORY_MB else 1


def write_extracts(root: Path, deals: int) -> None:
    """The full extract of the demo company, five objects of it."""
    command = [sys.executable, "-m", "orchestration.cli", "demo", "--deals", str(deals), "--nights", "1"]
    subprocess.run(command, env={"STAGEPROOF_HOME": str(root), "PATH": ""}, check=True, stdout=subprocess.DEVNULL)
    for file in (root / "inbox").rglob("*"):
        if file.is_file() and file.stem not in OBJECTS:
            file.unlink()


def measure(root: Path, step: str) -> dict[str, float]:
    """CPU seconds and peak memory of one step, its imports left out of the time."""
    for made in ("lake", "quarantine", "bare"):
        shutil.rmtree(root / made, ignore_errors=True)
    command = [sys.executable, __file__, "--step", step, "--root", str(root)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(said)
    return result


def bare_copy(root: Path) -> None:
    """Each CSV read with its types and written as Parquet; nothing is checked, refused or recorded."""
    import duckdb

    from orchestration.opening import mappings
    from orchestration.warehouse import COLUMN_TYPES

    objects = mappings()["generic"].resolved_objects()
    types = COLUMN_TYPES | {"instant": "timestamptz"}
    (root / "bare").mkdir()
    connection = duckdb.connect()
    before = cpu_seconds()
    for name in OBJECTS:
        (file,) = (root / "inbox").rglob(f"{name}.csv")
        header = file.open(encoding="utf-8").readline().strip().split(",")
        columns = {column: types[objects[name].columns[column].type] for column in header}
        connection.execute(
            f"copy (select * from read_csv('{file}', header = true, delim = ',', quote = '\"', columns = {columns})) "
            f"to '{root}/bare/{name}.parquet' (format parquet)"
        )
    report(before)


def load_extracts(root: Path) -> None:
    from orchestration.ingest.load import load
    from orchestration.ingest.taking import Shelf
    from orchestration.opening import mappings

    mapping = mappings()["generic"]
    before = cpu_seconds()
    loaded = load(Shelf(root / "inbox", root / "lake", root / "quarantine"), mapping, "Asia/Shanghai", AS_OF)
    assert {file.object for file in loaded.files} == set(OBJECTS), loaded
    report(before)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def report(before: float) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_seconds": cpu_seconds() - before, "memory_mb": memory}))


if __name__ == "__main__":
    sys.exit(main())
