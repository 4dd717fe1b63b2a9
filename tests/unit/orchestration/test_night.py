"""The clock, the record and the files of a night."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.night import (
    Home,
    Night,
    NightRecord,
    as_of,
    code_version,
    fingerprint,
    latest_business_date,
    published_archives,
    rate_date,
    read_record,
    replace_file,
)

RECORD = NightRecord(
    business_date=date(2026, 3, 31),
    as_of_at=datetime(2026, 3, 31, 16, tzinfo=UTC),
    fingerprint="f",
    config_hash="c",
    code_version="0.1.0+abc",
    inputs_hash="i",
    rate_date=date(2026, 3, 30),
    previous_business_date=date(2026, 3, 30),
    rows_in=3,
    rows_loaded=2,
    rows_quarantined=1,
    extracts_held=1,
    held_reasons=['inbox/generic/2026-03-31/deals.csv: 订单 "cut"'],
    deals=2,
    open_deals=1,
    open_violations=0,
    table_rows={"deals_current": 2},
    table_hashes={"deals_current": "h"},
    duration_seconds=1.5,
)


def night_of(root: Path, day: date) -> Night:
    return Night(day, "Asia/Shanghai", Home(root), root / "standards")


def test_a_business_date_ends_at_midnight_of_the_company() -> None:
    assert as_of(date(2026, 3, 31), "Asia/Shanghai") == datetime(2026, 3, 31, 16, tzinfo=UTC)


@given(
    st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1)),
    st.sampled_from(["Europe/Berlin", "UTC", "America/New_York"]),
)
def test_the_latest_business_date_at_its_own_end_is_itself(day: date, zone: str) -> None:
    assert latest_business_date(as_of(day, zone), zone) == day


def test_the_day_that_clocks_go_forward_is_an_hour_short() -> None:
    ends = [as_of(date(2026, 3, day), "Europe/Berlin") for day in (28, 29)]
    assert (ends[1] - ends[0]).total_seconds() == 23 * 3600


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    assert read_record(tmp_path) == RECORD


def test_a_record_survives_the_served_table() -> None:
    frame = NightRecord.frame([RECORD, replace(RECORD, previous_business_date=None)])
    # A database hands instants back without their time zone.
    served = frame.with_columns(pl.col("as_of_at").dt.replace_time_zone(None))
    assert NightRecord.from_row(served.row(0, named=True)) == RECORD
    assert served["previous_business_date"].to_list() == [date(2026, 3, 30), None]


def test_a_record_of_before_rate_dates_were_kept_is_read_without_one(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    stored = json.loads((tmp_path / "night.json").read_text(encoding="utf-8"))
    del stored["rate_date"]
    (tmp_path / "night.json").write_text(json.dumps(stored), encoding="utf-8")
    assert read_record(tmp_path) == replace(RECORD, rate_date=None)


def test_the_rate_date_is_the_oldest_that_an_open_deal_was_converted_at() -> None:
    def dated(*rows: tuple[bool, str | None, date | None]) -> date | None:
        schema = {"is_open": pl.Boolean, "currency": pl.String, "rate_date": pl.Date}
        return rate_date(pl.DataFrame(rows, schema, orient="row"), "CNY")

    march, may = date(2026, 3, 30), date(2026, 5, 4)
    own, closed = (True, "CNY", date(1900, 1, 1)), (False, "EUR", date(2025, 1, 1))
    without_rate, without_currency = (True, "USD", None), (True, None, None)
    assert dated(own, closed, without_rate, without_currency) is None
    assert dated(own, closed, without_rate, (True, "EUR", may), (True, "USD", march)) == march
    assert dated() is None


def test_a_night_without_its_record_was_not_published(tmp_path: Path) -> None:
    night = night_of(tmp_path, date(2026, 3, 31))
    night.archive.mkdir(parents=True)
    (night.archive / "violations.parquet").write_bytes(b"")
    assert published_archives(night.home) == []
    RECORD.write(night.archive)
    assert published_archives(night.home) == [night.archive]


def test_a_past_night_knows_only_the_nights_before_it(tmp_path: Path) -> None:
    for day in (29, 30, 31):
        replace(RECORD, business_date=date(2026, 3, day)).write(night_of(tmp_path, date(2026, 3, day)).archive)
    middle = night_of(tmp_path, date(2026, 3, 30))
    assert [folder.name for folder in middle.earlier_archives()] == ["2026-03-29"]
    assert middle.previous_business_date() == date(2026, 3, 29)
    assert night_of(tmp_path, date(2026, 3, 29)).previous_business_date() is None


def test_whatever_makes_a_night_changes_its_fingerprint(tmp_path: Path) -> None:
    night = night_of(tmp_path, date(2026, 3, 31))
    first = fingerprint(night, "config", "code", "inputs")
    assert fingerprint(night, "config", "code", "inputs") == first
    others = {
        fingerprint(night_of(tmp_path, date(2026, 3, 30)), "config", "code", "inputs"),
        fingerprint(night, "changed", "code", "inputs"),
        fingerprint(night, "config", "changed", "inputs"),
        fingerprint(night, "config", "code", "changed"),
    }
    replace(RECORD, business_date=date(2026, 3, 1)).write(night_of(tmp_path, date(2026, 3, 1)).archive)
    others.add(fingerprint(night, "config", "code", "inputs"))
    assert first not in others
    assert len(others) == 5


def test_an_edited_clone_has_a_code_version_of_its_own(tmp_path: Path) -> None:
    model = tmp_path / "dbt_project" / "models" / "a.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select 1", encoding="utf-8")
    before = code_version("0.1.0", tmp_path)
    generated = tmp_path / "dbt_project" / "target" / "a.sql"
    generated.parent.mkdir()
    generated.write_text("anything", encoding="utf-8")
    assert code_version("0.1.0", tmp_path) == before
    model.write_text("select 2", encoding="utf-8")
    assert code_version("0.1.0", tmp_path) != before


def test_a_file_that_would_be_the_same_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a" / "page.html"
    replace_file(path, b"one")
    written = path.stat().st_mtime_ns
    replace_file(path, b"one")
    assert path.stat().st_mtime_ns == written
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Los_Angeles"])
def test_the_latest_business_date_is_told_in_the_companys_zone(zone: str) -> None:
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert latest_business_date(now, zone) == date(2026, 3, 30)
