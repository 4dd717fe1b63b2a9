"""Publishes one small night after another until it is killed: a program of its own, for tests that kill it.

`python publisher.py <home> <postgres url>`. It goes on with the day after the last night that was published, and goes
through the very steps of a real publication: build the served file, copy it, archive the record, retire, switch, and
PostgreSQL.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from orchestration import serving
from orchestration.night import Home, Night, NightRecord, published_archives
from orchestration.publishing import postgres
from orchestration.publishing.catalogue import meaning
from orchestration.publishing.contracts import ServedTable
from orchestration.warehouse import Warehouse, rows_as_csv, served_columns

TABLES = tuple(ServedTable(name, "made", ("number",)) for name in ("deals", "stages", "forecasts"))
NIGHTS = ServedTable("nights", "made", ("business_date",))
SCHEMA = postgres.Schema("stageproof", "stageproof_reader")
FIRST = date(2026, 1, 1)
# Enough that a kill often falls into the middle of a copy.
ROWS = 20_000
KEEP_NIGHTS = 3


def record_of(night: Night) -> NightRecord:
    return NightRecord(
        business_date=night.business_date,
        as_of_at=datetime(2026, 1, 1, tzinfo=UTC),
        fingerprint=f"{night.business_date:%Y%m%d}0000",
        config_hash="",
        code_version="",
        inputs_hash="",
        rate_date=None,
        previous_business_date=night.previous_business_date(),
        rows_in=0,
        rows_loaded=0,
        rows_quarantined=0,
        extracts_held=0,
        held_reasons=[],
        deals=0,
        open_deals=0,
        open_violations=0,
        table_rows={},
        table_hashes={},
        duration_seconds=0.0,
    )


def publish_files(night: Night, rows: int, *, is_switched: bool = True) -> None:
    """One night in files, every row with its date."""
    warehouse, record = Warehouse(night.home.warehouse), record_of(night)
    numbers = pl.DataFrame({"number": range(rows), "business_date": [night.business_date] * rows})
    nights = pl.DataFrame({"business_date": [night.business_date]})
    warehouse.write("made", {table.name: numbers for table in TABLES} | {"nights": nights})
    warehouse.build_served(night.served_file, [*TABLES, NIGHTS], record.night_id, {})
    serving.write_parquet(night, record)
    record.write(night.archive)
    if is_switched:
        serving.switch(night, record)


def publish(night: Night, url: str) -> None:
    """One night everywhere, its number of rows told by its date, so that a mixture shows in a count as well."""
    publish_files(night, ROWS + (night.business_date - FIRST).days, is_switched=False)
    serving.retire(night.home, KEEP_NIGHTS)
    serving.switch(night, record_of(night))
    columns = served_columns(night.served_file)
    tables = [postgres.PublishedTable(each.name, columns[each.name], meaning(each), ()) for each in (*TABLES, NIGHTS)]
    by_name = {each.name: each for each in (*TABLES, NIGHTS)}
    postgres.publish(
        url, SCHEMA, night.business_date, tables, lambda name: rows_as_csv(night.served_file, by_name[name])
    )


def main(home: Home, url: str) -> None:
    serving.PUBLISHED = {table.name: table for table in (*TABLES, NIGHTS)}
    # Whoever kills it need not wait for the imports.
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        published = published_archives(home)
        last = date.fromisoformat(published[-1].name) if published else FIRST - timedelta(days=1)
        publish(Night(last + timedelta(days=1), "UTC", home, Path()), url)


if __name__ == "__main__":
    main(Home(Path(sys.argv[1])), sys.argv[2])
