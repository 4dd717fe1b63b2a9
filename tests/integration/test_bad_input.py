"""What a person is told when the input cannot be used, and that the last good night stays served."""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from clones import Clone, put_extract

MakeClone = Callable[[str | None], Clone]

HEADER = "deal_id,stage,created_at,amount,currency\n"
GOOD = HEADER + "1,初步接洽,2026-03-01T09:00:00+08:00,1000.00,CNY\n2,资格确认,2026-03-02T09:00:00+08:00,2000.00,CNY\n"


@pytest.fixture(scope="module")
def company(clone: MakeClone) -> Clone:
    made = clone(None)
    put_extract(made, "2026-03-06", {"deals.csv": GOOD})
    made.night("2026-03-06")
    return made


@pytest.fixture(autouse=True)
def served_stays(company: Clone) -> Iterator[None]:
    """Whatever a test puts into the inbox, readers keep the good night, byte for byte."""
    before = company.served.read_bytes()
    yield
    assert company.served.read_bytes() == before
    shutil.rmtree(company.inbox / "generic" / "2026-03-07", ignore_errors=True)


def refusal(company: Clone) -> str:
    """The one sentence of a night that is refused with exit code 2."""
    said = company.night("2026-03-07", expect=2)
    assert "Traceback" not in said
    return said


def test_no_extract_at_all_is_refused_with_what_to_do(clone: MakeClone) -> None:
    said = clone(None).night("2026-03-07", expect=2)
    assert "No extract with deals is known at the end of 2026-03-07" in said
    assert "stageproof demo" in said


def test_a_wrong_standards_file_is_refused_by_file_line_and_field(company: Clone) -> None:
    path = company.root / "quality" / "standards" / "funnels" / "direct_sales.yml"
    good = path.read_text(encoding="utf-8")
    line = 1 + good[: good.index("cap_days: 21")].count("\n")
    path.write_text(good.replace("cap_days: 21", "cap_dayz: 21"), encoding="utf-8")
    try:
        said = refusal(company)
    finally:
        path.write_text(good, encoding="utf-8")
    assert f"funnels/direct_sales.yml, line {line}" in said
    assert "cap_dayz" in said
    assert "cap_days" in said


def test_an_unknown_column_is_refused_with_the_closest_name(company: Clone) -> None:
    put_extract(company, "2026-03-07", {"deals.csv": GOOD.replace("amount", "amout")})
    said = refusal(company)
    assert "inbox/generic/2026-03-07/deals.csv, line 1: column 'amout'" in said
    assert "did you mean 'amount'?" in said


def test_an_empty_extract_is_refused(company: Clone) -> None:
    put_extract(company, "2026-03-07", {"deals.csv": ""})
    assert "inbox/generic/2026-03-07/deals.csv: is empty (0 bytes)" in refusal(company)


def test_a_header_without_records_is_refused(company: Clone) -> None:
    put_extract(company, "2026-03-07", {"deals.csv": HEADER})
    assert "has no record" in refusal(company)


def test_a_cut_extract_is_refused_at_its_last_record(company: Clone) -> None:
    put_extract(company, "2026-03-07", {"deals.csv": GOOD[: GOOD.rindex("2026-03-02") + 4]})
    said = refusal(company)
    assert "deals.csv, record 2: the last record has 3 of 5 fields, the file is cut" in said


def test_an_unmapped_stage_is_refused_with_a_record_and_the_closest_name(company: Clone) -> None:
    put_extract(company, "2026-03-07", {"deals.csv": GOOD.replace("资格确认", "资格确定")})
    said = refusal(company)
    assert "generic: stage '资格确定' is in no funnel file; 1 deals have it, for example generic:2" in said
    assert "did you mean '资格确认'?" in said


def test_a_date_that_is_not_over_is_refused(company: Clone) -> None:
    said = company.night("2999-01-01", expect=2)
    assert "is not over in Asia/Shanghai" in said


def test_a_refused_extract_leaves_nothing_in_the_lake(company: Clone) -> None:
    before = sorted(path for path in (company.home / "lake").rglob("*") if path.is_file())
    put_extract(company, "2026-03-07", {"deals.csv": GOOD, "accounts.csv": 'account_id,account_name\n1,"cut\n'})
    refusal(company)
    assert sorted(path for path in (company.home / "lake").rglob("*") if path.is_file()) == before


def test_doctor_names_the_same_problem_without_running_anything(company: Clone) -> None:
    put_extract(company, "2026-03-07", {"manifest.json": '{"files": {"deals.csv": {"rows": 3}}}'})
    said = company.run("doctor", expect=2)
    assert re.search(r"inbox/generic/2026-03-07/manifest.json: promises deals.csv, which is not there", said)


def test_the_doctor_names_every_flaw_of_the_standards_by_line(clone: Callable[[str | None], Clone]) -> None:
    company = clone(None)
    standards = company.root / "quality" / "standards"
    funnel = standards / "funnels" / "direct_sales.yml"
    text = funnel.read_text(encoding="utf-8")
    funnel.write_text(text.replace("at_least_minutes: 30", "at_least_minuts: 30"), encoding="utf-8")
    whole = standards / "company.yml"
    whole.write_text(whole.read_text(encoding="utf-8").replace("minimum_n: 30", "minimum_n: many"), encoding="utf-8")
    said = company.run("doctor", expect=2).splitlines()
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "at_least_minutes: 30" in each)
    assert len(said) == 2
    assert said[0].startswith("company.yml, line ")
    assert said[1].startswith(f"funnels/direct_sales.yml, line {line}: ")
    assert said[1].endswith("is not a known field; did you mean at_least_minutes?")
