"""How many deals are created in a week now: recent weeks and the whole year, each believed as past weeks bear it out.

Belongs here: the rate of creation and what is not known of it, from counts by week. Not here: whose deals they are,
what becomes of them (`new_business.py`).

The year alone is slow to see that a company has grown or has stopped, a few weeks alone take noise for change. So the
rate is told once for each half-life by which weeks lose weight (the steady model of gamma-Poisson counts; J. Q. Smith,
JRSS B 41, 1979; Harvey and Fernandes, JBES 7, 1989), and the rates are averaged by how likely each found every week
after those before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, lgamma

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# In weeks; by the last all weeks weigh the same. Of several sets tried the one that serves most (see DECISIONS.md).
HALF_LIVES = (3.0, 6.0, 13.0, 26.0, inf)
# How much single weeks may differ beyond chance, as a relative variance: holidays, fairs, imports.
OVERDISPERSION = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
# Of the mean so far, so much counts as seen in any case: what has stopped may begin again.
_PRIOR_WEEKS = 0.1

_log_gamma = np.frompyfunc(lgamma, 1, 1)


@dataclass(frozen=True)
class CreationRate:
    """Deals created per week now, and the variance of the log of that."""

    per_week: float
    log_variance: float


def creation_rate(weekly: Sequence[int]) -> CreationRate:
    """The rate after the last of some weeks.

    weekly: deals created in each week, oldest first; one at least.

    A constant count is its own rate, exactly. The variance holds chance in what was counted and how far the half-lives
    are apart; not how much months to come will differ.

    Raises:
        ValueError: there is no week.
    """
    if not weekly:
        raise ValueError("a rate of creation needs a week at least")
    keep = np.array([0.5 ** (1 / each) for each in HALF_LIVES])
    noise = np.array(OVERDISPERSION)
    deals = weeks = squares = np.zeros_like(keep)
    likelihood = np.zeros((keep.size, noise.size))
    total = 0
    for number, count in enumerate(weekly):
        if total > 0:
            mean = _drawn(deals, weeks, total / number)
            # Not known are the mean itself, by chance and by the noise of its weeks, and the noise of the next one.
            own = 1 / (deals + 0.5)
            likelihood += _log_chance(count, mean[:, None], own[:, None] + noise * (1 + squares / weeks**2)[:, None])
        deals, weeks, squares = deals * keep + count, weeks * keep + 1, squares * keep**2 + 1
        total += count
    if total == 0:
        return CreationRate(0.0, 0.0)
    weight = np.exp(likelihood - likelihood.max()).sum(axis=1)
    weight /= weight.sum()
    mean = _drawn(deals, weeks, total / len(weekly))
    now = float(weight @ mean)
    apart = float(weight @ (mean / now - 1) ** 2)
    return CreationRate(now, float(weight @ (1 / (deals + 0.5))) + apart)


def _drawn(deals: Floats, weeks: Floats, mean_so_far: float) -> Floats:
    mean: Floats = (deals + _PRIOR_WEEKS * mean_so_far) / (weeks + _PRIOR_WEEKS)
    return mean


def _log_chance(count: int, mean: Floats, variance: Floats) -> Floats:
    """The log of the negative binomial chance of a count, of this mean and relative variance beyond that of Poisson."""
    shape = 1 / variance
    arrangements = np.asarray(_log_gamma(count + shape) - _log_gamma(shape), dtype=np.float64)
    log_chance: Floats = arrangements - shape * np.log1p(mean / shape) + count * np.log(mean / (shape + mean))
    return log_chance
