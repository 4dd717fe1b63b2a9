"""Readers hammer the served files and the schema while the publisher is killed at any instant and started again.

Whoever reads sees one whole night at a time, never an error, and never an earlier night after a later one.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest
from clones import PROJECT
from postgres_server import postgres
from publisher import FIRST, ROWS, TABLES

KILLS = 20
TABLE_NAMES = [table.name for table in TABLES]
# What one reading saw: of each table its night, its date and its rows.
Seen = list[tuple[str, date, int]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as address:
        yield address


def read_duckdb(home: Path) -> Seen:
    with duckdb.connect(str(home / "served" / "stageproof.duckdb"), read_only=True) as connection:
        rows = [
            connection.execute(f"select any_value(night_id), max(business_date), count(*) from {name}").fetchone()
            for name in TABLE_NAMES
        ]
    return [(row[0], row[1], row[2]) for row in rows if row is not None]


def read_parquet(home: Path) -> Seen:
    # The link is followed once, so that all tables are of the folder that it led to.
    folder = (home / "served" / "parquet" / "current").resolve(strict=True)
    read = [pq.read_table(folder / f"{name}.parquet", columns=["night_id", "business_date"]) for name in TABLE_NAMES]
    return [(table["night_id"][0].as_py(), table["business_date"][0].as_py(), table.num_rows) for table in read]


def read_postgres(connection: psycopg.Connection[tuple[str, date, int]]) -> Seen:
    with connection.transaction():
        rows = [
            connection.execute(f"select max(night_id), max(business_date), count(*) from stageproof.{name}").fetchone()
            for name in TABLE_NAMES
        ]
    return [row for row in rows if row is not None]


def hammer(read: Callable[[], Seen], stop: threading.Event, seen: list[Seen], faults: list[BaseException]) -> None:
    while not stop.is_set():
        try:
            seen.append(read())
            # The publisher needs the machine as well.
            time.sleep(0.05)
        except BaseException as fault:
            faults.append(fault)
            return


def start(home: Path, url: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'tests'}"}
    command = [sys.executable, str(PROJECT / "tests" / "publisher.py"), str(home), url]
    publisher = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    assert publisher.stdout is not None
    assert publisher.stdout.readline() == b"ready\n"
    return publisher


def kill(publisher: subprocess.Popen[bytes]) -> None:
    publisher.send_signal(signal.SIGKILL)
    publisher.wait()
    if publisher.stdout is not None:
        publisher.stdout.close()


def first_night(home: Path, url: str) -> float:
    """Publish until there is a night in PostgreSQL, the last place; how many seconds that took."""
    publisher = start(home, url)
    began = time.monotonic()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            for _ in range(1200):
                held = connection.execute("select to_regclass('stageproof.nights') is not null").fetchone()
                if held == (True,):
                    return time.monotonic() - began
                assert publisher.poll() is None, "the publisher ended by itself"
                time.sleep(0.05)
        raise AssertionError("no night was published within a minute")
    finally:
        kill(publisher)


def test_no_reader_sees_two_nights_an_error_or_a_step_back(home: Path, url: str) -> None:
    seconds = first_night(home, url)
    connection = psycopg.connect(url)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    readers: dict[str, Callable[[], Seen]] = {
        "duckdb": lambda: read_duckdb(home),
        "parquet": lambda: read_parquet(home),
        "postgres": lambda: read_postgres(connection),
    }
    stop, seen, faults = threading.Event(), {name: [] for name in readers}, {name: [] for name in readers}
    threads = [
        threading.Thread(target=hammer, args=(read, stop, seen[name], faults[name])) for name, read in readers.items()
    ]
    for thread in threads:
        thread.start()
    chance = random.Random(20260101)
    try:
        for _ in range(KILLS):
            publisher = start(home, url)
            time.sleep(chance.uniform(0.0, 2.5) * seconds)
            assert publisher.poll() is None, "the publisher ended by itself"
            kill(publisher)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        connection.close()

    for name in readers:
        assert faults[name] == [], name
        assert len(seen[name]) > KILLS, f"{name} was hardly read"
        nights = []
        for one_reading in seen[name]:
            assert len({(night, day) for night, day, _ in one_reading}) == 1, f"{name} mixed nights: {one_reading}"
            (night, day, _) = one_reading[0]
            assert night == f"{day:%Y%m%d}0000"
            assert [rows for *_, rows in one_reading] == [ROWS + (day - FIRST).days] * len(TABLES), f"{name}: not whole"
            nights.append(day)
        assert nights == sorted(nights), f"{name} stepped back"
        assert len(set(nights)) > 3, f"{name} saw {len(set(nights))} nights only"


def test_what_was_left_behind_by_kills_does_not_pile_up(home: Path, url: str) -> None:
    first_night(home, url)
    served = home / "served"
    assert len(list((served / "nights").glob("*"))) <= 6
    assert len(list((served / "parquet").glob("[0-9]*"))) <= 6
