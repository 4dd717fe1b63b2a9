"""Files as CRMs and spreadsheets write them: encodings, delimiters, numbers and dates as declared, never guessed."""

import codecs
import gzip
import re
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.ingest.casting import Plan, cast
from orchestration.ingest.inbox import ExtractRefused
from orchestration.ingest.lake import entries, known
from orchestration.ingest.load import load
from orchestration.ingest.mapping import CrmMapping, match_headers
from orchestration.ingest.reading import RECORD, REFUSED_SCHEMA, Chunk
from orchestration.ingest.taking import Shelf

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"
TEXT = "deal_id,deal_name,stage,created_at\n1,生产计划系统,赢单,2026-03-01\n2,café é,Won,2026-03-02\n"


def mapping(**said: object) -> CrmMapping:
    return CrmMapping.model_validate(
        {
            "crm": "generic",
            "layout": "neutral",
            "without_manifest": "full",
            "unknown_columns": "refuse",
            "max_quarantined_share": 1,
            "stable_for_seconds": 0,
        }
        | said
    )


def put(shelf: Shelf, content: bytes, name: str = "deals.csv") -> Path:
    path = shelf.inbox / "generic" / "2026-03-31" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def deals(shelf: Shelf) -> pl.DataFrame:
    (found,) = known(shelf.lake, entries(shelf.lake, "generic"), ["deals"], AS_OF)
    return pl.concat([pl.read_parquet(path) for path in found.files])


def quarantine(shelf: Shelf) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in shelf.quarantine.rglob("*.parquet")])


@pytest.mark.parametrize(
    ("written", "declared"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "gb18030"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-8"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-8"),
        (TEXT.encode("utf-16-le"), "utf-16"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("gb18030"), "gb18030"),
        (TEXT.replace("\n", "\r\n").encode("gb18030"), "gb18030"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_every_encoding_gives_the_same_names(written: bytes, declared: str, suffix: str, shelf: Shelf) -> None:
    put(shelf, gzip.compress(written) if suffix.endswith(".gz") else written, f"deals{suffix}")
    load(shelf, mapping(encoding=declared), ZONE, AS_OF)
    assert deals(shelf)["deal_name"].to_list() == ["生产计划系统", "café é"]


def test_latin_1_is_read_where_it_is_declared(shelf: Shelf) -> None:
    put(shelf, "deal_id;deal_name;stage;created_at\n1;Señor Müller;Won;2026-03-01\n".encode("latin-1"))
    load(shelf, mapping(encoding="latin-1", delimiter=";"), ZONE, AS_OF)
    assert deals(shelf)["deal_name"].to_list() == ["Señor Müller"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_delimiters_and_line_ends_within_quotes_stay(delimiter: str, line_end: str, shelf: Shelf) -> None:
    name = f'x{delimiter} "y"\nz'
    quoted = '"' + name.replace('"', '""') + '"'
    lines = [["deal_id", "deal_name", "stage", "created_at"], ["1", quoted, "Won", "2026-03-01"]]
    put(shelf, (line_end.join(delimiter.join(line) for line in lines) + line_end).encode())
    load(shelf, mapping(delimiter=delimiter), ZONE, AS_OF)
    assert deals(shelf)["deal_name"].to_list() == [name]


@pytest.mark.parametrize(
    ("encoding", "wrong", "raw"),
    [
        ("utf-8", b"\xe9t\xe9", r"2,\xe9t\xe9,Won,2026-03-02"),
        ("gb18030", b"\xff", r"2,\xff,Won,2026-03-02"),
        ("utf-8", "lost � here".encode(), "2,lost � here,Won,2026-03-02"),
    ],
)
def test_a_byte_that_cannot_be_read_sets_its_record_apart_and_nothing_else(
    encoding: str, wrong: bytes, raw: str, shelf: Shelf
) -> None:
    lines = TEXT.split("\n")
    before = "\n".join(lines[:2]).encode(encoding) + b"\n"
    put(shelf, before + b"2," + wrong + b",Won,2026-03-02\n3,ok,Won,2026-03-03\n")
    load(shelf, mapping(encoding=encoding), ZONE, AS_OF)
    assert deals(shelf)["deal_id"].to_list() == ["1", "3"]
    assert not deals(shelf)["deal_name"].str.contains("�").any()
    (row,) = quarantine(shelf).select("record", "line", "byte_offset", "reason", "raw_text").rows()
    assert row == (2, 3, len(before), "undecodable_bytes", raw)


def test_half_a_character_of_utf_16_sets_its_record_apart(shelf: Shelf) -> None:
    text = TEXT.encode("utf-16-le") + "3,".encode("utf-16-le") + b"\x00\xd8" + ",Won,2026-03-03\n".encode("utf-16-le")
    put(shelf, codecs.BOM_UTF16_LE + text)
    load(shelf, mapping(), ZONE, AS_OF)
    assert deals(shelf)["deal_id"].to_list() == ["1", "2"]
    assert quarantine(shelf).select("record", "line", "byte_offset").rows() == [
        (3, 4, 2 + len(TEXT.encode("utf-16-le")))
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(alphabet='ab,"\n中é，', min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from(["utf-8", "utf-16-le", "gb18030"]),
)
def test_line_and_byte_of_a_refused_record_point_at_it(names: list[str], encoding: str) -> None:
    """Every second record has no stage; each is found again in the file by its byte offset."""
    records = [
        f'{number},"{name.replace(chr(34), chr(34) * 2)}",{"Won" if number % 2 else ""},2026-03-01'
        for number, name in enumerate(names)
    ]
    text = "deal_id,deal_name,stage,created_at\n" + "\n".join(records) + "\n"
    with tempfile.TemporaryDirectory() as root:
        shelf = Shelf(Path(root) / "inbox", Path(root) / "lake", Path(root) / "quarantine")
        path = put(shelf, text.encode(encoding))
        load(shelf, mapping(encoding=encoding), ZONE, AS_OF)
        content = path.read_bytes()
        for row in quarantine(shelf).iter_rows(named=True):
            record = records[row["record"] - 1]
            assert content[row["byte_offset"] :].startswith(record.encode(encoding))
            assert text.split("\n")[row["line"] - 1] == record.split("\n")[0]


def read(column: str, values: list[str | None], **said: object) -> tuple[list[object], list[str]]:
    """What a column of deals says of some values, and what is refused of them."""
    mapped = mapping(**said)
    each = mapped.resolved_objects()["deals"]
    columns = {"deal_id": [str(number) for number in range(len(values))], "stage": ["Won"] * len(values)}
    frame = pl.DataFrame(columns | {column: values}, schema_overrides={column: pl.String}).with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(RECORD)
    )
    plan = Plan.of(mapped, "deals", match_headers(frame.columns[:-1], each), (), ZONE)
    typed = cast(Chunk(frame, pl.DataFrame(schema=REFUSED_SCHEMA), 0), plan)
    return typed.frame[column].to_list(), typed.refused["value"].to_list()


def test_a_decimal_comma_and_thousands_are_read_where_they_are_declared() -> None:
    formats = {"decimal_separator": ",", "thousands_separator": "."}
    kept, refused = read("amount", ["1.234.567,89", "1234,5", "-12", None, "1.23,4", "1,234.56"], formats=formats)
    assert kept == [Decimal("1234567.89"), Decimal("1234.50"), Decimal("-12.00"), None]
    assert refused == ["1.23,4", "1,234.56"]


def test_a_thousands_separator_that_nobody_declared_is_refused() -> None:
    assert read("amount", ["1,234.56", "1 234"]) == ([], ["1,234.56", "1 234"])


def test_wan_is_ten_thousand_to_the_cent_and_full_width_digits_are_digits() -> None:
    formats = {"multipliers": {"万": 10_000, "万元": 10_000, "亿": 100_000_000}, "full_width_digits": True}
    values = ["12.345678万", "３．５万元", "0.1亿", "９８７", "1.00000001万", "万", "12千"]
    kept, refused = read("amount", values, formats=formats)
    assert kept == [Decimal("123456.78"), Decimal("35000.00"), Decimal("10000000.00"), Decimal("987.00")]
    assert refused == ["1.00000001万", "万", "12千"]


def test_full_width_digits_that_nobody_declared_are_refused() -> None:
    assert read("amount", ["９８７"]) == ([], ["９８７"])


def test_cents_are_exact_far_beyond_what_a_float_holds() -> None:
    kept, refused = read("amount", ["9999999999999999.99", "0.10", "1e3", "0.005", "99999999999999999.99", "2.500"])
    assert kept == [Decimal("9999999999999999.99"), Decimal("0.10"), Decimal("2.50")]
    assert refused == ["1e3", "0.005", "99999999999999999.99"]


def test_epoch_milliseconds_are_instants_and_dates_where_they_are_declared() -> None:
    formats = {"instant": ["epoch_ms", "iso"], "date": ["epoch_ms"]}
    kept, refused = read(
        "created_at", ["1772323200123", "2026-03-01T08:00:00+08:00", "1.77e12", "soon"], formats=formats
    )
    assert kept == [datetime(2026, 3, 1, 0, 0, 0, 123000, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)]
    assert refused == ["1.77e12", "soon"]
    midnight_in_shanghai = "1772294400000"
    assert read("expected_close_date", [midnight_in_shanghai], formats=formats)[0] == [date(2026, 3, 1)]
    assert read("created_at", ["1772323200123"]) == ([], ["1772323200123"])


def test_instants_without_an_offset_are_local_to_the_company_unless_the_mapping_says_where() -> None:
    values = ["2026-03-01T08:00:00", "2026-03-01T08:00:00.5"]
    assert read("created_at", values)[0] == [
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 3, 1, 0, 0, 0, 500000, tzinfo=UTC),
    ]
    kept, _ = read("created_at", values, formats={"time_zone": "UTC"})
    assert kept == [datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 1, 8, 0, 0, 500000, tzinfo=UTC)]


def test_declared_dates_are_read_and_others_refused() -> None:
    formats = {"date": ["%d.%m.%Y", "%Y年%m月%d日"], "instant": ["%d.%m.%Y %H:%M"]}
    kept, refused = read("expected_close_date", ["03.04.2026", "2026年04月03日", "2026-04-03"], formats=formats)
    assert kept == [date(2026, 4, 3), date(2026, 4, 3)]
    assert refused == ["2026-04-03"]
    assert read("created_at", ["03.04.2026 08:00"], formats=formats)[0] == [datetime(2026, 4, 3, tzinfo=UTC)]


def test_labels_that_say_the_opposite_are_read_as_the_mapping_says() -> None:
    objects = {
        "deals": {
            "key": ["deal_id"],
            "columns": {
                "deal_id": "text",
                "stage": "text",
                "is_deleted": {"type": "boolean", "true_values": ["No", "禁止"], "false_values": ["Yes", "允许"]},
            },
        }
    }
    kept, refused = read("is_deleted", ["no", "允许", "Yes", "禁止", "true", None], objects=objects)
    assert kept == [True, False, False, True, None]
    assert refused == ["true"]


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2050, 1, 1)),
    st.sampled_from(["Z", "+08:00", "-0330", "+00:00"]),
    st.sampled_from(["T", " "]),
    st.sampled_from(["seconds", "milliseconds", "microseconds", "minutes"]),
)
def test_every_iso_instant_is_the_instant_that_python_reads(
    local: datetime, offset: str, separator: str, precision: str
) -> None:
    text = local.isoformat(separator, timespec=precision) + offset
    (kept,), refused = read("created_at", [text])
    assert refused == []
    assert kept == datetime.fromisoformat(text)


def test_blanks_alone_are_no_value() -> None:
    assert read("amount", ["  ", "1"]) == ([None, Decimal("1.00")], [])


def test_json_numbers_keep_their_digits_and_nested_fields_become_columns(shelf: Shelf) -> None:
    mapped = mapping(headers={"deals": {"properties.amount": "amount", "owner.id": "owner_id"}}, unknown_columns="keep")
    lines = (
        b'{"deal_id": 1, "stage": "Won", "created_at": null, "properties": {"amount": 12345678901234.10}, '
        b'"owner": {"id": 7}, "tags": ["a", "b"]}\n'
        b'{"deal_id": "2", "stage": "Won", "created_at": "2026-03-01"}\n'
        b"not json\n"
    )
    put(shelf, lines, "deals.jsonl")
    load(shelf, mapped, ZONE, AS_OF)
    assert deals(shelf).select("deal_id", "amount", "owner_id").rows() == [
        ("1", Decimal("12345678901234.10"), "7"),
        ("2", None, None),
    ]
    assert quarantine(shelf).select("record", "line", "byte_offset", "reason", "raw_text").rows() == [
        (3, 3, lines.index(b"not json"), "bad_json", "not json")
    ]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (TEXT.encode("utf-16-le"), "deals.csv", "line 1: the header is not utf-8; say in which encoding"),
        (
            TEXT.replace("\n", "\r").encode(),
            "deals.csv",
            "line 1: the header cannot be read; lines should end",
        ),
        (b"not gzip", "deals.csv.gz", "is a cut or broken gzip file"),
        (b"PAR1", "deals.parquet", "is a cut or broken Parquet file"),
        (b"\n\n", "deals.jsonl", "has no record"),
        (b'{"deal_id": 1}\n{"deal_', "deals.jsonl", "line 2: the last line is no JSON object, the file is cut"),
    ],
)
def test_a_file_of_another_kind_than_it_says_is_refused_in_one_sentence(
    content: bytes, name: str, sentence: str, shelf: Shelf
) -> None:
    put(shelf, content, name)
    with pytest.raises(ExtractRefused, match=re.escape(sentence)):
        load(shelf, mapping(), ZONE, AS_OF)


def test_a_file_with_another_delimiter_is_held_with_a_hint(shelf: Shelf) -> None:
    put(shelf, TEXT.replace(",", ";").encode())
    (held,) = load(shelf, mapping(), ZONE, AS_OF).held
    assert "the file has one column: its delimiter is not ',' as `delimiter` says" in held.reason
