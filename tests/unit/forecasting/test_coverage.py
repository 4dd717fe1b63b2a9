from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import BUSINESS_DATE, deal, history, won, world

from orchestration.forecasting.categories import CATEGORIES, category
from orchestration.forecasting.coverage import coverage
from orchestration.forecasting.inputs import ForecastInputs

QUARTER = {"period_start": date(2026, 10, 1), "period_end": date(2026, 12, 31)}


def row(made: pl.DataFrame, **where: Any) -> dict[str, Any]:
    at = {"funnel": "all", "scope": "all", "period_label": "FY2026-Q4"} | where
    return made.filter(*[pl.col(column) == value for column, value in at.items()]).row(0, named=True)


def test_coverage_is_the_pipeline_of_the_period_over_what_is_to_go() -> None:
    inputs = world(
        deals=[
            deal("d1", amount="300.00", expected_close_date=date(2026, 12, 31)),
            deal("gone_by", amount="70.00", expected_close_date=date(2026, 10, 1)),
            deal("today", amount="30.00", expected_close_date=date(2026, 11, 22)),
            deal("next", amount="50.00", expected_close_date=date(2027, 1, 1)),
            deal("never", amount="50.00", expected_close_date=None),
            deal("unknown", amount=None),
            deal("credit", amount="-10.00"),
        ],
        won_deals=[won("w1", date(2026, 10, 2), "40.00"), won("w2", date(2026, 9, 30), "999.00")],
        targets=[{**QUARTER, "amount_reporting": Decimal("240.00")}],
    )
    made = row(coverage(inputs))
    assert (made["target_amount"], made["won_amount"], made["to_go_amount"]) == (
        Decimal(240),
        Decimal(40),
        Decimal(200),
    )
    assert (made["open_pipeline_amount"], made["open_pipeline_deals"]) == (Decimal(400), 5)
    assert (made["open_pipeline_excluded_deals"], made["overdue_deals"], made["overdue_amount"]) == (2, 2, Decimal(100))
    assert made["coverage"] == 2.0
    assert made["days_to_end"] == 39
    november = row(coverage(inputs), period_label="2026-11")
    assert (november["target_amount"], november["to_go_amount"], november["coverage"]) == (None, None, None)


def test_a_target_that_is_passed_has_nothing_to_go_and_no_coverage() -> None:
    inputs = world(
        deals=[deal("d1")],
        won_deals=[won("w1", BUSINESS_DATE, "250.00")],
        targets=[{**QUARTER, "amount_reporting": Decimal("240.00")}],
    )
    made = row(coverage(inputs))
    assert (made["to_go_amount"], made["coverage"]) == (Decimal(-10), None)


def test_a_target_without_deals_still_has_its_row() -> None:
    target = {**QUARTER, "team": "t9", "amount_reporting": Decimal("240.00")}
    made = row(coverage(world(targets=[target])), scope="team", scope_value="t9")
    assert (made["to_go_amount"], made["open_pipeline_amount"], made["coverage"]) == (Decimal(240), Decimal(0), 0.0)


def past(as_of: date, key: str, amount: str, close_on: date, won_on: date | None = None, **more: Any) -> Any:
    """A deal open at an as-of date, and what came of it."""
    opened = {"as_of_date": as_of, **deal(key, amount=amount, expected_close_date=close_on, **more)}
    return opened, {"as_of_date": as_of, "deal_key": key, "won_on": won_on, "closed_on": won_on}


def known(*pasts: Any, **more: Any) -> ForecastInputs:
    as_ofs = sorted({opened["as_of_date"] for opened, _ in pasts})
    more = {"deals": [], **more}
    return history(
        as_ofs=as_ofs,
        outcomes=[outcome for _, outcome in pasts],
        **{**more, "deals": [*more["deals"], *(opened for opened, _ in pasts)]},
    ).inputs()


def test_the_coverage_that_is_required_is_one_over_what_pipelines_yielded_at_this_point_of_past_periods() -> None:
    # Tonight the quarter has 39 days to go: at the end of May and of August, 30 and 30.
    inputs = known(
        past(date(2026, 5, 31), "a", "100.00", date(2026, 6, 15), date(2026, 6, 20)),
        past(date(2026, 5, 31), "b", "300.00", date(2026, 6, 15), date(2026, 7, 1)),
        past(date(2026, 8, 31), "c", "100.00", date(2026, 9, 30), date(2026, 9, 30)),
        past(date(2026, 8, 31), "d", "100.00", date(2026, 9, 30)),
        past(date(2026, 8, 31), "elsewhere", "900.00", date(2026, 10, 1), date(2026, 9, 15)),
        past(date(2026, 7, 31), "too_early", "100.00", date(2026, 9, 30), date(2026, 8, 1)),
        minimum_n=3,
    )
    made = row(coverage(inputs))
    # A quarter of the first pipeline, a half of the second.
    assert made["pipeline_yield"] == pytest.approx(0.375)
    assert made["required_coverage"] == pytest.approx(1 / 0.375)
    assert (made["yield_periods"], made["yield_deals"], made["is_insufficient_history"]) == (2, 4, False)
    assert made["yield_basis"] == "own"


def test_with_few_deals_the_yield_is_that_of_the_funnel_and_says_so() -> None:
    day = date(2026, 8, 31)
    inputs = known(
        *(past(day, f"d{n}", "100.00", date(2026, 9, 30), date(2026, 9, 9), owner_key="o1") for n in range(2)),
        *(past(day, f"e{n}", "100.00", date(2026, 9, 30), owner_key="o2") for n in range(2)),
        minimum_n=4,
        deals=[deal("tonight", owner_key="o1"), deal("new", owner_key="o3")],
    )
    made = coverage(inputs)
    assert row(made)["is_insufficient_history"] is False
    for owner, deals in (("o1", 2), ("o3", 0)):
        few = row(made, scope="owner", scope_value=owner)
        assert (few["pipeline_yield"], few["yield_basis"], few["yield_deals"]) == (0.5, "funnel", deals)
        assert (few["required_coverage"], few["is_insufficient_history"]) == (2.0, True)


def test_without_history_or_without_a_win_there_is_no_required_coverage_and_never_a_bare_three() -> None:
    made = row(coverage(world(deals=[deal("d1")])))
    assert (made["required_coverage"], made["pipeline_yield"], made["yield_basis"]) == (None, None, None)
    assert (made["yield_periods"], made["is_insufficient_history"]) == (0, True)
    nothing_won = known(past(date(2026, 8, 31), "d", "100.00", date(2026, 9, 30)))
    made = row(coverage(nothing_won))
    assert (made["required_coverage"], made["pipeline_yield"]) == (None, 0.0)


def test_on_the_last_day_of_a_quarter_no_coverage_is_enough_and_the_next_one_has_its_own() -> None:
    last_day = date(2026, 12, 31)
    inputs = known(
        past(date(2026, 8, 31), "a", "100.00", date(2026, 9, 30), date(2026, 9, 9)),
        past(date(2026, 6, 30), "b", "100.00", date(2026, 9, 30), date(2026, 9, 9)),
        past(date(2026, 6, 30), "c", "100.00", date(2026, 9, 30)),
        business_date=last_day,
    )
    made = coverage(inputs)
    assert (row(made)["days_to_end"], row(made)["required_coverage"]) == (0, None)
    assert row(made, period_label="FY2027-Q1")["required_coverage"] == 2.0


def test_of_a_past_period_only_the_as_of_date_nearest_to_this_point_counts() -> None:
    inputs = known(
        past(date(2026, 7, 31), "early", "100.00", date(2026, 9, 30), date(2026, 9, 9)),
        past(date(2026, 8, 31), "near", "100.00", date(2026, 9, 30)),
        past(date(2026, 8, 31), "near_too", "100.00", date(2026, 9, 30), date(2026, 9, 2)),
    )
    made = row(coverage(inputs))
    assert (made["pipeline_yield"], made["yield_periods"]) == (0.5, 1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Commit", "commit"),
        ("COMMITTED", "commit"),
        ("承诺", "commit"),
        (" best case ", "best_case"),
        ("BEST_CASE", "best_case"),
        ("BestCase", "best_case"),
        ("Most Likely", "best_case"),
        ("pipeline", "pipeline"),
        ("100000001", "pipeline"),
        ("Omitted", "omitted"),
        ("OMIT", "omitted"),
        ("Closed", "other"),
        ("Gut feeling", "other"),
        ("", "none"),
        ("  ", "none"),
        (None, "none"),
    ],
)
def test_a_category_is_known_by_what_crms_call_it(written: str | None, meant: str) -> None:
    frame = pl.DataFrame({"forecast_category": [written]}, schema={"forecast_category": pl.String})
    assert frame.select(category()).item() == meant


def test_categories_are_stored_single_and_rolled_up_with_what_is_won() -> None:
    amounts = {"Commit": "1.00", "Best Case": "20.00", "Pipeline": "300.00", "Omitted": "4000.00", "Hm": "50000.00"}
    inputs = world(
        deals=[deal(name, amount=amount, forecast_category=name) for name, amount in amounts.items()],
        won_deals=[won("w1", BUSINESS_DATE, "600000.00")],
    )
    made = row(coverage(inputs))
    single = {name: made[f"{name}_open_amount"] for name in CATEGORIES}
    assert single == {
        "commit": Decimal(1),
        "best_case": Decimal(20),
        "pipeline": Decimal(300),
        "omitted": Decimal(4000),
        "other": Decimal(50000),
        "none": Decimal(0),
    }
    assert [made[f"{name}_amount"] for name in ("commit", "best_case", "pipeline")] == [
        Decimal(600001),
        Decimal(600021),
        Decimal(600321),
    ]
    assert (made["other_open_deals"], made["omitted_open_deals"]) == (1, 1)


def test_a_roll_up_is_of_what_is_known_and_null_where_nothing_is() -> None:
    unknown = deal("unknown", amount=None, forecast_category="commit")
    made = row(coverage(world(deals=[unknown])))
    assert [made[f"{name}_amount"] for name in ("commit", "best_case", "pipeline")] == [None, None, None]
    made = row(coverage(world(deals=[unknown, deal("d1", amount="5.00", forecast_category="best case")])))
    assert [made[f"{name}_amount"] for name in ("commit", "best_case", "pipeline")] == [None, Decimal(5), Decimal(5)]
    made = row(coverage(world(deals=[unknown], won_deals=[won("w1", BUSINESS_DATE, "3.00")])))
    assert [made[f"{name}_amount"] for name in ("commit", "best_case", "pipeline")] == [Decimal(3)] * 3
    assert (made["commit_open_deals"], made["open_pipeline_excluded_deals"]) == (1, 1)


def test_a_period_that_ends_in_a_week_is_not_held_against_ones_that_had_a_month_to_go() -> None:
    inputs = known(past(date(2026, 8, 31), "a", "100.00", date(2026, 9, 30), date(2026, 9, 9)))
    made = coverage(inputs)
    assert row(made, period_label="2026-11")["days_to_end"] == 8
    assert row(made, period_label="2026-11")["required_coverage"] is None
    assert row(made, period_label="2026-12")["required_coverage"] == 1.0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.decimals(-5, 10**6, places=2),
            st.sampled_from([None, "commit", "best case", "pipeline", "omit", "?"]),
            st.dates(date(2026, 9, 1), date(2027, 8, 1)),
            st.sampled_from(["direct", "partner"]),
            st.sampled_from([None, "o1", "o2"]),
        ),
        max_size=15,
    )
)
def test_categories_and_levels_sum_to_the_open_pipeline_to_the_cent(drawn: list[Any]) -> None:
    inputs = world(
        deals=[
            deal(
                f"d{n}", amount=None, forecast_category=named, expected_close_date=close, funnel=funnel, owner_key=owner
            )
            | {"amount_reporting": amount}
            for n, (amount, named, close, funnel, owner) in enumerate(drawn)
        ],
        funnels=["direct", "partner"],
    )
    made = coverage(inputs)
    for each in made.iter_rows(named=True):
        parts = [each[f"{name}_open_amount"] or 0 for name in CATEGORIES]
        assert sum(parts) == (each["open_pipeline_amount"] or 0)
        assert sum(each[f"{name}_open_deals"] for name in CATEGORIES) == each["open_pipeline_deals"]
    for label in made["period_label"].unique():
        of_period = made.filter(pl.col("period_label") == label)
        whole = of_period.filter(pl.col("funnel") == "all", pl.col("scope") == "all")["open_pipeline_amount"].sum()
        for scope in ("all", "team", "owner", "segment"):
            parts = of_period.filter(pl.col("funnel") != "all", pl.col("scope") == scope)["open_pipeline_amount"].sum()
            assert parts == whole
