"""What is credible: headers that drift, records that shrink, personal data that nobody asked for."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from orchestration.ingest.inbox import ExtractRefused
from orchestration.ingest.lake import entries, held_extracts, known
from orchestration.ingest.load import load, pending
from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.personal import is_personal, masked
from orchestration.ingest.taking import Shelf

Put = Callable[..., Path]
AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"
HEADER = "deal_id,stage,created_at,amount\n"


def records(number: int, start: int = 0) -> str:
    return "".join(f"{each},Won,2026-03-01,{each}.00\n" for each in range(start, start + number))


def mapping(**said: object) -> CrmMapping:
    base = {"crm": "generic", "layout": "neutral", "without_manifest": "full", "unknown_columns": "keep"}
    return CrmMapping.model_validate(base | {"stable_for_seconds": 0} | said)


def deals(shelf: Shelf, name: str = "deals") -> pl.DataFrame:
    (found,) = known(shelf.lake, entries(shelf.lake, "generic"), [name], AS_OF)
    return pl.concat([pl.read_parquet(path) for path in found.files])


def warnings(shelf: Shelf) -> list[str]:
    return [warning for entry in entries(shelf.lake, "generic") for file in entry.files for warning in file.warnings]


def test_a_required_column_that_was_renamed_holds_the_extract_and_names_the_closest(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(3), day="2026-03-30")
    put(HEADER.replace("stage", "stage_name") + records(3), day="2026-03-31")
    (held,) = load(shelf, mapping(), ZONE, AS_OF).held
    assert held.reason == (
        "inbox/generic/2026-03-31/deals.csv, line 1: expected column 'stage' of deals, found deal_id, stage_name, "
        "created_at, amount, closest match stage_name; export it, or map its header in defs.yaml"
    )
    assert deals(shelf)["_extracted_at"].unique().to_list() == [datetime(2026, 3, 30, 16, tzinfo=UTC)]


def test_an_optional_column_that_is_gone_is_null_and_told_once(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(2), day="2026-03-29")
    put("deal_id,stage,created_at\n0,Won,2026-03-01\n1,Won,2026-03-01\n", day="2026-03-30")
    put("deal_id,stage,created_at\n0,Lost,2026-03-01\n1,Won,2026-03-01\n", day="2026-03-31")
    load(shelf, mapping(), ZONE, AS_OF)
    assert deals(shelf)["amount"].to_list() == [None, None]
    assert warnings(shelf) == [
        "generic/2026-03-30/deals.csv: column 'amount' is gone; its values are unknown from now on"
    ]


def test_a_new_column_is_an_attribute_and_told_once(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(1), day="2026-03-29")
    put(HEADER.strip() + ",Territory\n0,Won,2026-03-01,0.00,North\n", day="2026-03-30")
    put(HEADER.strip() + ",Territory\n0,Won,2026-03-01,1.00,South\n", day="2026-03-31")
    load(shelf, mapping(), ZONE, AS_OF)
    assert deals(shelf, "deals_attributes").select("attribute", "attribute_value").rows() == [("territory", "South")]
    assert warnings(shelf) == ["generic/2026-03-30/deals.csv: column 'Territory' is new and kept as an attribute"]


def test_a_full_extract_that_shrank_by_more_than_allowed_waits_for_a_manifest(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(10), day="2026-03-29")
    put(HEADER + records(8), day="2026-03-30")
    put(HEADER + records(6), day="2026-03-31")
    (held,) = load(shelf, mapping(), ZONE, AS_OF).held
    assert "2026-03-31/deals.csv: has 6 records where the last full extract of deals had 8" in held.reason
    assert deals(shelf).height == 8, "a fifth less is still taken"
    assert pending(shelf, mapping(), ZONE, AS_OF) == [], "what is held is not judged again while nothing changed"
    put(json.dumps({"extract": "full", "files": {"deals.csv": {"rows": 6}}}), name="manifest.json")
    assert load(shelf, mapping(), ZONE, AS_OF).held == []
    assert deals(shelf).height == 6
    assert held_extracts(shelf.lake, "generic", AS_OF) == []


def test_the_allowed_loss_is_configured(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(10), day="2026-03-30")
    put(HEADER + records(6), day="2026-03-31")
    assert load(shelf, mapping(max_missing_share=0.4), ZONE, AS_OF).held == []


def test_a_delta_may_be_as_small_as_it_likes(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(10), day="2026-03-30")
    put(HEADER + records(1), day="2026-03-31")
    put(json.dumps({"extract": "delta"}), name="manifest.json")
    assert load(shelf, mapping(), ZONE, AS_OF).held == []


def test_a_file_that_still_grows_is_held_and_taken_on_the_next_run(
    put: Put, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(HEADER + records(5))

    def exporter_writes(_: float) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(records(5, start=5))

    monkeypatch.setattr("orchestration.ingest.load.time.sleep", exporter_writes)
    (held,) = load(shelf, mapping(stable_for_seconds=1), ZONE, AS_OF).held
    assert held.reason.startswith("inbox/generic/2026-03-31/deals.csv: was still growing")
    assert entries(shelf.lake, "generic") == []
    assert load(shelf, mapping(), ZONE, AS_OF).held == []
    assert deals(shelf).height == 10


def test_the_night_goes_on_with_later_extracts_while_one_is_held(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(10), day="2026-03-29")
    put(HEADER + records(2), day="2026-03-30")
    put(HEADER + records(11), day="2026-03-31")
    report = load(shelf, mapping(), ZONE, AS_OF)
    assert [held.folder for held in report.held] == ["2026-03-30"]
    assert deals(shelf).height == 11


def test_a_corrected_mapping_releases_the_records_that_another_refused(put: Put, shelf: Shelf) -> None:
    put("deal_id;stage;created_at;amount\n1;Won;2026-03-01;1.234,50\n2;Won;2026-03-01;7\n")
    loose = {"delimiter": ";", "max_quarantined_share": 1}
    assert [file.rows_quarantined for file in load(shelf, mapping(**loose), ZONE, AS_OF).files] == [1]
    assert pending(shelf, mapping(**loose), ZONE, AS_OF) == []
    formats = {"decimal_separator": ",", "thousands_separator": "."}
    (again,) = load(shelf, mapping(**loose, formats=formats), ZONE, AS_OF).files
    assert (again.rows_in, again.rows_loaded, again.rows_quarantined) == (2, 2, 0)
    assert sorted(deals(shelf)["amount"].cast(str)) == ["1234.50", "7.00"]


def test_the_quarantine_tells_where_a_record_stands_and_how_to_release_it(put: Put, shelf: Shelf) -> None:
    put('deal_id,stage,created_at,amount\n1,"Won\nreally",2026-03-01,1\n2,Won,2026-03-01,abc\n')
    load(shelf, mapping(max_quarantined_share=1), ZONE, AS_OF)
    (path,) = shelf.quarantine.rglob("*.parquet")
    (row,) = pl.read_parquet(path).rows(named=True)
    assert row == {
        "crm": "generic",
        "object": "deals",
        "file": "generic/2026-03-31/deals.csv",
        "extracted_at": datetime(2026, 3, 31, 16, tzinfo=UTC),
        "record": 2,
        "line": 4,
        "byte_offset": 60,
        "column": "amount",
        "reason": "bad_money",
        "value": "abc",
        "raw_text": "2,Won,2026-03-01,abc",
        "how_to_release": (
            "Say with `formats` in defs.yaml how the export writes this column and run the night again, or correct "
            "the value in the CRM; the next extract that holds the record loads it."
        ),
    }


def test_personal_data_is_dropped_unless_it_is_listed_and_masked_in_the_quarantine(put: Put, shelf: Shelf) -> None:
    header = "deal_id,stage,created_at,amount,Contact Email,Notes,Segment\n"
    good = "1,Won,2026-03-01,1,ann@example.com,met the CFO,SMB (ann@example.com)\n"
    bad = "2,Won,2026-03-01,abc,bob@example.com,call Bob Miller,+49 30 1234567\n"
    put(header + good + bad)
    load(shelf, mapping(max_quarantined_share=1), ZONE, AS_OF)
    kept = deals(shelf, "deals_attributes").select("attribute", "attribute_value").rows()
    assert kept == [("segment", "SMB (***)")]
    (path,) = shelf.quarantine.rglob("*.parquet")
    assert pl.read_parquet(path)["raw_text"].to_list() == ["2,Won,2026-03-01,abc,***,***,***"]
    assert [warning.split("column ")[1].split(" looks")[0] for warning in warnings(shelf) if "personal" in warning] == [
        "'Contact Email'",
        "'Notes'",
    ]
    everything = b"".join(path.read_bytes() for path in shelf.lake.rglob("*") if path.is_file())
    assert b"example.com" not in everything


def test_personal_data_that_is_listed_is_kept(put: Put, shelf: Shelf) -> None:
    put("deal_id,stage,created_at,Notes\n1,Won,2026-03-01,met the CFO\n")
    load(shelf, mapping(attributes={"deals": ["Notes"]}), ZONE, AS_OF)
    assert deals(shelf, "deals_attributes")["attribute_value"].to_list() == ["met the CFO"]


@pytest.mark.parametrize(
    "header",
    [
        "Email",
        "emailaddress1",
        "qualificationcomments",
        "active_record_content",
        "hs_email_body",
        "PersonMobilePhone",
        "客户电话",
        "备注",
        "Description",
    ],
)
def test_headers_of_addresses_and_free_text_are_personal(header: str) -> None:
    assert is_personal(header)


@pytest.mark.parametrize("header", ["Emailable_Accounts_Count", "Segment", "industry", "Phonetics", "商机名称"])
def test_headers_that_only_sound_alike_are_not(header: str) -> None:
    assert not is_personal(header)


@pytest.mark.parametrize(
    "text", ["2026-03-31", "1772323200123", "12345678.90", "2026-03-31T09:16:02+08:00", "D-00000094"]
)
def test_dates_amounts_and_ids_are_no_telephone_numbers(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize("text", ["13912345678", "+86 139 1234 5678", "(030) 123 4567", "010-12345678", "a.b@c.de"])
def test_telephone_numbers_and_addresses_are_masked(text: str) -> None:
    assert masked(f"x {text} y") == "x *** y"


def test_two_files_with_the_same_bytes_for_one_object_are_both_taken(put: Put, shelf: Shelf) -> None:
    put(HEADER, name="deals_a.csv")
    put(HEADER, name="deals_b.csv")
    put(
        json.dumps({"extract": "delta", "files": {"deals_a.csv": {"rows": 0}, "deals_b.csv": {"rows": 0}}}),
        name="manifest.json",
    )
    assert [file.rows_in for file in load(shelf, mapping(), ZONE, AS_OF).files] == [0, 0]


def test_a_fault_in_the_middle_of_a_load_leaves_no_file_under_a_final_name(
    put: Put, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(HEADER + records(3))
    put("user_id,team\nu1,north\n", name="users.csv")

    def breaks(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestration.ingest.taking.require_plausible_rows", breaks)
    with pytest.raises(KeyboardInterrupt):
        load(shelf, mapping(), ZONE, AS_OF)
    assert [path.name for path in shelf.lake.rglob("*") if path.is_file()] == [".lock"]
    monkeypatch.undo()
    assert load(shelf, mapping(), ZONE, AS_OF).files


def test_a_manifest_that_contradicts_its_file_is_refused_whatever_was_loaded_before(put: Put, shelf: Shelf) -> None:
    put(HEADER + records(3), day="2026-03-30")
    put(HEADER + records(3), day="2026-03-31")
    put(json.dumps({"extract": "full", "files": {"deals.csv": {"rows": 4}}}), name="manifest.json")
    with pytest.raises(ExtractRefused, match="has 3 records where its manifest promises 4"):
        load(shelf, mapping(), ZONE, AS_OF)
