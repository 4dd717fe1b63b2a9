"""Extracts to lake: what is refused, what is quarantined, what is kept, and that nothing is lost between."""

import gzip
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.ingest.inbox import ExtractRefused
from orchestration.ingest.lake import entries, fingerprint, known
from orchestration.ingest.load import load, pending
from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.taking import Shelf

Put = Callable[..., Path]
AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"


def loaded(shelf: Shelf, name: str = "deals", as_of: datetime = AS_OF) -> pl.DataFrame:
    (found,) = known(shelf.lake, entries(shelf.lake, "generic"), [name], as_of)
    return pl.concat([pl.read_parquet(path) for path in found.files])


def quarantined(shelf: Shelf) -> list[tuple[int, str | None, str]]:
    frames = [pl.read_parquet(path) for path in shelf.quarantine.rglob("*.parquet")]
    return pl.concat(frames).select("record", "column", "reason").rows() if frames else []


@pytest.mark.parametrize(
    ("flaw", "sentence"),
    [
        ("zero_bytes.csv", r"deals\.csv: is empty \(0 bytes\)"),
        ("header_only.csv", r"deals\.csv: has no record"),
        ("cut_last_record.csv", r"deals\.csv, record 2: the last record has 3 of 8 fields, the file is cut"),
        ("cut_within_quotes.csv", r"deals\.csv, line \d: a quoted field is never closed, the file is cut"),
        (
            "misspelt_column.csv",
            r"deals\.csv, line 1: column 'amout' is not in the layout of deals; did you mean 'amount'",
        ),
        ("column_named_twice.csv", r"line 1: column 'Amount' is a second name of a column that is there"),
    ],
)
def test_a_file_that_cannot_be_whole_is_refused_with_its_place_and_leaves_no_trace(
    flaw: str, sentence: str, put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    put(flaw)
    with pytest.raises(ExtractRefused, match=sentence):
        load(shelf, neutral, ZONE, AS_OF)
    assert not list(shelf.lake.rglob("*.parquet"))
    assert entries(shelf.lake, "generic") == []


@pytest.mark.parametrize(
    ("flaw", "expected"),
    [
        ("thousands_separator.csv", [(1, "amount", "bad_money")]),
        ("too_many_decimals.csv", [(1, "amount", "bad_money")]),
        ("no_such_day.csv", [(1, "created_at", "bad_instant")]),
        ("undeclared_date_format.csv", [(1, "expected_close_date", "bad_date")]),
        ("share_above_one.csv", [(1, "probability", "bad_share")]),
        ("neither_true_nor_false.csv", [(1, "is_deleted", "bad_boolean")]),
        ("missing_key.csv", [(1, "deal_id", "missing_key")]),
        ("missing_stage.csv", [(1, "stage", "missing_value")]),
        ("repeated_record.csv", [(2, "deal_id", "repeated_record")]),
        (
            "conflicting_duplicate.csv",
            [(1, "deal_id", "conflicting_duplicate"), (2, "deal_id", "conflicting_duplicate")],
        ),
        ("ragged_record.csv", [(2, None, "ragged_record")]),
        ("not_utf8.csv", [(1, None, "undecodable_bytes")]),
    ],
)
def test_a_record_that_cannot_be_read_is_quarantined_with_its_number_and_reason(
    flaw: str, expected: list[tuple[int, str | None, str]], put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    put(flaw)
    (report,) = load(shelf, neutral, ZONE, AS_OF).files
    assert quarantined(shelf) == expected
    assert report.rows_in == report.rows_loaded + report.rows_quarantined
    assert report.rows_quarantined == len({record for record, _, _ in expected})


def test_good_records_are_typed_exactly_and_say_where_they_came_from(
    put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    put("good.csv")
    load(shelf, neutral, ZONE, AS_OF)
    first, second = loaded(shelf).to_dicts()
    assert first["created_at"] == datetime(2026, 3, 1, 1, tzinfo=UTC)
    assert first["amount"] == Decimal("1000.50")
    assert first["expected_close_date"] == date(2026, 4, 30)
    assert first["is_deleted"] is False
    assert second["created_at"] == datetime(2026, 3, 1, 16, tzinfo=UTC), (
        "a date is the start of the day in the company's zone"
    )
    assert second["probability"] is None
    assert (second["_file"], second["_record"]) == ("generic/2026-03-31/deals.csv", 2)
    assert second["_extracted_at"] == datetime(2026, 3, 31, 16, tzinfo=UTC), (
        "a date alone is the end of the business date"
    )


def test_records_after_one_that_does_not_fit_keep_their_numbers(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("ragged_record.csv")
    load(shelf, neutral, ZONE, AS_OF)
    assert loaded(shelf).select("deal_id", "_record").rows() == [("1", 1), ("3", 3)]


def test_more_refused_records_than_allowed_hold_the_extract_and_still_list_them(put: Put, shelf: Shelf) -> None:
    strict = CrmMapping(
        crm="generic", layout="neutral", without_manifest="full", unknown_columns="refuse", stable_for_seconds=0
    )
    put("ragged_record.csv")
    (held,) = load(shelf, strict, ZONE, AS_OF).held
    assert re.search(r"record 2: ragged_record .*1 of 3 records are refused", held.reason)
    assert quarantined(shelf) == [(2, None, "ragged_record")]
    assert entries(shelf.lake, "generic") == []
    assert not list(shelf.lake.rglob("*.parquet"))


def test_the_same_extract_again_is_a_no_op_that_touches_no_file(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("good.csv")
    load(shelf, neutral, ZONE, AS_OF)
    before = {path: path.stat().st_mtime_ns for path in shelf.lake.rglob("*")}
    assert pending(shelf, neutral, ZONE, AS_OF) == []
    assert load(shelf, neutral, ZONE, AS_OF).files == []
    assert {path: path.stat().st_mtime_ns for path in shelf.lake.rglob("*")} == before


def test_an_extract_that_changed_after_it_was_loaded_is_refused(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    path = put("good.csv")
    load(shelf, neutral, ZONE, AS_OF)
    path.write_text(path.read_text(encoding="utf-8").replace("1000.50", "9999.50"), encoding="utf-8")
    with pytest.raises(ExtractRefused, match="has changed since it was loaded"):
        load(shelf, neutral, ZONE, AS_OF)


def test_a_file_that_joins_a_loaded_extract_is_taken(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("good.csv")
    load(shelf, neutral, ZONE, AS_OF)
    put("user_id,team\nu1,north\n", name="users.csv")
    assert [report.file for report in load(shelf, neutral, ZONE, AS_OF).files] == ["generic/2026-03-31/users.csv"]
    assert [file.object for file in entries(shelf.lake, "generic")[0].files] == ["deals", "users"]


def test_leftovers_of_a_crash_count_for_nothing(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("good.csv")
    leftover = shelf.lake / "generic" / "deals" / "20260331T160000Z__deadbeef.parquet"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half a file")
    load(shelf, neutral, ZONE, AS_OF)
    assert loaded(shelf).height == 2


def test_what_was_extracted_later_is_not_known_earlier(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("good.csv", day="2026-03-30")
    put("deal_id,stage,created_at\n3,Proposal,2026-03-31\n4,Proposal,2026-03-31\n", day="2026-03-31")
    load(shelf, neutral, ZONE, AS_OF)
    end_of_first = datetime(2026, 3, 30, 16, tzinfo=UTC)
    assert loaded(shelf, as_of=end_of_first)["deal_id"].to_list() == ["1", "2"]
    assert fingerprint(shelf.lake, ["generic"], end_of_first) != fingerprint(shelf.lake, ["generic"], AS_OF)


def test_a_full_extract_takes_the_place_of_all_before_it_and_a_delta_adds(
    put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    put("good.csv", day="2026-03-28")
    put("deal_id,stage,created_at\n1,Won,2026-03-01\n2,Won,2026-03-01\n", day="2026-03-29")
    put("deal_id,stage,created_at\n3,Proposal,2026-03-30\n", day="2026-03-30")
    put(json.dumps({"extract": "delta"}), day="2026-03-30", name="manifest.json")
    load(shelf, neutral, ZONE, AS_OF)
    assert loaded(shelf)["deal_id"].to_list() == ["1", "2", "3"]


def test_later_extracts_wait_until_their_night(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("good.csv", day="2026-03-31")
    assert load(shelf, neutral, ZONE, datetime(2026, 3, 30, 16, tzinfo=UTC)).files == []


def test_a_manifest_proves_rows_bytes_and_content(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    path = put("good.csv")
    right = {"rows": 2, "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    for wrong, sentence in (
        ({"rows": 3}, "has 2 records where its manifest promises 3"),
        ({"bytes": 1}, "where its manifest promises 1"),
        ({"sha256": "0" * 64}, "is not the file that its manifest describes"),
    ):
        put(json.dumps({"extract": "full", "files": {"deals.csv": right | wrong}}), name="manifest.json")
        with pytest.raises(ExtractRefused, match=sentence):
            load(shelf, neutral, ZONE, AS_OF)
    put(json.dumps({"extract": "full", "files": {"deals.csv": right}}), name="manifest.json")
    (report,) = load(shelf, neutral, ZONE, AS_OF).files
    assert report.rows_loaded == 2


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".jsonl"])
def test_every_format_of_one_table_gives_the_same_records(suffix: str, shelf: Shelf, neutral: CrmMapping) -> None:
    table = pl.DataFrame(
        {
            "deal_id": ["1", "2"],
            "stage": ["方案报价", 'Won, "really"\nwon'],
            "created_at": ["2026-03-01T09:00:00.250000+08:00", None],
            "amount": ["12.50", None],
        }
    )
    folder = shelf.inbox / "generic" / "2026-03-31"
    folder.mkdir(parents=True)
    path = folder / f"deals{suffix}"
    buffer = io.BytesIO()
    if suffix == ".parquet":
        typed = table.with_columns(
            pl.col("created_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z"), pl.col("amount").cast(pl.Decimal(18, 2))
        )
        typed.write_parquet(buffer)
    elif suffix == ".jsonl":
        table.write_ndjson(buffer)
    else:
        table.write_csv(buffer)
    path.write_bytes(gzip.compress(buffer.getvalue()) if suffix.endswith(".gz") else buffer.getvalue())
    load(shelf, neutral, ZONE, AS_OF)
    assert loaded(shelf).select("deal_id", "stage", "created_at", "amount").rows() == [
        ("1", "方案报价", datetime(2026, 3, 1, 1, 0, 0, 250000, tzinfo=UTC), Decimal("12.50")),
        ("2", 'Won, "really"\nwon', None, None),
    ]


def test_a_cut_gzip_is_refused(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    folder = shelf.inbox / "generic" / "2026-03-31"
    folder.mkdir(parents=True)
    (folder / "deals.csv.gz").write_bytes(gzip.compress(b"deal_id,stage,created_at\n1,Won,\n" * 50)[:-9])
    with pytest.raises(ExtractRefused, match="cut or broken gzip"):
        load(shelf, neutral, ZONE, AS_OF)


def test_a_column_of_the_companys_own_becomes_an_attribute(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("account_id,x_Tier\na1,gold\na2,\n", name="accounts.csv")
    load(shelf, neutral, ZONE, AS_OF)
    rows = loaded(shelf, "accounts_attributes").select("record_id", "attribute", "attribute_value").rows()
    assert rows == [("a1", "tier", "gold"), ("a2", "tier", None)]


def test_a_column_that_dates_a_stage_becomes_a_change_of_stage(put: Put, shelf: Shelf) -> None:
    mapping = CrmMapping(
        crm="generic",
        layout="neutral",
        without_manifest="full",
        unknown_columns="refuse",
        stable_for_seconds=0,
        headers={"deals": {"engage date": "stage_entered_at"}},
        stage_dates=[{"object": "deals", "column": "stage_entered_at", "stage": "Engaging"}],
    )
    put("deal_id,stage,created_at,engage date\n1,Won,,2026-03-02\n2,Prospecting,,\n")
    load(shelf, mapping, ZONE, AS_OF)
    changes = loaded(shelf, "stage_changes").select("change_id", "deal_id", "stage", "changed_at").rows()
    assert changes == [("1:Engaging", "1", "Engaging", datetime(2026, 3, 1, 16, tzinfo=UTC))]


def test_addresses_and_telephone_numbers_are_masked_in_the_quarantine(
    put: Put, shelf: Shelf, neutral: CrmMapping
) -> None:
    put("deal_id,stage,created_at,amount\n1,Won,,ask ann@example.com or +86 139 1234 5678\n")
    load(shelf, neutral, ZONE, AS_OF)
    (path,) = shelf.quarantine.rglob("*.parquet")
    assert pl.read_parquet(path)["value"].to_list() == ["ask *** or ***"]


def test_a_local_time_that_the_clocks_skipped_is_no_instant(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("deal_id,stage,created_at\n1,Won,2026-03-29T02:30:00\n2,Won,2025-10-26T02:30:00\n")
    load(shelf, neutral, "Europe/Berlin", AS_OF)
    assert quarantined(shelf) == [(1, "created_at", "bad_instant")]
    assert loaded(shelf)["created_at"].to_list() == [datetime(2025, 10, 26, 0, 30, tzinfo=UTC)]


@pytest.mark.parametrize("name", ["31-03-2026", "2026-02-30", "latest", "2026-03-31T25-00-00Z"])
def test_a_folder_whose_name_is_no_instant_is_refused(name: str, put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("good.csv", day=name)
    with pytest.raises(ExtractRefused, match=rf"inbox/generic/{re.escape(name)}: the folder's name should be when"):
        pending(shelf, neutral, ZONE, AS_OF)


def test_a_file_of_no_object_is_refused_with_the_closest_name(put: Put, shelf: Shelf, neutral: CrmMapping) -> None:
    put("good.csv", name="activites.csv")
    with pytest.raises(
        ExtractRefused, match="no object of generic comes in a file of that name; did you mean 'activities'"
    ):
        pending(shelf, neutral, ZONE, AS_OF)


CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        ["1", "2", "10.5", "10.555", "1e9", "2026-03-01", "2026-13-01", "true", "maybe", "0.5", "7", "，", '"', "a\nb"]
    ),
    st.text(alphabet='ab1,.-"\n 中', max_size=6),
)
RECORDS = st.lists(st.tuples(*[CELLS] * 6), min_size=1, max_size=25)


@settings(max_examples=120, deadline=None)
@given(RECORDS)
def test_rows_in_are_rows_loaded_and_rows_quarantined_whatever_the_records_hold(
    records: list[tuple[str | None, ...]],
) -> None:
    columns = ["deal_id", "stage", "created_at", "amount", "probability", "is_deleted"]
    table = pl.DataFrame(records, schema=dict.fromkeys(columns, pl.String), orient="row")
    mapping = CrmMapping(
        crm="generic",
        layout="neutral",
        without_manifest="full",
        unknown_columns="refuse",
        max_quarantined_share=1,
        stable_for_seconds=0,
    )
    with tempfile.TemporaryDirectory() as root:
        shelf = Shelf(Path(root) / "inbox", Path(root) / "lake", Path(root) / "quarantine")
        folder = shelf.inbox / "generic" / "2026-03-31"
        folder.mkdir(parents=True)
        table.write_csv(folder / "deals.csv", quote_style="always")
        (report,) = load(shelf, mapping, ZONE, AS_OF).files
        assert report.rows_in == table.height
        kept = loaded(shelf)
        refused = {record for record, _, _ in quarantined(shelf)}
        assert kept.height == report.rows_loaded
        assert len(refused) == report.rows_quarantined
        assert set(kept["_record"]) | refused == set(range(1, table.height + 1))
        assert not set(kept["_record"]) & refused
        # What was kept says what the file said, to the letter.
        for row in kept.iter_rows(named=True):
            assert row["deal_id"] == records[row["_record"] - 1][0]
