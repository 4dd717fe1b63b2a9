"""The rate of creation against a plain account of its model, and what it makes of companies that change or do not."""

from math import exp, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.forecasting.creation import HALF_LIVES, OVERDISPERSION, creation_rate

YEAR = 52


def plainly(weekly: list[int]) -> tuple[float, float]:
    """(rate, variance of its log), each sum written out anew for every week, half-life and overdispersion."""
    likelihood: dict[tuple[float, float], float] = {}
    told: dict[float, tuple[float, float]] = {}
    for half_life in HALF_LIVES:

        def before(last: int, half_life: float = half_life) -> tuple[float, float, float]:
            weights = [0.5 ** ((last - 1 - each) / half_life) for each in range(last)]
            seen = sum(weight * count for weight, count in zip(weights, weekly, strict=False))
            mean = (seen + 0.1 * sum(weekly[:last]) / last) / (sum(weights) + 0.1)
            return mean, 1 / (seen + 0.5), sum(weight**2 for weight in weights) / sum(weights) ** 2

        told[half_life] = before(len(weekly))[:2]
        for noise in OVERDISPERSION:
            likelihood[half_life, noise] = 0.0
            for number in range(1, len(weekly)):
                if sum(weekly[:number]) == 0:
                    continue
                mean, own, spread = before(number)
                size = 1 / (own + noise * (1 + spread))
                count = weekly[number]
                likelihood[half_life, noise] += (
                    lgamma(count + size)
                    - lgamma(size)
                    + size * log(size / (size + mean))
                    + count * log(mean / (size + mean))
                )
    best = max(likelihood.values())
    weights = {
        half_life: sum(exp(likelihood[half_life, noise] - best) for noise in OVERDISPERSION) for half_life in HALF_LIVES
    }
    total = sum(weights.values())
    rate = sum(weights[each] / total * told[each][0] for each in HALF_LIVES)
    variance = sum(weights[each] / total * (told[each][1] + (told[each][0] / rate - 1) ** 2) for each in HALF_LIVES)
    return rate, variance


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=30).filter(any))
def test_the_rate_is_that_of_a_plain_account(weekly: list[int]) -> None:
    rate, variance = plainly(weekly)
    made = creation_rate(weekly)
    assert made.per_week == pytest.approx(rate, rel=1e-6)
    assert made.log_variance == pytest.approx(variance, rel=1e-6)


@pytest.mark.parametrize(("count", "weeks"), [(1, 1), (3, 13), (7, YEAR), (2000, YEAR)])
def test_a_constant_count_is_its_own_rate(count: int, weeks: int) -> None:
    assert creation_rate([count] * weeks).per_week == pytest.approx(count, rel=1e-12)


def test_where_nothing_was_created_nothing_is() -> None:
    assert creation_rate([0] * YEAR).per_week == 0


def test_without_a_week_there_is_no_rate() -> None:
    with pytest.raises(ValueError, match="a week at least"):
        creation_rate([])


def test_chance_alone_is_not_taken_for_change() -> None:
    rng = np.random.Generator(np.random.PCG64(7))
    rates = [creation_rate(rng.poisson(20, YEAR).tolist()).per_week for _ in range(200)]
    # The year's own mean is off by sqrt(20 / 52) = 0.62 on the whole, that of its last quarter by 1.24.
    assert np.sqrt(np.mean((np.array(rates) - 20) ** 2)) < 0.9
    assert np.mean(rates) == pytest.approx(20, abs=0.2)


def test_a_company_that_stopped_is_believed_within_weeks() -> None:
    def after(weeks: int) -> float:
        return creation_rate([90] * 40 + [0] * weeks).per_week

    # No half-life is under three weeks, so one week without any is still thought chance in part.
    assert after(1) < 90 * 0.95
    assert after(6) < 90 * 0.3
    assert after(12) < 90 * 0.1


def test_a_company_that_doubled_is_believed_and_one_odd_week_is_not() -> None:
    assert creation_rate([40] * 40 + [80] * 12).per_week == pytest.approx(80, rel=0.06)
    rng = np.random.Generator(np.random.PCG64(11))
    usual = rng.poisson(40, 51).tolist()
    assert creation_rate([*usual, 80]).per_week == pytest.approx(40, rel=0.15)


def test_a_rate_that_half_lives_disagree_on_is_known_less_well() -> None:
    steady, falling = creation_rate([50] * YEAR), creation_rate([50] * 48 + [30] * 4)
    assert falling.log_variance > 3 * steady.log_variance
    assert creation_rate([1] * YEAR).log_variance > 10 * steady.log_variance
