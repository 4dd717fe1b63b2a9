"""A night is held to what it first said: published again with other inputs, it says something else beside that."""

import json
from collections.abc import Callable, Mapping

import polars as pl
import pytest
from clones import Clone, put_extract

HEADER = "deal_id,deal_name,stage,amount,currency,owner_id,created_at,expected_close_date,probability,modified_at"


def deal(amount: str, hour: int) -> str:
    stamps = f"2026-03-01T09:00:00+08:00,2026-04-20,0.5,2026-03-06T{hour:02}:00:00+08:00"
    return f"{HEADER}\n1,One,资格确认,{amount},CNY,ann,{stamps}\n"


LATE = {
    "deals.csv": deal("3000.00", 11),
    "manifest.json": json.dumps({"extract": "delta", "files": {"deals.csv": {"rows": 1}}}),
}
OF_APRIL = "method = 'crm_probability' and period_kind = 'month' and period_start = date '2026-04-01'"


@pytest.fixture(scope="module")
def company(clone: Callable[[str | None], Clone]) -> Clone:
    """Two nights, and the first of them again after an extract of its day came late, and the second after it."""
    made = clone(None)
    put_extract(made, "2026-03-06T10-00-00+0800", {"deals.csv": deal("1000.00", 9)})
    for night in ("2026-03-06", "2026-03-07"):
        made.night(night)
    return made


@pytest.fixture(scope="module")
def before(company: Clone) -> Mapping[str, bytes]:
    """What the archive of the first night and its record held before the late extract, which comes now."""
    held = {"record": archived(company)["forecast_period.parquet"]}
    assert record(company) == [("500.00", False)]
    assert history(company) == [("2026-03-06", "500.00", True), ("2026-03-07", "500.00", True)]
    put_extract(company, "2026-03-06T12-00-00+0800", LATE)
    for night in ("2026-03-06", "2026-03-07"):
        company.night(night)
    return held


def archived(company: Clone) -> dict[str, bytes]:
    folder = company.home / "lake" / "nights" / "2026-03-06"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def record(company: Clone) -> list[tuple[object, ...]]:
    return company.query(
        f"select cast(forecast_amount as text), is_republished from forecast_record where {OF_APRIL} and funnel = 'all'"
        " and part = 'total'"
    ).rows()


def history(company: Clone, night: str = "2026-03-07") -> list[tuple[object, ...]]:
    return company.served_night(
        night,
        "select cast(business_date as text), cast(total_amount as text), is_first_word from forecast_period"
        f" where {OF_APRIL} and funnel = 'all' and scope = 'all' order by 1",
    ).rows()


def test_what_a_night_first_said_stands_and_what_it_says_now_stands_beside_it(
    company: Clone, before: Mapping[str, bytes]
) -> None:
    after = archived(company)
    assert after["forecast_period.parquet"] == before["record"]
    assert history(company, "2026-03-06") == [("2026-03-06", "1500.00", False)]
    assert record(company) == [("500.00", True)]
    assert history(company) == [("2026-03-06", "500.00", True), ("2026-03-07", "1500.00", False)]


def test_a_night_that_was_published_twice_is_not_touched_a_third_time(
    company: Clone, before: Mapping[str, bytes]
) -> None:
    assert before
    files = company.files()
    assert "Nothing changed" in company.night("2026-03-06")
    assert "Nothing changed" in company.night("2026-03-07")
    assert company.files() == files


def test_what_later_nights_have_of_a_night_is_every_scope_but_owners(
    company: Clone, before: Mapping[str, bytes]
) -> None:
    assert before
    scopes = company.query("select distinct business_date = '2026-03-07' as is_tonight, scope from forecast_period")
    assert set(scopes.filter("is_tonight")["scope"]) == {"all", "owner", "segment", "team"}
    assert set(scopes.filter(~pl.col("is_tonight"))["scope"]) == {"all", "segment", "team"}
