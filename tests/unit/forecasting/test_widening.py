import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.forecasting.widening import (
    MODEL_ERROR,
    MODEL_PAIRS,
    model_error,
    widened,
    widened_tonight,
    width_factors,
)

SCHEMA = {
    "method": pl.String(),
    "funnel": pl.String(),
    "lead_bucket": pl.String(),
    "part": pl.String(),
    **{f"{name}_amount": pl.Decimal(38, 2) for name in ("p10", "p50", "p90", "actual", "floor", "won")},
    "is_scored": pl.Boolean(),
    "as_of_date": pl.Date(),
    "period_kind": pl.String(),
    "period_start": pl.Date(),
}


def row(p10: str, p50: str, p90: str, actual: str | None = None, floor: str = "0", **more: Any) -> dict[str, Any]:
    amounts = {"p10": p10, "p50": p50, "p90": p90, "actual": actual, "floor": floor}
    return {
        "method": "timed",
        "funnel": "direct",
        "lead_bucket": "15-45",
        "part": "total",
        **{f"{name}_amount": None if text is None else Decimal(text) for name, text in amounts.items()},
        "is_scored": actual is not None,
        "as_of_date": date(2026, 6, 30),
        "period_kind": "month",
        "period_start": date(2026, 7, 1),
        # All of the median is won: what a model may be wrong about has a test of its own.
        "won_amount": Decimal(p50),
        **more,
    }


def told(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """The groups that have a factor."""
    return width_factors(frame(rows)).drop_nulls("width_factor")


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def stretched(rows: Sequence[dict[str, Any]], factor: float | None) -> list[tuple[Any, ...]]:
    factors = width_factors(frame([]))
    if factor is not None:
        known = {"method": "timed", "funnel": "direct", "lead_bucket": "15-45", "part": "total"}
        factors = pl.DataFrame([known | {"model_error": 0.0, "width_factor": factor, "width_n": 20}])
    return widened(frame(rows), factors).select("p10_amount", "p50_amount", "p90_amount", "width_factor").rows()


def test_nineteen_pairs_are_too_few_to_stretch_by() -> None:
    rows = [row("90", "100", "110", "130") for _ in range(20)]
    assert told(rows[:19]).height == 0
    assert told(rows).select("width_factor", "width_n").rows() == [(3.0, 20)]


def test_the_factor_would_have_covered_four_in_five() -> None:
    # Misses of 1 to 20 half-widths: of 20 the 17th, ceil(0.8 x 21), is the least that covers four in five.
    rows = [row("90", "100", "110", str(100 + 10 * miss * (-1) ** miss)) for miss in range(1, 21)]
    assert told(rows)["width_factor"].to_list() == [17.0]


def test_a_miss_is_measured_by_the_half_on_its_side() -> None:
    rows = [row("50", "100", "110", "75") for _ in range(20)]
    assert told(rows)["width_factor"].to_list() == [0.5]


def test_no_stretching_mends_an_interval_without_width() -> None:
    assert told([row("100", "100", "100", "130") for _ in range(20)]).height == 0
    assert told([row("100", "100", "100", "100") for _ in range(20)])["width_factor"].to_list() == [0.0]


def test_periods_that_are_not_over_stretch_nothing() -> None:
    assert told([row("90", "100", "110") for _ in range(40)]).height == 0


def test_an_interval_is_stretched_about_its_median_to_the_cent() -> None:
    assert stretched([row("89.99", "100", "110.01")], 1.5) == [
        (Decimal("84.98"), Decimal("100.00"), Decimal("115.02"), 1.5)
    ]


def test_without_a_factor_an_interval_stays_as_it_is() -> None:
    assert stretched([row("90", "100", "110")], None) == [(Decimal("90.00"), Decimal("100.00"), Decimal("110.00"), 1.0)]


def test_nothing_is_stretched_below_what_is_won_already() -> None:
    assert stretched([row("90", "100", "110", floor="80")], 4.0)[0][0] == Decimal("80.00")
    assert stretched([row("-5", "100", "110", floor="0")], 1.5)[0][0] == Decimal("-5.00")


def test_a_row_without_an_interval_keeps_none() -> None:
    nothing = row("90", "100", "110") | {f"{name}_amount": None for name in ("p10", "p50", "p90")}
    assert stretched([nothing], 2.0) == [(None, None, None, 2.0)]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 10**8), st.integers(1, 10**8), st.integers(-(10**9), 10**9)), min_size=20, max_size=60
    )
)
def test_stretched_by_their_own_factor_four_in_five_are_covered(pairs: list[tuple[int, int, int]]) -> None:
    def money(cents: int) -> str:
        return str(Decimal(cents) / 100)

    kept = frame([row(money(-down), "0", money(up), money(actual), floor="-999999999") for down, up, actual in pairs])
    factors = width_factors(kept)
    made = widened(kept, factors)
    cent = Decimal("0.02")
    covered = sum(
        low - cent <= actual <= high + cent
        for low, high, actual in made.select("p10_amount", "p90_amount", "actual_amount").iter_rows()
    )
    assert factors.drop_nulls("width_factor")["width_n"].item() == len(pairs)
    # Rounding the factor to six places moves the end of an interval by less than a cent per 10,000.00 of width.
    assert covered >= math.ceil(0.8 * (len(pairs) + 1)) - 1


def test_each_method_funnel_lead_and_part_is_stretched_by_its_own() -> None:
    narrow = [row("90", "100", "110", "105") for _ in range(20)]
    wide = [row("90", "100", "110", "140", method="other") for _ in range(20)]
    factors = told(narrow + wide).select("method", "width_factor").rows()
    assert factors == [("other", 4.0), ("timed", 0.5)]


def test_tonight_whole_funnels_are_stretched_at_their_lead_and_what_is_due_at_no_lead_is_not() -> None:
    def of_tonight(end: date | None, scope: str = "all") -> dict[str, Any]:
        stamp = {"business_date": date(2026, 11, 22), "period_end": end, "scope": scope}
        return row("90", "100", "110") | stamp | {"won_amount": Decimal(0)}

    far, near = date(2027, 6, 30), date(2026, 11, 30)
    rows = [of_tonight(far), of_tonight(near), of_tonight(None), of_tonight(far, scope="owner")]
    schema = SCHEMA | {"business_date": pl.Date(), "period_end": pl.Date(), "scope": pl.String()}
    periods = pl.DataFrame(rows, schema=schema).drop("lead_bucket", "part")
    known = {"method": "timed", "funnel": "direct", "lead_bucket": "106+", "part": "total"}
    factors = pl.DataFrame([known | {"model_error": 0.0, "width_factor": 2.0, "width_n": 20}])
    made = widened_tonight(periods.drop("floor_amount"), factors)
    assert made["width_factor"].to_list() == [2.0, 1.0, 1.0, 1.0]
    assert made["p90_amount"].to_list() == [Decimal(120), Decimal(110), Decimal(110), Decimal(110)]


# What no number of deals averages out


def test_before_any_period_is_over_a_model_is_off_by_what_is_believed_of_all() -> None:
    assert model_error(np.array([]), np.array([])) == MODEL_ERROR
    (error,) = set(width_factors(frame([row("90", "100", "110")]))["model_error"])
    assert error == MODEL_ERROR


@pytest.mark.parametrize("true_error", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("own", [0.01, 0.05])
def test_errors_beyond_the_intervals_are_found_and_nothing_is_made_of_chance(true_error: float, own: float) -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(30):
        misses = rng.normal(0, np.hypot(own, true_error), 60)
        found.append(model_error(misses, np.full(60, own * 1.2815515655446004)))
    believed = MODEL_ERROR**2 * MODEL_PAIRS / (60 + MODEL_PAIRS)
    expected = np.sqrt(true_error**2 * 60 / (60 + MODEL_PAIRS) + believed)
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(expected, rel=0.25, abs=0.15 * own)


def test_a_wide_interval_that_missed_says_less_than_a_narrow_one_that_did() -> None:
    halves = np.array([0.01] * 10 + [0.4] * 10)
    narrow_missed = model_error(np.array([0.1, -0.1] * 5 + [0.0] * 10), halves)
    wide_missed = model_error(np.array([0.0] * 10 + [0.1, -0.1] * 5), halves)
    assert narrow_missed > 0.05
    assert wide_missed < MODEL_ERROR


def test_squares_of_both_errors_add_up_over_what_is_still_to_come() -> None:
    known = {"method": "timed", "funnel": "direct", "lead_bucket": "15-45", "part": "total"}
    factors = pl.DataFrame([known | {"model_error": 0.2 / 1.2815515655446004, "width_factor": 1.0, "width_n": 20}])
    # 20 of the 100 to come, and 15 of the interval's own: 25.
    rows = [row("85", "100", "115"), row("110", "125", "140", floor="25"), row("100", "100", "100")]
    made = widened(frame(rows), factors).select("p10_amount", "p90_amount").rows()
    assert made == [
        (Decimal(75), Decimal(125)),
        (Decimal(100), Decimal(150)),
        (Decimal(100), Decimal(100)),
    ]
    assert "model_error" not in widened(frame(rows), factors).columns


def test_the_error_is_that_of_all_leads_of_a_method_funnel_and_part() -> None:
    far = [row("99", "100", "101", "120", lead_bucket="106+", won_amount=Decimal(0)) for _ in range(10)]
    near = [row("99", "100", "101", "100", won_amount=Decimal(0), method="other")]
    errors = width_factors(frame(far + near))
    by_method = dict(errors.group_by("method").agg(pl.col("model_error").unique()).iter_rows())
    assert set(errors["lead_bucket"]) == {"0-14", "15-45", "46-75", "76-105", "106+"}
    assert len(by_method["timed"]) == 1
    assert by_method["timed"][0] > 0.1
    assert by_method["other"][0] < MODEL_ERROR
