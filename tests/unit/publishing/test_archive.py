"""What a night first said stays what it said, whatever is published of it afterwards."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from orchestration.publishing.archive import FIRST_WORD, LATER_WORD, content, kept, name_of_word, words

FIRST, SECOND = date(2026, 3, 6), date(2026, 3, 7)


def said(amount: int, *, night: date = FIRST, owner: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"business_date": night, "scope": "all", "scope_value": "all", "total_amount": amount},
            {"business_date": night, "scope": "team", "scope_value": "north", "total_amount": None},
            {"business_date": night, "scope": "owner", "scope_value": "ann", "total_amount": owner},
        ]
    )


def publish(folder: Path, rows: pl.DataFrame, *, is_published: bool) -> str | None:
    """As the publication does it."""
    word = name_of_word(folder, rows, is_published=is_published)
    if word is not None:
        folder.mkdir(exist_ok=True)
        (folder / f"{word}.parquet").write_bytes(content(kept(rows)))
    return word


@pytest.fixture
def folders(tmp_path: Path) -> Sequence[Path]:
    return [tmp_path / str(night) for night in (FIRST, SECOND)]


def test_a_night_that_was_stopped_before_it_was_published_has_said_nothing_yet(folders: Sequence[Path]) -> None:
    assert publish(folders[0], said(500), is_published=False) == FIRST_WORD
    assert publish(folders[0], said(700), is_published=False) == FIRST_WORD
    told = words(folders)
    assert told is not None
    assert told["total_amount"].to_list() == [700, None]


def test_the_first_word_stands_when_a_night_is_published_again_with_another(folders: Sequence[Path]) -> None:
    publish(folders[0], said(500), is_published=False)
    publish(folders[1], said(900, night=SECOND), is_published=False)
    first = (folders[0] / f"{FIRST_WORD}.parquet").read_bytes()
    for amount in (700, 800):
        assert publish(folders[0], said(amount), is_published=True) == LATER_WORD
    assert (folders[0] / f"{FIRST_WORD}.parquet").read_bytes() == first
    told = words(folders)
    assert told is not None
    assert told.filter(scope="all").select("business_date", "total_amount", "is_republished").rows() == [
        (FIRST, 500, True),
        (SECOND, 900, False),
    ]


@pytest.mark.parametrize(
    "again",
    [
        said(500),
        said(500).reverse(),
        # Owners are not kept, so nobody can say that theirs is another; nor of a column that was not there.
        said(500, owner=9),
        said(500).with_columns(width_factor=1.2),
    ],
)
def test_a_night_that_says_the_same_again_leaves_no_second_word(folders: Sequence[Path], again: pl.DataFrame) -> None:
    publish(folders[0], said(500), is_published=False)
    assert publish(folders[0], again, is_published=True) is None


def test_an_amount_that_became_unknown_is_another_word(folders: Sequence[Path]) -> None:
    publish(folders[0], said(500), is_published=False)
    unknown = said(500).with_columns(total_amount=pl.lit(None, pl.Int64))
    assert publish(folders[0], unknown, is_published=True) == LATER_WORD


def test_what_a_night_says_that_was_published_before_it_said_anything_is_no_first_word(
    folders: Sequence[Path],
) -> None:
    assert publish(folders[0], said(500), is_published=True) == LATER_WORD
    assert words(folders) is None


def test_owners_of_older_archives_are_left_out_and_rows_of_before_there_were_scopes_stay(
    folders: Sequence[Path],
) -> None:
    for folder in folders:
        folder.mkdir()
    old = pl.DataFrame({"business_date": [FIRST], "total_amount": [300]})
    (folders[0] / f"{FIRST_WORD}.parquet").write_bytes(content(old))
    (folders[1] / f"{FIRST_WORD}.parquet").write_bytes(content(said(500, night=SECOND)))
    told = words(folders)
    assert told is not None
    assert told.select("business_date", "scope").rows() == [(FIRST, None), (SECOND, "all"), (SECOND, "team")]
    assert name_of_word(folders[1], said(500, night=SECOND), is_published=True) is None
