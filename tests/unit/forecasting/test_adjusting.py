"""What a deal's own facts do to its chances, in made-up companies whose truth is known."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from orchestration.forecasting.adjusting import (
    INTERVAL_ENDS,
    LEAST_WON,
    Adjustment,
    Design,
    fit_adjustment,
    hazards_of,
    logit,
    sampled,
)
from orchestration.forecasting.features import FACTS, PUSHES, UNPROVEN, Usual, facts_of, typical_dwell
from orchestration.forecasting.inputs import input_schema

AS_OF = date(2026, 11, 30)
AS_OFS = [AS_OF - timedelta(days=30 * back) for back in range(18, 0, -1)]
# Weights are fitted on three quarters of the dates: on fourteen of eighteen.
FIRST_LATER = AS_OFS[14]
USUAL = Usual(
    dwell=typical_dwell(pl.DataFrame(schema=input_schema("forecast_hazard_counts"))),
    amount=pl.DataFrame({"funnel": ["direct"], "median_amount": [50_000.0]}),
)


@dataclass(frozen=True)
class Company:
    """Deals of past as-of dates: what `timed` says of them, and in which interval they were won by the truth."""

    deals: pl.DataFrame
    facts: pl.DataFrame
    until: npt.NDArray[np.float64]
    truth: npt.NDArray[np.float64]

    def learnt(self, minimum_n: int = 0) -> Adjustment | None:
        return fit_adjustment(self.deals, self.facts, self.until, AS_OF, minimum_n)

    def with_wins(self, won_on: pl.Expr) -> "Company":
        return replace(self, deals=self.deals.with_columns(won_on.alias("won_on")))


def company(seed: int, *, unproven: float = 0.0, level: float = 0.0, deals_per_date: int = 250) -> Company:
    """In truth the log-odds of each interval are those of `timed`, and `unproven` for each doubling, and `level`."""
    rng = np.random.default_rng(seed)
    count = deals_per_date * len(AS_OFS)
    violated = rng.choice([0, 0, 1, 3], count)
    deals = pl.DataFrame(
        {
            "as_of_date": [day for day in AS_OFS for _ in range(deals_per_date)],
            "deal_key": [f"D{number:05d}" for number in range(count)],
            "funnel": "direct",
            "stage": "proposal",
            "amount_reporting": rng.integers(10_000, 90_000, count),
            "days_since_customer_activity": pl.Series(
                np.where(rng.random(count) < 0.1, np.nan, rng.exponential(14, count))
            ).fill_nan(None),
            "pushes": rng.poisson(1, count),
            "icp_band": rng.choice(["A", "B", "C"], count),
            "criteria_asked": 4,
            "criteria_violated": violated,
            "criteria_met": 4 - violated,
            "criteria_late": 0,
            "criteria_waived": 0,
            "criteria_not_evaluated": 0,
        }
    )
    full = pl.DataFrame(schema=input_schema("forecast_open_deals"))
    deals = pl.concat([full, deals.cast({name: full.schema[name] for name in deals.columns})], how="diagonal")
    hazard = rng.uniform(0.01, 0.3, (count, 1)) * np.linspace(1, 0.3, len(INTERVAL_ENDS))
    log_odds = logit(hazard) + level + unproven * (np.log2(1 + violated) - np.log2([1, 1, 2, 4]).mean())[:, None]
    true_hazard = 1 / (1 + np.exp(-log_odds))
    is_won = rng.random(hazard.shape) < true_hazard
    place, begins = is_won.argmax(axis=1), np.array([0, *INTERVAL_ENDS])
    days = np.where(is_won.any(axis=1), rng.integers(begins[place] + 1, begins[place + 1] + 1), 0)
    won = pl.Series(days, dtype=pl.Int64)
    deals = deals.with_columns(
        pl.when(won > 0).then(pl.col("as_of_date") + pl.duration(days=won)).cast(pl.Date).alias("won_on")
    ).with_columns(pl.when(pl.col("won_on") <= AS_OF).then("won_on"))
    return Company(
        deals=deals,
        facts=facts_of(deals, USUAL),
        until=1 - np.cumprod(1 - hazard, axis=1),
        truth=1 - np.cumprod(1 - true_hazard, axis=1),
    )


def effect_of(adjustment: Adjustment, made: Company, fact: str) -> npt.NDArray[np.float64]:
    return adjustment.effects(made.facts)[:, FACTS.index(fact)]


def test_a_known_effect_is_found_at_its_size_and_none_where_there_is_none():
    made = company(1, unproven=-0.7)

    learnt = made.learnt()

    assert learnt is not None
    effect = effect_of(learnt, made, UNPROVEN)
    unproven = made.deals["criteria_violated"].to_numpy()
    # Three criteria are two doublings, of which the ridge takes a little.
    assert effect[unproven == 3].mean() - effect[unproven == 0].mean() == pytest.approx(-1.4, abs=0.3)
    assert np.abs(effect_of(learnt, made, PUSHES)).max() < 0.3


def test_adjusted_chances_of_new_deals_are_nearer_to_the_truth_than_those_adjusted():
    made, new = company(2, unproven=-0.7), company(3, unproven=-0.7)

    learnt = made.learnt()

    assert learnt is not None
    adjusted = learnt.scaled(new.until, learnt.effects(new.facts).sum(axis=1))
    error, unadjusted = np.abs(adjusted - new.truth).mean(), np.abs(new.until - new.truth).mean()
    assert error < unadjusted / 3
    assert np.abs(adjusted[:, -1].mean() - new.truth[:, -1].mean()) < 0.02


def test_what_is_wrong_for_all_deals_alike_is_calibrated():
    made, new = company(4, level=-0.5), company(5, level=-0.5)

    learnt = made.learnt()

    assert learnt is not None
    adjusted = learnt.scaled(new.until, learnt.effects(new.facts).sum(axis=1))
    gap, before = (abs(each[:, 2].mean() - new.truth[:, 2].mean()) for each in (adjusted, new.until))
    assert gap < before / 3


@pytest.mark.parametrize(
    ("seed", "unproven", "level"), [(20, 0.0, 0.0), (21, -0.7, 0.0), (22, -0.7, -0.4), (23, 0.3, 0.3)]
)
def test_calibration_is_as_good_as_that_of_timed_or_better(seed: int, unproven: float, level: float):
    made = company(seed, unproven=unproven, level=level, deals_per_date=400)
    new = company(seed + 100, unproven=unproven, level=level)

    learnt = made.learnt()

    assert learnt is not None
    adjusted = learnt.scaled(new.until, learnt.effects(new.facts).sum(axis=1))
    error, error_of_timed = (calibration_error(said[:, 2], new.truth[:, 2]) for said in (adjusted, new.until))
    # A perfect timed can only be equalled, within what a thousand wins leave open.
    assert error < max(0.7 * error_of_timed, 0.02)


def calibration_error(said: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]) -> float:
    """Mean gap between what is said and the true chance, in bins of a tenth."""
    bins = np.minimum((said * 10).astype(int), 9)
    return sum(abs((said - truth)[bins == each].sum()) for each in range(10)) / len(said)


def test_where_facts_say_nothing_the_chances_stay_nearly_what_they_were():
    made = company(6, deals_per_date=600)

    learnt = made.learnt()

    assert learnt is not None
    adjusted = learnt.scaled(made.until, learnt.effects(made.facts).sum(axis=1))
    assert np.abs(adjusted - made.until)[:, 2].mean() < 0.02


def test_a_win_whose_interval_is_not_over_by_as_of_changes_nothing():
    made = company(7, unproven=-0.5)
    passed = (pl.lit(AS_OF) - pl.col("as_of_date")).dt.total_days()
    last_over = pl.max_horizontal(pl.when(passed >= end).then(end).otherwise(0) for end in INTERVAL_ENDS)
    taken = (pl.col("won_on") - pl.col("as_of_date")).dt.total_days()

    without = made.with_wins(pl.when(taken <= last_over).then("won_on"))

    assert without.deals["won_on"].null_count() > made.deals["won_on"].null_count() + 20
    assert same(made.learnt(), without.learnt())


def test_what_is_known_only_after_the_first_later_date_moves_no_weight_against_another():
    made = company(8, unproven=-0.5)
    is_known = pl.col("won_on") <= FIRST_LATER

    other = made.with_wins(pl.when(is_known | (pl.col("pushes") == 0)).then("won_on"))
    one, another = made.learnt(), other.learnt()

    assert one is not None
    assert another is not None
    np.testing.assert_allclose(one.weights / one.slope, another.weights / another.slope, rtol=1e-9)
    assert abs(one.level - another.level) > 0.05


def test_a_fact_that_knows_the_outcome_shows_by_the_weight_it_gets():
    honest = company(9)
    leaking = honest.deals.with_columns(pl.col("won_on").is_null().cast(pl.Int64).alias("pushes"))

    learnt = honest.learnt()
    fooled = replace(honest, deals=leaking, facts=facts_of(leaking, USUAL)).learnt()

    assert learnt is not None
    assert fooled is not None
    assert np.ptp(effect_of(learnt, honest, PUSHES)) < 0.5
    assert np.ptp(fooled.effects(facts_of(leaking, USUAL))[:, FACTS.index(PUSHES)]) > 2


def test_a_lost_deal_stays_at_risk_and_is_not_won():
    made = company(10, deals_per_date=60)
    lost = made.with_wins(pl.when(pl.col("deal_key").hash() % 2 == 0).then("won_on"))

    all_won, half_won = made.learnt(), lost.learnt()

    assert all_won is not None
    assert half_won is not None
    none = np.zeros(len(made.until))
    assert half_won.scaled(made.until, none)[:, 2].mean() < 0.75 * all_won.scaled(made.until, none)[:, 2].mean()


@pytest.mark.parametrize(("won", "is_enough"), [(0, False), (LEAST_WON - 1, False), (LEAST_WON, True)])
def test_too_few_wins_tell_nothing(won: int, is_enough: bool):
    made = company(11)
    in_first_interval = (pl.col("won_on") - pl.col("as_of_date")).dt.total_days() <= INTERVAL_ENDS[0]
    earlier = made.deals.filter((pl.col("as_of_date") < FIRST_LATER - timedelta(days=30)) & in_first_interval)
    kept = pl.col("deal_key").is_in(earlier["deal_key"][:won].implode())

    few = made.with_wins(pl.when(kept | (pl.col("as_of_date") >= FIRST_LATER)).then("won_on"))

    assert (few.learnt() is not None) == is_enough


def test_the_company_may_ask_for_more_wins():
    assert company(12).learnt(minimum_n=100_000) is None


def test_a_single_as_of_date_tells_nothing():
    made = company(13)
    first = (made.deals["as_of_date"] == AS_OFS[0]).to_numpy()

    alone = Company(made.deals.filter(first), made.facts.filter(first), made.until[first], made.truth[first])

    assert alone.learnt() is None


def test_no_past_deal_at_all_tells_nothing():
    made = company(14)

    assert fit_adjustment(made.deals[:0], made.facts[:0], made.until[:0], AS_OF, 0) is None


def test_deals_of_which_timed_says_nothing_are_left_out():
    made = company(15, unproven=-0.5)
    silent = np.arange(len(made.until)) % 3 == 0
    unsaid = replace(made, until=np.where(silent[:, None], np.nan, made.until))
    kept = ~silent

    fewer = Company(made.deals.filter(kept), made.facts.filter(kept), made.until[kept], made.truth[kept])

    assert same(unsaid.learnt(), fewer.learnt())


def test_without_any_fact_that_differs_a_deal_has_what_timed_says():
    design = Design(numbers=(), means=np.zeros(0), levels=(), shares=np.zeros(0))
    neutral = Adjustment(design, np.zeros(0), slope=1.0, level=0.0, usual={})
    until = np.array([[0.1, 0.1, 0.4, 1.0], [0.0, 0.0, 0.0, 0.0]])

    np.testing.assert_allclose(neutral.scaled(until, np.zeros(2)), until, atol=1e-6)


@given(
    arrays(np.float64, (4, 10), elements=st.floats(0, 1)),
    st.floats(0.2, 3),
    st.floats(-3, 3),
    arrays(np.float64, (4,), elements=st.floats(-5, 5)),
)
@settings(deadline=None)
def test_chances_never_fall_and_stay_between_zero_and_one(
    until: npt.NDArray[np.float64], slope: float, level: float, effect: npt.NDArray[np.float64]
):
    design = Design(numbers=(), means=np.zeros(0), levels=(), shares=np.zeros(0))
    adjustment = Adjustment(design, np.zeros(0), slope=slope, level=level, usual={})

    scaled = adjustment.scaled(np.sort(until, axis=1), effect)

    assert (np.diff(scaled, axis=1) >= 0).all()
    assert ((scaled >= 0) & (scaled <= 1)).all()


def test_what_cannot_be_won_in_an_interval_is_not_won_in_it():
    design = Design(numbers=(), means=np.zeros(0), levels=(), shares=np.zeros(0))
    adjustment = Adjustment(design, np.zeros(0), slope=1.0, level=2.0, usual={})

    scaled = adjustment.scaled(np.array([[0.0, 0.2, 0.2, 0.5]]), np.zeros(1))

    assert scaled[0, 0] == 0
    assert scaled[0, 1] == scaled[0, 2] < scaled[0, 3]


def test_hazards_multiply_back_to_the_chances():
    until = np.array([[0.1, 0.4, 0.4, 0.7], [0.0, 1.0, 1.0, 1.0]])

    np.testing.assert_allclose(1 - np.cumprod(1 - hazards_of(until), axis=1), until)


def test_a_level_that_was_never_seen_says_nothing():
    made = company(16, unproven=-0.5)
    learnt = made.learnt()
    strange = facts_of(made.deals.with_columns(pl.lit("Z").alias("icp_band")), USUAL)

    assert learnt is not None
    assert (learnt.effects(strange)[:, FACTS.index("icp_band")] == 0).all()


def test_facts_are_worth_nothing_on_the_average_of_what_was_fitted_on():
    made = company(17, unproven=-0.7)

    learnt = made.learnt()

    assert learnt is not None
    assert abs(learnt.effects(made.facts).mean(axis=0)).max() < 0.03


def test_a_sample_has_all_rows_of_a_deal_or_none_whatever_their_order():
    keys = [f"D{number}" for number in range(3_000)]
    deals = pl.DataFrame({"deal_key": keys * 4, "number": range(12_000)})

    chosen, again = sampled(deals, 4_000), sampled(deals.sample(fraction=1, shuffle=True, seed=1), 4_000)

    assert chosen.height == pytest.approx(4_000, rel=0.1)
    assert set(chosen.group_by("deal_key").len()["len"]) == {4}
    assert chosen.sort("number").equals(again.sort("number"))
    assert sampled(deals, 12_000).height == 12_000


def same(one: Adjustment | None, another: Adjustment | None) -> bool:
    if one is None or another is None:
        return False
    return bool((one.weights == another.weights).all() and (one.slope, one.level) == (another.slope, another.level))
