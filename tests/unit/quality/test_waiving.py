"""One waiver added to the reviewed file: what was there stays to the byte, and what cannot hold is refused."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from quality.standards import StandardsRefused, load, waivers
from quality.waiving import FILE, Entry, text_with, waive

SHIPPED = Path(__file__).resolve().parents[3] / "quality" / "standards"
DAY = date(2026, 11, 20)
ENTRY = Entry("rule.close_date_past", "generic:d1", None, "Mei", "Customer on leave", DAY, date(2026, 12, 20))


@pytest.fixture
def standards(tmp_path: Path) -> Path:
    folder = tmp_path / "standards"
    shutil.copytree(SHIPPED, folder)
    return folder


def write(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_the_first_waiver_takes_the_place_of_the_empty_list_and_keeps_the_comments(standards: Path) -> None:
    before = (standards / FILE).read_text(encoding="utf-8")
    after = waive(standards, ENTRY)
    assert after.startswith(before.removesuffix("waivers: []\n"))
    assert waivers(load(write(standards, after))).row(0) == (
        "rule.close_date_past",
        "generic:d1",
        None,
        "Mei",
        "Customer on leave",
        DAY,
        date(2026, 12, 20),
    )


def test_a_further_waiver_changes_no_byte_of_the_file_before_it(standards: Path) -> None:
    reviewed = waive(standards, ENTRY) + "    # agreed in the meeting of Monday\n"
    after = waive(write(standards, reviewed), replace(ENTRY, deal="generic:d2", visit="v7"))
    assert after.startswith(reviewed)
    assert [(w.deal, w.visit) for w in load(write(standards, after)).waivers] == [
        ("generic:d1", None),
        ("generic:d2", "v7"),
    ]


def test_where_no_file_is_the_waiver_makes_one(standards: Path) -> None:
    (standards / FILE).unlink()
    assert load(standards).waivers == []
    assert len(load(write(standards, waive(standards, ENTRY))).waivers) == 1


@given(
    st.text(alphabet=st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1).filter(
        lambda text: text.strip() != ""
    )
)
def test_any_reason_that_can_be_typed_is_read_back_as_it_was(why: str) -> None:
    read = yaml.safe_load(text_with("waivers: []\n", replace(ENTRY, why=why)))
    assert read["waivers"][0]["why"] == why


def test_ninety_days_are_allowed_and_one_more_is_refused_with_the_latest_day(standards: Path) -> None:
    waive(standards, replace(ENTRY, until=DAY + timedelta(days=90)))
    with pytest.raises(
        StandardsRefused,
        match=r"^waivers\.yml, line \d+: waivers\[0\]\.until: 2027-02-19 is more than 90 days after 2026-11-20; the "
        r"latest that a waiver may hold is 2027-02-18$",
    ):
        waive(standards, replace(ENTRY, until=DAY + timedelta(days=91)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"until": DAY - timedelta(days=1)}, "is before 2026-11-20, on which the waiver begins"),
        ({"rule": "rule.close_date_pst"}, "did you mean rule.close_date_past"),
        ({"why": " "}, "why: should be a text"),
    ],
)
def test_a_waiver_that_cannot_hold_is_refused_in_one_sentence(
    standards: Path, changes: dict[str, object], sentence: str
) -> None:
    before = (standards / FILE).read_bytes()
    with pytest.raises(StandardsRefused, match=sentence):
        waive(standards, replace(ENTRY, **changes))  # type: ignore[arg-type]
    assert (standards / FILE).read_bytes() == before


def test_a_list_written_in_brackets_cannot_be_added_to_and_says_so(standards: Path) -> None:
    write(
        standards,
        "waivers: [{rule: rule.close_date_past, deal: d, by: a, why: b, from: 2026-01-01, until: 2026-01-02}]\n",
    )
    with pytest.raises(StandardsRefused, match=r"waivers\.yml"):
        waive(standards, ENTRY)
