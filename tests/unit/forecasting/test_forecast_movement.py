"""Why a forecast moved, on hand-made nights and against sums worked out deal by deal."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import calendar

from orchestration.forecasting.forecast_movement import BROUGHT, BUCKETS, Said, forecast_movement

QUARTERS = (
    pl.DataFrame(calendar())
    .filter(pl.col("period_kind") == "quarter")
    .select("period_start", "period_end")
    .sort("period_start")
)
LAST_NIGHT, TONIGHT = date(2026, 11, 21), date(2026, 11, 22)


def brings(
    rows: list[tuple[str | None, date, str, str]], method: str = "timed", others: dict[str, list[Any]] | None = None
) -> Said:
    """A night on which a method led; `others`: what other methods expected of the same deals."""
    nothing = Decimal(0)
    won = [(None, key, "direct", month, Decimal(came), nothing) for key, month, came, _ in rows if Decimal(came)]
    expected = [
        (speaker, key, "direct", month, nothing, Decimal(amount))
        for speaker, said in {method: rows, **(others or {})}.items()
        for key, month, _, amount in said
    ]
    brought = pl.DataFrame([*won, *expected], schema=BROUGHT, orient="row")
    return Said(brought, {"all": method, "direct": method})


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


def test_what_another_method_says_otherwise_is_model_and_the_rest_is_what_happened() -> None:
    opening = brings(
        [("aged", NOVEMBER, "0", "10.00"), ("raised", NOVEMBER, "0", "20.00"), ("won", NOVEMBER, "0", "40.00")],
        others={
            "adjusted": [
                ("aged", NOVEMBER, "0", "13.00"),
                ("raised", NOVEMBER, "0", "18.00"),
                ("won", NOVEMBER, "0", "50.00"),
                (None, NOVEMBER, "0", "5.00"),
            ]
        },
    )
    closing = brings(
        [
            ("aged", NOVEMBER, "0", "12.00"),
            ("raised", NOVEMBER, "0", "25.00"),
            ("won", NOVEMBER, "100.00", "0"),
            (None, NOVEMBER, "0", "4.00"),
        ],
        method="adjusted",
    )
    buckets = {"aged": "unchanged", "raised": "amount_raised", "won": "won"}
    made = forecast_movement(opening, closing, moved(buckets), QUARTERS).filter(funnel="all", period_kind="month")
    assert told(made) == {
        "won": Decimal("50.00"),
        "amount_raised": Decimal("7.00"),
        "new_business": Decimal("-1.00"),
        # Of the three deals and of new business 3 - 2 + 10 + 5 on the opening night, and one aged since.
        "model": Decimal("15.00"),
    }
    assert made["opening_amount"].sum() == Decimal("70.00")
    assert made["closing_amount"].sum() == Decimal("141.00")
    assert made.select("method", "opening_method").unique().rows() == [("adjusted", "timed")]


def test_what_a_method_says_that_the_opening_night_did_not_know_is_model_where_deals_stayed_open() -> None:
    opening = brings([("raised", NOVEMBER, "0", "20.00"), ("won", NOVEMBER, "0", "40.00")])
    closing = brings(
        [
            ("raised", NOVEMBER, "0", "25.00"),
            ("won", NOVEMBER, "100.00", "0"),
            ("new", NOVEMBER, "0", "3.00"),
            (None, NOVEMBER, "0", "4.00"),
        ],
        method="adjusted",
    )
    buckets = {"raised": "amount_raised", "won": "won", "new": "created"}
    made = forecast_movement(opening, closing, moved(buckets), QUARTERS)
    assert told(made, funnel="direct", period_kind="month") == {
        "won": Decimal("60.00"),
        "created": Decimal("3.00"),
        "model": Decimal("9.00"),
    }


def test_all_funnels_together_are_told_by_their_own_method() -> None:
    rows = [("d", NOVEMBER, "0", "10.00")]
    others = {"adjusted": [("d", NOVEMBER, "0", "30.00")]}
    opening, closing = (
        Said(brings(rows, others=others).brought, {"all": "adjusted", "direct": "timed"}) for _ in range(2)
    )
    made = forecast_movement(opening, closing, moved({"d": "unchanged"}), QUARTERS).filter(period_kind="month")
    assert made.select("funnel", "method", "closing_amount").rows() == [
        ("all", "adjusted", Decimal("30.00")),
        ("direct", "timed", Decimal("10.00")),
    ]


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
    middle=st.none() | ROWS,
    method=st.sampled_from(["timed", "adjusted"]),
    buckets=st.dictionaries(st.sampled_from("abc"), st.sampled_from(["won", "lost", "unchanged", "amount_raised"])),
)
def test_the_buckets_of_a_period_take_it_from_one_total_to_the_other(
    opening: list[Any], closing: list[Any], middle: list[Any] | None, method: str, buckets: dict[str, str]
) -> None:
    every_month = [(None, month, "0", "0") for month in (OCTOBER, NOVEMBER, DECEMBER)]
    complete = [
        [*rows, *(row for row in every_month if (None, row[1]) not in {(key, month) for key, month, *_ in rows})]
        for rows in (opening, closing)
    ]
    others = {"adjusted": [(key, month, "0", amount) for key, month, _, amount in middle]} if middle else {}
    before, after = brings(complete[0], others=others), brings(complete[1], method)
    made = forecast_movement(before, after, moved(buckets | {"z": "created"}), QUARTERS)
    for side, rows in zip(("opening", "closing"), complete, strict=True):
        for month in (OCTOBER, NOVEMBER, DECEMBER):
            expected = sum((Decimal(won) + Decimal(said) for _, start, won, said in rows if start == month), Decimal(0))
            assert (
                made.filter(funnel="all", period_kind="month", period_start=month)[f"{side}_amount"].sum() == expected
            )
        whole = sum((Decimal(won) + Decimal(said) for _, _, won, said in rows), Decimal(0))
        assert made.filter(funnel="all", period_kind="quarter")[f"{side}_amount"].sum() == whole
    assert set(made["bucket"]) <= set(BUCKETS)
    assert (made["opening_amount"] + made["change_amount"]).to_list() == made["closing_amount"].to_list()
