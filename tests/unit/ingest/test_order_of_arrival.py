"""However extracts arrive, are cut into files, ordered or encoded: the lake ends in the same state."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.ingest.load import known_objects, load
from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.taking import Shelf
from orchestration.warehouse import Warehouse

ZONE = "Asia/Shanghai"
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
MAPPING = CrmMapping(
    crm="generic", layout="neutral", without_manifest="full", unknown_columns="refuse", max_quarantined_share=1
)
COLUMNS = ["deal_id", "stage", "amount", "created_at", "modified_at"]


@dataclass(frozen=True)
class Extract:
    """What a CRM gave on one day: deal, stage, and the hour of that day at which it was changed."""

    day: int
    is_full: bool
    rows: tuple[tuple[int, str, int], ...]

    def frame(self) -> pl.DataFrame:
        taken = START + timedelta(days=self.day)
        return pl.DataFrame(
            [
                (
                    f"D{deal}",
                    stage,
                    f"{deal * 100 + hour}.50",
                    "2026-02-01T09:00:00+08:00",
                    (taken - timedelta(hours=24 - hour)).isoformat(),
                )
                for deal, stage, hour in self.rows
            ],
            schema=dict.fromkeys(COLUMNS, pl.String),
            orient="row",
        )


ROWS = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(["One", "Two", "Won"]), st.integers(1, 23)),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[0],
)
EXTRACTS = st.lists(st.tuples(st.booleans(), ROWS), min_size=1, max_size=5).map(
    lambda days: [Extract(day, is_full or day == 0, tuple(rows)) for day, (is_full, rows) in enumerate(days)]
)


def deliver(shelf: Shelf, extract: Extract, draw: st.DataObject | None = None) -> None:
    """Put an extract into the inbox: in one CSV, or cut, shuffled and encoded as drawn."""
    frame, parts, suffix = extract.frame(), 1, "csv"
    if draw is not None:
        frame = frame.select(draw.draw(st.permutations(COLUMNS))).sample(
            fraction=1, shuffle=True, seed=draw.draw(st.integers(0, 99))
        )
        parts = draw.draw(st.integers(1, 3))
        suffix = draw.draw(st.sampled_from(["csv", "parquet", "jsonl"]))
        if draw.draw(st.booleans()):
            # The exporter sent some records twice.
            frame = pl.concat([frame, frame.head(2)])
    folder = shelf.inbox / "generic" / (START + timedelta(days=extract.day)).strftime("%Y-%m-%dT%H-%M-%SZ")
    folder.mkdir(parents=True)
    files = {}
    for part in range(parts):
        piece = frame.filter(pl.int_range(pl.len()) % parts == part)
        name = f"deals_{part}.{suffix}"
        if suffix == "parquet":
            piece.with_columns(
                pl.col("amount").cast(pl.Decimal(18, 2)), pl.col("modified_at").str.to_datetime(time_zone="UTC")
            ).write_parquet(folder / name)
        elif suffix == "jsonl":
            piece.write_ndjson(folder / name)
        else:
            piece.write_csv(folder / name)
        if piece.is_empty():
            (folder / name).unlink()
        else:
            files[name] = {"rows": piece.height}
    manifest = {"extract": "full" if extract.is_full else "delta", "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def state(shelf: Shelf, root: Path, as_of: datetime) -> dict[str, list[tuple[object, ...]]]:
    """What dbt would see of the deals, without where each came from."""
    warehouse = Warehouse(root / "warehouse.duckdb")
    found = {}
    for raw, files in known_objects(shelf, MAPPING, as_of):
        if raw.name in ("deals", "deals_observed"):
            warehouse.expose([(raw, files.files)])
            columns = [column for column in raw.columns if column not in ("_file", "_record")]
            found[raw.name] = warehouse.read(f"raw_generic.{raw.name}", columns).sort(columns).rows()
    return found


def fresh(root: Path) -> Shelf:
    root.mkdir()
    return Shelf(root / "inbox", root / "lake", root / "quarantine")


@settings(max_examples=40, deadline=None)
@given(EXTRACTS, st.data())
def test_any_order_of_arrival_and_any_shape_ends_in_the_state_of_an_orderly_load(
    extracts: list[Extract], data: st.DataObject
) -> None:
    end = START + timedelta(days=len(extracts))
    with tempfile.TemporaryDirectory() as folder:
        orderly, shuffled = fresh(Path(folder) / "orderly"), fresh(Path(folder) / "shuffled")
        for extract in extracts:
            deliver(orderly, extract)
            load(orderly, MAPPING, ZONE, START + timedelta(days=extract.day))
        for extract in data.draw(st.permutations(extracts)):
            deliver(shuffled, extract, data)
            if data.draw(st.booleans()):
                load(shuffled, MAPPING, ZONE, end)
        load(shuffled, MAPPING, ZONE, end)
        assert state(shuffled, shuffled.inbox.parent, end) == state(orderly, orderly.inbox.parent, end)


@settings(max_examples=25, deadline=None)
@given(EXTRACTS, st.integers(0, 4))
def test_what_was_known_on_a_day_stays_known_as_it_was(extracts: list[Extract], day: int) -> None:
    then = START + timedelta(days=min(day, len(extracts) - 1))
    with tempfile.TemporaryDirectory() as folder:
        shelf = fresh(Path(folder) / "home")
        for extract in extracts:
            deliver(shelf, extract)
        load(shelf, MAPPING, ZONE, then)
        before = state(shelf, shelf.inbox.parent, then)
        load(shelf, MAPPING, ZONE, START + timedelta(days=len(extracts)))
        assert state(shelf, shelf.inbox.parent, then) == before


@settings(max_examples=30, deadline=None)
@given(EXTRACTS)
def test_observations_tell_the_stages_that_a_look_at_every_day_tells(extracts: list[Extract]) -> None:
    """Against a slow reference: the state of each day, day by day, in a dictionary."""
    known: dict[str, str] = {}
    expected: list[tuple[str, int, str | None]] = []
    for extract in extracts:
        brought = {f"D{deal}": stage for deal, stage, _ in extract.rows}
        after = brought if extract.is_full else known | brought
        every = known.keys() | after.keys()
        expected += [(deal, extract.day, after.get(deal)) for deal in every if known.get(deal) != after.get(deal)]
        known = after
    end = START + timedelta(days=len(extracts))
    with tempfile.TemporaryDirectory() as folder:
        shelf = fresh(Path(folder) / "home")
        for extract in extracts:
            deliver(shelf, extract)
        load(shelf, MAPPING, ZONE, end)
        warehouse = Warehouse(Path(folder) / "warehouse.duckdb")
        for raw, files in known_objects(shelf, MAPPING, end):
            if raw.name == "deals_observed":
                warehouse.expose([(raw, files.files)])
        observed = warehouse.read("raw_generic.deals_observed").sort("deal_id", "observed_at")
    told: list[tuple[str, int, str | None]] = []
    last: dict[str, str | None] = {}
    for row in observed.iter_rows(named=True):
        stage = row["stage"] if row["is_present"] else None
        if last.get(row["deal_id"]) != stage:
            told.append((row["deal_id"], (row["observed_at"].replace(tzinfo=UTC) - START).days, stage))
        last[row["deal_id"]] = stage
    assert sorted(told, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("host_zone", ["America/Los_Angeles", "Asia/Tokyo"])
def test_the_time_zone_of_the_machine_changes_no_byte_of_the_lake(host_zone: str, tmp_path: Path) -> None:
    made = {}
    for zone in ("UTC", host_zone):
        shelf = fresh(tmp_path / zone.replace("/", "_"))
        deliver(shelf, Extract(0, is_full=True, rows=((1, "One", 3), (2, "Two", 23))))
        code = (
            "from datetime import datetime, UTC; from pathlib import Path; import sys\n"
            "from orchestration.ingest.load import load; from orchestration.ingest.mapping import CrmMapping\n"
            "from orchestration.ingest.taking import Shelf\n"
            "root = Path(sys.argv[1])\n"
            "mapping = CrmMapping(crm='generic', layout='neutral', without_manifest='full', unknown_columns='refuse')\n"
            "load(Shelf(root / 'inbox', root / 'lake', root / 'quarantine'), mapping, 'Asia/Shanghai', "
            "datetime(2026, 4, 1, tzinfo=UTC))\n"
        )
        subprocess.run(
            [sys.executable, "-c", code, str(shelf.inbox.parent)],
            env=os.environ | {"TZ": zone, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
            check=True,
        )
        made[zone] = {
            str(path.relative_to(shelf.lake)): path.read_bytes()
            for path in shelf.lake.rglob("*")
            if path.is_file() and path.name not in (".seen", ".lock")
        }
    assert made["UTC"] == made[host_zone]


def test_the_same_content_as_the_day_before_makes_no_new_parquet(tmp_path: Path) -> None:
    shelf = fresh(tmp_path / "home")
    for day in (0, 1):
        folder = shelf.inbox / "generic" / (START + timedelta(days=day)).strftime("%Y-%m-%dT%H-%M-%SZ")
        folder.mkdir(parents=True)
        (folder / "deals.csv").write_text("deal_id,stage,created_at\n1,One,2026-03-01\n", encoding="utf-8")
    load(shelf, MAPPING.model_copy(update={"stable_for_seconds": 0}), ZONE, START + timedelta(days=2))
    assert len(list((shelf.lake / "generic" / "deals").glob("*.parquet"))) == 1
    (found,) = [found for raw, found in known_objects(shelf, MAPPING, START + timedelta(days=2)) if raw.name == "deals"]
    assert found.last_extracted_at == START + timedelta(days=1)
    assert duckdb.execute(f"select count(*) from read_parquet('{found.files[0]}')").fetchone() == (1,)


def test_two_loads_at_once_take_each_extract_once(tmp_path: Path) -> None:
    shelf = fresh(tmp_path / "home")
    for day in range(4):
        deliver(shelf, Extract(day, is_full=day == 0, rows=((day, "One", 3), (2, "Two", 4 + day))))
    end = START + timedelta(days=4)
    with ThreadPoolExecutor(2) as pool:
        reports = [each.result() for each in [pool.submit(load, shelf, MAPPING, ZONE, end) for _ in range(2)]]
    assert sorted(len(report.files) for report in reports) == [0, 4]
    assert len(list((shelf.lake / "generic" / "deals").glob("*.parquet"))) == 4
    assert not list(shelf.lake.rglob(".*.writing"))
