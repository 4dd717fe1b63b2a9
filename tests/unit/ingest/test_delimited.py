"""Records out of delimited text: the fast way and the exact one agree, and pieces end with records."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.ingest.delimited import NeverClosed, exact_records, parse_regular, pieces

FIELD = st.text(alphabet="ab1 ,;\"\n中é'", max_size=5)
WIDTH = 3
ROWS = st.lists(st.lists(FIELD, min_size=1, max_size=5), min_size=1, max_size=6)
TEXT = st.text(alphabet='ab,"\n中', min_size=1, max_size=40)


def written(rows: list[list[str]], line_end: str, quoting: int) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=line_end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return buffer.getvalue()


def fields(text: str) -> list[tuple[str | None, ...] | None]:
    return [
        None if record.fields is None else tuple(field or None for field in record.fields)
        for record in exact_records(text, ",")
    ]


@settings(max_examples=400, deadline=None)
@given(ROWS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_what_is_parsed_at_once_is_what_the_standard_library_reads(
    rows: list[list[str]], line_end: str, quoting: int
) -> None:
    text = written(rows, line_end, quoting)
    frame = parse_regular(text.encode(), ["a", "b", "c"], ",")
    if frame is not None:
        assert frame.rows() == fields(text)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_what_is_parsed_at_once_is_right_for_any_text_at_all(text: str) -> None:
    frame = parse_regular(text.encode(), ["a", "b"], ",")
    if frame is not None:
        assert frame.rows() == fields(text)


def test_plain_and_quoted_records_are_parsed_at_once() -> None:
    text = 'a,b,c\n"x, y","say ""hi""","two\nlines"\n,"",3\n'
    frame = parse_regular(text.encode(), ["1", "2", "3"], ",")
    assert frame is not None
    assert frame.rows() == [("a", "b", "c"), ("x, y", 'say "hi"', "two\nlines"), (None, None, "3")]


@pytest.mark.parametrize(
    "text",
    ["a,b,c\n1,2\n3,4,5,6\n", 'a,b,c\n1,"2,3"\n4,5,6\n', 'a,b,c\n1,2"3,4\n', "a,b\n", 'a,b,"c"d\n', "a,�,c\n"],
)
def test_a_record_that_does_not_fit_is_never_parsed_at_once(text: str) -> None:
    assert parse_regular(text.encode(), ["1", "2", "3"], ",") is None


def test_bytes_that_are_not_utf8_are_never_parsed_at_once() -> None:
    assert parse_regular(b"a,\xe9,c\n", ["1", "2", "3"], ",") is None


@settings(max_examples=200, deadline=None)
@given(ROWS, st.integers(min_value=1, max_value=7))
def test_pieces_join_to_the_text_and_each_ends_with_a_record(rows: list[list[str]], block: int) -> None:
    text = written(rows, "\n", csv.QUOTE_MINIMAL).encode()
    made = list(pieces(iter([text[start : start + block] for start in range(0, len(text), block)]), "utf-8"))
    assert b"".join(made) == text
    whole = fields(text.decode())
    assert [record for piece in made for record in fields(piece.decode())] == whole


def test_a_quoted_field_without_an_end_is_told_by_its_line() -> None:
    with pytest.raises(NeverClosed) as never:
        list(pieces(iter([b"a,b\n1,2\n", b'3,"four\n5,6\n']), "utf-8"))
    assert (never.value.length, never.value.line) == (8, 0)


def test_exact_records_know_their_lines_and_characters() -> None:
    text = 'a,b\n\n"x\ny",z\r\nlast,one'
    records = list(exact_records(text, ","))
    assert [(record.line, text[record.start : record.end].strip()) for record in records] == [
        (0, "a,b"),
        (2, '"x\ny",z'),
        (4, "last,one"),
    ]
