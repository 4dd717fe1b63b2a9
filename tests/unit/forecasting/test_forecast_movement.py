"""Why a forecast moved, on hand-made nights and against sums worked out deal by deal."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import calendar

from orchestration.forecasting.forecast_movement import BROUGHT, BUCKETS, forecast_movement

QUARTERS = (
    pl.DataFrame(calendar())
    .filter(pl.col("period_kind") == "quarter")
    .select("period_start", "period_end")
    .sort("period_start")
)
LAST_NIGHT, TONIGHT = date(2026, 11, 21), date(2026, 11, 22)


def brings(rows: list[tuple[str | None, date, str, str]], funnel: str = "direct") -> pl.DataFrame:
    return pl.DataFrame(
        [(key, funnel, month, Decimal(won), Decimal(expected)) for key, month, won, expected in rows],
        schema=BROUGHT,
        orient="row",
    )


def moved(buckets: dict[str, str]) -> pl.DataFrame:
    schema = {
        "span": pl.String,
        "opening_night": pl.Date,
        "closing_night": pl.Date,
        "deal_key": pl.String,
        "bucket": pl.String,
    }
    return pl.DataFrame(
        [("last_night", LAST_NIGHT, TONIGHT, key, bucket) for key, bucket in buckets.items()],
        schema=schema,
        orient="row",
    )


def told(made: pl.DataFrame, **where: Any) -> dict[str, Decimal]:
    rows = made.filter(*[pl.col(column) == value for column, value in where.items()])
    return dict(rows.filter(pl.col("change_amount") != 0).select("bucket", "change_amount").iter_rows())


NOVEMBER, DECEMBER, OCTOBER = date(2026, 11, 1), date(2026, 12, 1), date(2026, 10, 1)


def test_each_deal_moves_the_month_by_what_happened_to_it() -> None:
    opening = brings(
        [
            ("won", NOVEMBER, "0", "40.00"),
            ("lost", NOVEMBER, "0", "25.00"),
            ("aged", NOVEMBER, "0", "10.00"),
            (None, NOVEMBER, "0", "5.00"),
            ("paid", NOVEMBER, "70.00", "0"),
        ]
    )
    closing = brings(
        [
            ("won", NOVEMBER, "100.00", "0"),
            ("aged", NOVEMBER, "0", "9.50"),
            (None, NOVEMBER, "0", "4.00"),
            ("new", NOVEMBER, "0", "3.00"),
            ("paid", NOVEMBER, "60.00", "0"),
        ]
    )
    made = forecast_movement(
        opening,
        closing,
        moved({"won": "won", "lost": "lost", "aged": "unchanged", "new": "created"}),
        QUARTERS,
    )
    assert told(made, funnel="direct", period_kind="month") == {
        "won": Decimal("60.00"),
        "lost": Decimal("-25.00"),
        "created": Decimal("3.00"),
        "model": Decimal("-0.50"),
        "new_business": Decimal("-1.00"),
        "corrected": Decimal("-10.00"),
    }
    month = made.filter(period_kind="month", funnel="all")
    assert month["opening_amount"].sum() == Decimal("150.00")
    assert month["closing_amount"].sum() == Decimal("176.50")


def test_a_win_that_slips_into_the_next_month_leaves_the_quarter_as_it_is() -> None:
    opening = brings([("d", OCTOBER, "0", "1"), ("d", NOVEMBER, "0", "30.00"), ("d", DECEMBER, "0", "10.00")])
    closing = brings([("d", OCTOBER, "0", "1"), ("d", NOVEMBER, "0", "10.00"), ("d", DECEMBER, "0", "30.00")])
    made = forecast_movement(opening, closing, moved({"d": "pushed_out"}), QUARTERS)
    assert told(made, funnel="all", period_start=NOVEMBER) == {"pushed_out": Decimal("-20.00")}
    assert told(made, funnel="all", period_start=DECEMBER) == {"pushed_out": Decimal("20.00")}
    assert told(made, funnel="all", period_kind="quarter") == {}
    assert made.filter(period_kind="quarter", funnel="all")["closing_amount"].to_list() == [Decimal("41.00")]


def test_a_period_that_one_night_did_not_know_is_left_out() -> None:
    opening = brings([("d", NOVEMBER, "0", "30.00")])
    closing = brings([("d", NOVEMBER, "0", "30.00"), ("d", date(2027, 7, 1), "0", "5.00")])
    made = forecast_movement(opening, closing, moved({"d": "unchanged"}), QUARTERS)
    assert made["period_start"].unique().to_list() == [NOVEMBER]


def test_nights_that_cannot_be_compared_have_no_rows() -> None:
    assert forecast_movement(brings([]), brings([]), moved({}), QUARTERS).is_empty()


CENTS = st.integers(0, 10_000).map(lambda cents: str(Decimal(cents) / 100))
ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from([OCTOBER, NOVEMBER, DECEMBER]), CENTS, CENTS),
    max_size=8,
    unique_by=lambda row: (row[0], row[1]),
)


@settings(max_examples=60, deadline=None)
@given(
    opening=ROWS,
    closing=ROWS,
    buckets=st.dictionaries(st.sampled_from("abc"), st.sampled_from(["won", "lost", "unchanged"])),
)
def test_the_buckets_of_a_period_take_it_from_one_total_to_the_other(
    opening: list[Any], closing: list[Any], buckets: dict[str, str]
) -> None:
    every_month = [(None, month, "0", "0") for month in (OCTOBER, NOVEMBER, DECEMBER)]
    before, after = (
        brings(
            [*rows, *(row for row in every_month if (None, row[1]) not in {(key, month) for key, month, *_ in rows})]
        )
        for rows in (opening, closing)
    )
    made = forecast_movement(before, after, moved(buckets | {"z": "created"}), QUARTERS)
    for side, frame in (("opening", before), ("closing", after)):
        for month in (OCTOBER, NOVEMBER, DECEMBER):
            rows = frame.filter(period_start=month)
            expected = sum((*rows["won_amount"], *rows["expected_amount"]), Decimal(0))
            assert (
                made.filter(funnel="all", period_kind="month", period_start=month)[f"{side}_amount"].sum() == expected
            )
        whole = sum((*frame["won_amount"], *frame["expected_amount"]), Decimal(0))
        assert made.filter(funnel="all", period_kind="quarter")[f"{side}_amount"].sum() == whole
    assert set(made["bucket"]) <= set(BUCKETS)
    assert (made["opening_amount"] + made["change_amount"]).to_list() == made["closing_amount"].to_list()
