"""Frames and lake files in, served file out; what a reader sees while that happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from orchestration.publishing.archive import content, history, latest
from orchestration.warehouse import Warehouse, WarehouseError, is_current, link_current, read_served


@dataclass(frozen=True)
class Table:
    name: str
    source: str
    order_by: tuple[str, ...]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse" / "stageproof.duckdb")


def lake_file(path: Path, rows: list[tuple[str, str, int]], day: int) -> Path:
    """Records (id, stage, amount) as extracted on a day of March."""
    taken = datetime(2026, 3, day, 16, tzinfo=UTC)
    frame = pl.DataFrame(rows, schema={"id": pl.String, "stage": pl.String, "cents": pl.Int64}, orient="row")
    frame.select(
        "id",
        "stage",
        (pl.col("cents").cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)).alias("amount"),
        pl.lit(taken).cast(pl.Datetime("us", "UTC")).alias("_extracted_at"),
        pl.lit(path.name).alias("_file"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("_record"),
    ).write_parquet(path)
    return path


@dataclass(frozen=True)
class Raw:
    columns: Mapping[str, str]
    schema: str = "raw_x"
    name: str = "deals"
    key: Sequence[str] = ("id",)
    newest_by: str | None = None


COLUMNS = {"id": "text", "stage": "text", "amount": "money"}
DEALS = Raw(COLUMNS)


def test_the_newest_version_of_each_record_is_exposed(warehouse: Warehouse, tmp_path: Path) -> None:
    files = [
        lake_file(tmp_path / "b.parquet", [("1", "Won", 200)], day=2),
        lake_file(tmp_path / "a.parquet", [("1", "Open", 100), ("2", "Open", 300)], day=1),
    ]
    warehouse.expose([(DEALS, files)])
    rows = warehouse.read("raw_x.deals").sort("id")
    assert rows.select("id", "stage", "amount").rows() == [
        ("1", "Won", Decimal("2.00")),
        ("2", "Open", Decimal("3.00")),
    ]
    assert rows["_extracted_at"].to_list() == [datetime(2026, 3, 2, 16), datetime(2026, 3, 1, 16)]


def test_the_version_that_the_crm_changed_last_is_exposed_whenever_it_was_extracted(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    def version(name: str, stage: str, modified: datetime | None, day: int) -> Path:
        path = lake_file(tmp_path / name, [("1", stage, 100)], day)
        frame = pl.read_parquet(path)
        frame.with_columns(pl.lit(modified).cast(pl.Datetime("us", "UTC")).alias("modified_at")).write_parquet(path)
        return path

    raw = Raw(COLUMNS | {"modified_at": "instant"}, newest_by="modified_at")
    newer = version("newer.parquet", "Won", datetime(2026, 3, 1, 12, tzinfo=UTC), day=1)
    replayed = version("replayed.parquet", "Open", datetime(2026, 3, 1, 9, tzinfo=UTC), day=2)
    warehouse.expose([(raw, [newer, replayed])])
    assert warehouse.read("raw_x.deals")["stage"].to_list() == ["Won"]
    unstamped = version("unstamped.parquet", "Lost", None, day=3)
    warehouse.expose([(raw, [newer, replayed, unstamped])])
    assert warehouse.read("raw_x.deals")["stage"].to_list() == ["Lost"]


def test_an_object_never_extracted_is_an_empty_table_with_its_types(warehouse: Warehouse) -> None:
    warehouse.expose([(DEALS, [])])
    assert warehouse.read("raw_x.deals").schema["amount"] == pl.Decimal(18, 2)


def test_an_object_that_comes_for_the_first_time_takes_the_place_of_its_empty_table(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.expose([(DEALS, [])])
    warehouse.expose([(DEALS, [lake_file(tmp_path / "a.parquet", [("1", "Open", 1)], day=1)])])
    assert warehouse.read("raw_x.deals").height == 1
    warehouse.expose([(DEALS, [])])
    assert warehouse.read("raw_x.deals").height == 0


def test_a_column_that_older_lake_files_lack_is_null_there(warehouse: Warehouse, tmp_path: Path) -> None:
    path = lake_file(tmp_path / "a.parquet", [("1", "Open", 1)], day=1)
    warehouse.expose([(Raw(COLUMNS | {"closed_at": "instant"}), [path])])
    assert warehouse.read("raw_x.deals").select("id", "closed_at").rows() == [("1", None)]


def test_a_warehouse_that_is_kept_open_shows_each_write_and_is_free_afterwards(warehouse: Warehouse) -> None:
    with warehouse.kept_open():
        for value in (1, 2):
            warehouse.write("s", {"t": pl.DataFrame({"v": [value]})})
            assert warehouse.read("s.t")["v"].item() == value
        # DuckDB opens a file with other settings only where nobody in this process holds it.
        with pytest.raises(duckdb.ConnectionException):
            duckdb.connect(str(warehouse.path), read_only=True)
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        assert connection.execute("select v from s.t").fetchall() == [(2,)]


def test_the_tables_of_another_night_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="holds the night of no date, not of 2026-03-31"):
        warehouse.require_night(date(2026, 3, 31))
    warehouse.write("night", {"clock": pl.DataFrame({"business_date": [date(2026, 3, 30)]})})
    with pytest.raises(WarehouseError, match="run the whole night: stageproof night --date 2026-03-31"):
        warehouse.require_night(date(2026, 3, 31))
    warehouse.require_night(date(2026, 3, 30))


def test_one_content_in_any_row_order_has_one_hash_and_one_served_order(warehouse: Warehouse) -> None:
    table = Table("t", "s.t", ("k",))
    rows = pl.DataFrame({"k": [2, 1, None], "v": ["b", "a", "c"]})
    hashes = set()
    for shuffled in (rows, rows.reverse()):
        warehouse.write("s", {"t": shuffled})
        hashes.add(warehouse.contents([table])["t"])
    assert len(hashes) == 1
    warehouse.write("s", {"t": rows.with_columns(v=pl.lit("x"))})
    assert warehouse.contents([table])["t"] not in hashes


def test_a_reader_of_the_old_night_is_not_disturbed_by_the_new_one(warehouse: Warehouse, tmp_path: Path) -> None:
    table, current = Table("t", "s.t", ("k",)), tmp_path / "served" / "stageproof.duckdb"
    for day, value in (("1", "old"), ("2", "new")):
        warehouse.write("s", {"t": pl.DataFrame({"k": [1], "v": [value]})})
        published = tmp_path / "served" / "nights" / f"{day}.duckdb"
        warehouse.build_served(published, [table], f"night {day}", {"t": {"": "One row per k.", "v": "The value."}})
        link_current(published, current, f"night-{day}")
        if day == "1":
            reader = duckdb.connect(str(current), read_only=True)
    assert reader.execute("select v, night_id from t").fetchall() == [("old", "night 1")]
    assert reader.execute("select comment from duckdb_columns() where column_name = 'v'").fetchall() == [
        ("The value.",)
    ]
    # In the same process, as in a BI server that always has a query running: DuckDB hands out again what it holds open.
    assert read_served(current, "t")["v"].to_list() == ["new"]
    assert reader.execute("select v from t").fetchall() == [("old",)]
    reader.close()
    assert sorted(path.name for path in current.parent.iterdir()) == ["duckdb", "nights", "stageproof.duckdb"]


def test_only_the_current_file_and_the_one_before_keep_a_name(tmp_path: Path) -> None:
    current = tmp_path / "served" / "stageproof.duckdb"
    for day in ("1", "2", "3", "3"):
        published = tmp_path / f"{day}.duckdb"
        published.write_bytes(day.encode())
        link_current(published, current, f"night-{day}")
        assert (current.read_bytes(), is_current(published, current)) == (day.encode(), True)
    assert current.readlink() == Path("duckdb/night-3.duckdb"), "relative, so that the folder may be mounted elsewhere"
    assert sorted(path.name for path in (tmp_path / "served" / "duckdb").iterdir()) == ["night-3.duckdb"]


def test_a_file_that_is_no_link_yet_is_switched_as_well(tmp_path: Path) -> None:
    current, published = tmp_path / "served" / "stageproof.duckdb", tmp_path / "1.duckdb"
    current.parent.mkdir()
    current.write_bytes(b"0")
    published.write_bytes(b"1")
    link_current(published, current, "night-1")
    assert (current.is_symlink(), current.read_bytes()) == (True, b"1")


def test_the_latest_state_of_each_key_is_told_from_all_nights(tmp_path: Path) -> None:
    for day, state in ((1, "open"), (2, "closed")):
        folder = tmp_path / str(day)
        folder.mkdir()
        frame = pl.DataFrame({"business_date": [date(2026, 3, day)], "id": ["a"], "state": [state]})
        (folder / "violations.parquet").write_bytes(content(frame))
    found = history([tmp_path / "1", tmp_path / "2"], "violations")
    assert found is not None
    assert latest(found, "id")["state"].to_list() == ["closed"]
    assert history([tmp_path / "1"], "nothing") is None


def test_equal_frames_are_archived_as_equal_bytes() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert content(frame) == content(frame.clone())


def test_a_table_that_is_not_there_yet_is_found_to_be_none(warehouse: Warehouse) -> None:
    assert warehouse.find("forecast.said_then") is None
    kept = pl.DataFrame({"fingerprint": ["a"], "spoken": [b"\x00PAR1"]})
    warehouse.write("forecast", {"said_then": kept})
    found = warehouse.find("forecast.said_then")
    assert found is not None
    assert found.equals(kept)
