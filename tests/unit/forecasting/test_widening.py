import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.forecasting.widening import widened, widened_tonight, width_factors

SCHEMA = {
    "method": pl.String(),
    "funnel": pl.String(),
    "lead_bucket": pl.String(),
    "part": pl.String(),
    **{f"{name}_amount": pl.Decimal(38, 2) for name in ("p10", "p50", "p90", "actual", "floor")},
    "is_scored": pl.Boolean(),
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
        **more,
    }


def frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def stretched(rows: Sequence[dict[str, Any]], factor: float | None) -> list[tuple[Any, ...]]:
    factors = width_factors(frame([]))
    if factor is not None:
        known = {"method": "timed", "funnel": "direct", "lead_bucket": "15-45", "part": "total"}
        factors = pl.DataFrame([known | {"width_factor": factor, "width_n": 20}])
    return widened(frame(rows), factors).select("p10_amount", "p50_amount", "p90_amount", "width_factor").rows()


def test_nineteen_pairs_are_too_few_to_stretch_by() -> None:
    rows = [row("90", "100", "110", "130") for _ in range(20)]
    assert width_factors(frame(rows[:19])).height == 0
    assert width_factors(frame(rows)).select("width_factor", "width_n").rows() == [(3.0, 20)]


def test_the_factor_would_have_covered_four_in_five() -> None:
    # Misses of 1 to 20 half-widths: of 20 the 17th, ceil(0.8 x 21), is the least that covers four in five.
    rows = [row("90", "100", "110", str(100 + 10 * miss * (-1) ** miss)) for miss in range(1, 21)]
    assert width_factors(frame(rows))["width_factor"].to_list() == [17.0]


def test_a_miss_is_measured_by_the_half_on_its_side() -> None:
    rows = [row("50", "100", "110", "75") for _ in range(20)]
    assert width_factors(frame(rows))["width_factor"].to_list() == [0.5]


def test_no_stretching_mends_an_interval_without_width() -> None:
    assert width_factors(frame([row("100", "100", "100", "130") for _ in range(20)])).height == 0
    assert width_factors(frame([row("100", "100", "100", "100") for _ in range(20)]))["width_factor"].to_list() == [0.0]


def test_periods_that_are_not_over_stretch_nothing() -> None:
    assert width_factors(frame([row("90", "100", "110") for _ in range(40)])).height == 0


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
    assert factors["width_n"].item() == len(pairs)
    # Rounding the factor to six places moves the end of an interval by less than a cent per 10,000.00 of width.
    assert covered >= math.ceil(0.8 * (len(pairs) + 1)) - 1


def test_each_method_funnel_lead_and_part_is_stretched_by_its_own() -> None:
    narrow = [row("90", "100", "110", "105") for _ in range(20)]
    wide = [row("90", "100", "110", "140", part="open") for _ in range(20)]
    factors = width_factors(frame(narrow + wide)).select("part", "width_factor").rows()
    assert factors == [("open", 4.0), ("total", 0.5)]


def test_tonight_whole_funnels_are_stretched_at_their_lead_and_what_is_due_at_no_lead_is_not() -> None:
    def of_tonight(end: date | None, scope: str = "all") -> dict[str, Any]:
        stamp = {"business_date": date(2026, 11, 22), "period_end": end, "scope": scope}
        return row("90", "100", "110") | stamp | {"won_amount": Decimal(0)}

    far, near = date(2027, 6, 30), date(2026, 11, 30)
    rows = [of_tonight(far), of_tonight(near), of_tonight(None), of_tonight(far, scope="owner")]
    schema = SCHEMA | {"business_date": pl.Date(), "period_end": pl.Date(), "scope": pl.String()}
    periods = pl.DataFrame(rows, schema=schema | {"won_amount": pl.Decimal(38, 2)}).drop("lead_bucket", "part")
    known = {"method": "timed", "funnel": "direct", "lead_bucket": "106+", "part": "total"}
    made = widened_tonight(periods.drop("floor_amount"), pl.DataFrame([known | {"width_factor": 2.0, "width_n": 20}]))
    assert made["width_factor"].to_list() == [2.0, 1.0, 1.0, 1.0]
    assert made["p90_amount"].to_list() == [Decimal(120), Decimal(110), Decimal(110), Decimal(110)]
