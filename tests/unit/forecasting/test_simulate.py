"""Intervals against outcomes that can be counted, against the normal limit, and properties of any of them."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from worlds import BUSINESS_DATE, deal, world

from orchestration.forecasting.fallback import Spoken, spoken
from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import MethodForecast, no_new_business
from orchestration.forecasting.simulate import centre_of, intervals, seed_of

MONTHS = [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)]


def said(
    deals: Mapping[str, tuple[int, Sequence[str]]],
    *,
    rate_sd: float = 0.0,
    groups: Mapping[str, str | None] | None = None,
    owners: Mapping[str, str] | None = None,
    funnels: Mapping[str, str] | None = None,
    new_business: Sequence[Mapping[str, Any]] = (),
    method: str = "timed",
) -> tuple[Spoken, ForecastInputs]:
    """Deals by key: amount in whole units, chances of November, December and January."""
    owners, funnels, groups = owners or {}, funnels or {}, groups or {}
    inputs = world(
        deals=[
            deal(key, owner_key=owners.get(key), funnel=funnels.get(key, "direct"), amount=f"{amount}.00")
            for key, (amount, _) in deals.items()
        ],
        funnels=sorted({"direct", *funnels.values()}),
    )
    of_deals = pl.DataFrame(
        [
            {
                "deal_key": key,
                "win_rate": sum(Decimal(chance) for chance in chances),
                "rate_group": groups.get(key, "one"),
                "rate_sd": rate_sd,
                "rate_n": 100,
                "is_insufficient_history": False,
            }
            for key, (_, chances) in deals.items()
        ],
        schema_overrides={"win_rate": pl.Decimal(13, 12), "rate_group": pl.String},
    )
    chances = pl.DataFrame(
        [
            {
                "deal_key": key,
                "period_start": month,
                "period_status": "dated",
                "chance": Decimal(chance),
                "amount_if_won": Decimal(amount),
                "expected_amount": Decimal(chance) * amount,
            }
            for key, (amount, chances) in deals.items()
            for month, chance in zip(MONTHS, chances, strict=False)
        ],
        schema_overrides={"chance": pl.Decimal(13, 12), "amount_if_won": pl.Decimal(18, 2)},
    )
    new = pl.DataFrame(
        [{"funnel": "direct", "segment": "A", "period_start": MONTHS[1], **row} for row in new_business],
        schema=no_new_business().schema,
    )
    made = MethodForecast(of_deals, chances, new)
    return spoken(inputs, method, lambda name: made if name == method else None), inputs


def quantiles(made: pl.DataFrame, part: str = "", **where: Any) -> tuple[float, ...]:
    at = {"funnel": "all", "scope": "all", "period_kind": "quarter"} | where
    row = (
        made.filter(*[pl.col(column) == value for column, value in at.items()]).sort("period_start").row(0, named=True)
    )
    return tuple(float(row[f"{part}{name}_amount"]) for name in ("p10", "p50", "p90"))


def counted(deals: Mapping[str, tuple[int, Sequence[str]]], months: int) -> tuple[float, ...]:
    """The same quantiles over every outcome that there is."""
    outcomes: dict[int, float] = {}
    chances = [(amount, sum(float(each) for each in chances[:months])) for amount, chances in deals.values()]
    for won in itertools.product([0, 1], repeat=len(chances)):
        total = sum(amount for (amount, _), is_won in zip(chances, won, strict=True) if is_won)
        chance = np.prod([p if is_won else 1 - p for (_, p), is_won in zip(chances, won, strict=True)])
        outcomes[total] = outcomes.get(total, 0.0) + float(chance)
    totals = sorted(outcomes)
    reached = np.cumsum([outcomes[total] for total in totals])
    return tuple(float(totals[int(np.searchsorted(reached, q))]) for q in (0.1, 0.5, 0.9))


FEW = {"d1": (100, ["0.3", "0.2", "0.2"]), "d2": (1000, ["0.07", "0.35", "0.1"]), "d3": (40, ["0.6", "0.1", "0.0"])}


@pytest.mark.parametrize(("months", "at"), [(1, {"period_kind": "month"}), (2, {"period_kind": "quarter"})])
def test_the_quantiles_of_a_few_deals_are_those_of_all_their_outcomes(months: int, at: dict[str, str]) -> None:
    made = intervals(*said(FEW), draws=20_000, scopes=["all"])
    assert quantiles(made, **at) == counted(FEW, months)


def test_a_single_giant_deal_is_there_or_not() -> None:
    giant = {"d1": (10**12, ["0.3"]), "d2": (1, ["0.5"])}
    made = intervals(*said(giant), draws=2000, scopes=["all"])
    p10, p50, p90 = quantiles(made)
    assert (p10, p90) == (0.0, 10**12 + 1) or (p10, p90) == (0.0, 10**12)
    assert p50 in (0.0, 1.0)


def test_many_small_deals_come_near_the_normal_distribution() -> None:
    many = {f"d{number:04d}": (100, ["0.1", "0.1"]) for number in range(2000)}
    made = intervals(*said(many), draws=4000, scopes=["all"])
    p10, p50, p90 = quantiles(made)
    sd = 100 * (2000 * 0.2 * 0.8) ** 0.5
    assert p50 == pytest.approx(40_000, abs=0.1 * sd)
    assert p90 - p50 == pytest.approx(1.2816 * sd, rel=0.07)
    assert p50 - p10 == pytest.approx(1.2816 * sd, rel=0.07)


def test_what_is_not_known_of_a_rate_is_not_known_for_all_of_its_deals_at_once() -> None:
    many = {f"d{number:04d}": (100, ["0.2"]) for number in range(2000)}
    made = intervals(*said(many, rate_sd=0.5), draws=4000, scopes=["all"])
    p10, p50, p90 = quantiles(made)
    # 2000 deals leave next to nothing to chance, so that the interval is that of the rate.
    centre = centre_of(np.array([0.2]), np.array([0.5]))[0]
    odds = np.exp(centre + 0.5 * np.array([-1.2816, 0, 1.2816]))
    assert [p10, p50, p90] == pytest.approx(list(200_000 * odds / (1 + odds)), rel=0.04)


def test_a_shock_leaves_the_mean_where_it_is() -> None:
    chance, sd = np.array([0.001, 0.2, 0.5, 0.9, 0.999, 0.2]), np.array([1.0, 0.5, 2.0, 1.0, 2.0, 0.0])
    centre = centre_of(chance, sd)
    shocks = np.random.default_rng(1).standard_normal(400_000)
    means = [float(np.mean(1 / (1 + np.exp(-(at + spread * shocks))))) for at, spread in zip(centre, sd, strict=True)]
    assert means == pytest.approx(list(chance), rel=0.02)
    assert np.isinf(centre_of(np.array([0.0, 1.0]), np.array([1.0, 1.0]))).all()


def test_deals_of_other_groups_are_doubted_each_on_its_own() -> None:
    many = {f"d{number:04d}": (100, ["0.2"]) for number in range(1000)}
    together = quantiles(intervals(*said(many, rate_sd=0.4), draws=1000, scopes=["all"]))
    groups = {key: f"g{number % 50}" for number, key in enumerate(many)}
    apart = quantiles(intervals(*said(many, rate_sd=0.4, groups=groups), draws=1000, scopes=["all"]))
    alone = quantiles(
        intervals(*said(many, rate_sd=0.4, groups={key: key for key in many}), draws=1000, scopes=["all"])
    )
    sure = quantiles(intervals(*said(many), draws=1000, scopes=["all"]))
    assert together[2] - together[0] > 2 * (apart[2] - apart[0])
    assert apart[2] - apart[0] > alone[2] - alone[0]
    # A deal that shares its doubt with nobody is won as often with it as without.
    assert alone == sure


def test_a_rate_of_one_from_three_visits_is_doubted_and_one_from_ten_thousand_is_not() -> None:
    ten = {f"d{number}": (100, ["1.0"]) for number in range(10)}
    three_visits, many_visits = ((1 / (n + 0.5) + 2) ** 0.5 for n in (3, 10_000))
    doubted = quantiles(intervals(*said(ten, rate_sd=three_visits), draws=2000, scopes=["all"]))
    assert doubted[0] < 800
    assert doubted[2] == 1000
    assert quantiles(intervals(*said(ten, rate_sd=many_visits), draws=2000, scopes=["all"])) == (1000, 1000, 1000)
    assert quantiles(intervals(*said(ten), draws=2000, scopes=["all"])) == (1000, 1000, 1000)


def test_every_level_is_simulated_and_its_interval_is_no_sum_of_those_below() -> None:
    deals = {f"d{number:03d}": (100, ["0.2"]) for number in range(400)}
    owners = {key: f"o{number % 8}" for number, key in enumerate(deals)}
    funnels = {key: ("direct", "partner")[number % 16 // 8] for number, key in enumerate(deals)}
    made = intervals(*said(deals, owners=owners, funnels=funnels), draws=2000, scopes=["all", "owner"])
    whole = quantiles(made)
    parts = [quantiles(made, scope="owner", scope_value=f"o{number}") for number in range(8)]
    assert whole[2] - whole[0] < 0.6 * sum(part[2] - part[0] for part in parts)
    assert whole[0] > sum(part[0] for part in parts)
    within = quantiles(made, scope="owner", scope_value="o1", funnel="direct")
    assert within[1] < quantiles(made, scope="owner", scope_value="o1")[1]
    assert set(made["funnel"]) == {"all", "direct", "partner"}


def test_levels_do_not_depend_on_which_others_are_asked_for() -> None:
    deals = {f"d{number:03d}": (100 + number, ["0.2", "0.1"]) for number in range(50)}
    owners = {key: f"o{number % 3}" for number, key in enumerate(deals)}
    new = [{"owner_key": "o1", "deals": 3.0, "deals_sd": 1.0, "amount_if_won": Decimal(50), "amount_sd": 20.0}]
    few = intervals(*said(deals, owners=owners, new_business=new), draws=100, scopes=["all"])
    all_of_them = intervals(
        *said(deals, owners=owners, new_business=new), draws=100, scopes=["all", "team", "owner", "segment"]
    )
    key = ["funnel", "scope", "scope_value", "period_kind", "period_start"]
    assert_frame_equal(few.sort(key), all_of_them.filter(pl.col("scope") == "all").sort(key))


def test_new_business_is_poisson_around_an_uncertain_expectation() -> None:
    def spread(deals_sd: float, amount_sd: float) -> tuple[float, float, float]:
        new = [{"deals": 200.0, "deals_sd": deals_sd, "amount_if_won": Decimal(100), "amount_sd": amount_sd}]
        made = intervals(*said({"d1": (1, ["0.0"])}, new_business=new), draws=4000, scopes=["all"])
        assert quantiles(made, "open_") == (0, 0, 0)
        p10, p50, p90 = quantiles(made)
        return p10, p50, p90

    p10, p50, p90 = spread(0.0, 0.0)
    assert p50 == pytest.approx(20_000, rel=0.01)
    assert p90 - p10 == pytest.approx(2 * 1.2816 * 100 * 200**0.5, rel=0.07)
    # Amounts that vary as much as they are on average double the variance.
    p10, p50, p90 = spread(0.0, 100.0)
    assert p90 - p10 == pytest.approx(2 * 1.2816 * 100 * 400**0.5, rel=0.07)
    p10, p50, p90 = spread(60.0, 0.0)
    cv = (0.3**2 + 1 / 200) ** 0.5
    assert p90 - p10 == pytest.approx(2 * 1.2816 * 20_000 * cv, rel=0.08)


def test_an_uncertain_rate_of_creation_is_uncertain_for_all_owners_at_once() -> None:
    new = [
        {"owner_key": f"o{number}", "deals": 10.0, "deals_sd": 5.0, "amount_if_won": Decimal(100), "amount_sd": 0.0}
        for number in range(40)
    ]
    made = intervals(*said({"d1": (1, ["0.0"])}, new_business=new), draws=2000, scopes=["all", "owner"])
    p10, _, p90 = quantiles(made)
    # 400 wins expected: half as many more or less because of the rate, a twentieth by chance.
    assert p90 - p10 > 2 * 1.2816 * 40_000 * 0.4
    assert 10 < quantiles(made, scope="owner", scope_value="o7")[1] / 100 + 2 < 13


@st.composite
def pipelines(draw: st.DrawFn) -> dict[str, tuple[int, list[str]]]:
    def chances() -> list[str]:
        thousandths = [draw(st.integers(0, 333)) for _ in MONTHS]
        return [f"0.{each:03d}" for each in thousandths]

    return {f"d{number:02d}": (draw(st.integers(0, 10**7)), chances()) for number in range(draw(st.integers(1, 30)))}


@settings(max_examples=40, deadline=None)
@given(pipelines(), st.floats(0, 2), st.integers(0, 10**6))
def test_quantiles_are_ordered_and_neither_order_nor_repetition_changes_them(
    deals: dict[str, tuple[int, list[str]]], rate_sd: float, seed: int
) -> None:
    owners = {key: f"o{number % 4}" for number, key in enumerate(deals)}
    scopes = ["all", "owner", "team", "segment"]
    made = intervals(*said(deals, rate_sd=rate_sd, owners=owners), draws=40, scopes=scopes)
    for part in ("", "open_"):
        p10, p50, p90 = (made[f"{part}{name}_amount"] for name in ("p10", "p50", "p90"))
        assert (p10 >= 0).all()
        assert (p10 <= p50).all()
        assert (p50 <= p90).all()
    assert_frame_equal(made, intervals(*said(deals, rate_sd=rate_sd, owners=owners), draws=40, scopes=scopes))
    keys = list(deals)
    np.random.default_rng(seed).shuffle(keys)
    shuffled = {key: deals[key] for key in keys}
    assert_frame_equal(made, intervals(*said(shuffled, rate_sd=rate_sd, owners=owners), draws=40, scopes=scopes))


def test_another_method_or_another_night_draws_other_numbers() -> None:
    many = {f"d{number:03d}": (100 + number, ["0.2", "0.1"]) for number in range(100)}
    one, other = (intervals(*said(many, method=name), draws=100, scopes=["all"]) for name in ("timed", "weighted"))
    assert quantiles(one) != quantiles(other)
    assert seed_of(BUSINESS_DATE, "timed") == 5770251223062358355
    assert seed_of(date(2026, 11, 23), "timed") != seed_of(BUSINESS_DATE, "timed")


def test_nothing_open_and_nothing_new_has_no_rows() -> None:
    assert intervals(*said({"d1": (5, ["0.0"])}), draws=10, scopes=["all"]).height == 0


def test_a_block_of_many_owners_and_an_owner_of_many_deals_are_drawn_as_any_other() -> None:
    deals = {f"d{number:05d}": (1, ["0.5"]) for number in range(5000)}
    owners = {key: "o" if number < 3000 else f"p{number}" for number, key in enumerate(deals)}
    made = intervals(*said(deals, owners=owners), draws=200, scopes=["all", "owner"])
    assert quantiles(made)[1] == pytest.approx(2500, rel=0.02)
    assert quantiles(made, scope="owner", scope_value="o")[1] == pytest.approx(1500, rel=0.02)
    singles = made.filter(pl.col("scope") == "owner", pl.col("scope_value") != "o", pl.col("funnel") == "all")
    assert singles["scope_value"].n_unique() == 2000
    assert set(singles["p90_amount"]) == {Decimal(1)}
