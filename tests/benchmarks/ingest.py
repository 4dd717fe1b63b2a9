"""CPU and memory of loading extracts into the lake, as a ratio to a bare typed DuckDB copy of the same files.

Run by `make bench`.
"""

import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from measuring import Bar, bench, costs, in_turns, write_demo

OBJECTS = ("deals", "stage_changes", "activities", "accounts", "evidence")
AS_OF = datetime(2100, 1, 1, tzinfo=UTC)
BAR = Bar(cpu_ratio=1.5, memory_mb=1000)


def compare(root: Path, deals: int, rounds: int) -> bool:
    write_extracts(root, deals)
    files = list((root / "inbox").rglob("*.csv"))
    print(f"{sum(file.stat().st_size for file in files) / 1e9:.2f} GB of CSV in {len(files)} objects, {deals:,} deals")
    return in_turns(__file__, root, ("bare", "load"), rounds, BAR)


def write_extracts(root: Path, deals: int) -> None:
    """Five objects of the full extract of the demo company."""
    write_demo(root, deals, until=date(2026, 6, 30))
    for file in (root / "inbox").rglob("*"):
        if file.is_file() and file.stem not in OBJECTS:
            file.unlink()


def empty_lake(root: Path) -> None:
    for made in ("lake", "quarantine", "bare"):
        shutil.rmtree(root / made, ignore_errors=True)


def bare_copy(root: Path) -> None:
    """Each CSV read with its types and written as Parquet; nothing is checked, refused or recorded."""
    import duckdb

    from orchestration.opening import mappings
    from orchestration.warehouse import COLUMN_TYPES

    objects = mappings()["generic"].resolved_objects()
    types = COLUMN_TYPES | {"instant": "timestamptz"}
    empty_lake(root)
    (root / "bare").mkdir()
    connection = duckdb.connect()

    def copy() -> None:
        for name in OBJECTS:
            (file,) = (root / "inbox").rglob(f"{name}.csv")
            header = file.open(encoding="utf-8").readline().strip().split(",")
            columns = {column: types[objects[name].columns[column].type] for column in header}
            connection.execute(
                f"copy (select * from read_csv('{file}', header = true, delim = ',', quote = '\"', "
                f"columns = {columns})) "
                f"to '{root}/bare/{name}.parquet' (format parquet)"
            )

    costs(copy)


def load_extracts(root: Path) -> None:
    from orchestration.ingest.load import load
    from orchestration.ingest.taking import Shelf
    from orchestration.opening import mappings

    empty_lake(root)
    mapping = mappings()["generic"]

    def take() -> None:
        loaded = load(Shelf(root / "inbox", root / "lake", root / "quarantine"), mapping, "Asia/Shanghai", AS_OF)
        assert {file.object for file in loaded.files} == set(OBJECTS), loaded

    costs(take)


if __name__ == "__main__":
    sys.exit(bench(__doc__, 1_000_000, {"bare": bare_copy, "load": load_extracts}, compare))
