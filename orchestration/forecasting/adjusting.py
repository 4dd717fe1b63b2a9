"""What a deal's own facts do to its chances: a model fitted on past as-of dates that scales what `timed` says.

Belongs here: the rows it is fitted on, the fit, its calibration, the scaling. Not here: how facts are measured
(`features.py`), where the chances come from that are scaled (`timing.py`), months, amounts.

The model is one of hazards of the subdistribution in discrete time (Fine and Gray, JASA 94, 1999; Berger et al.,
Biometrics 76, 2020): a row is a past as-of date, a deal open then and an interval of the days after it, and asks
whether the deal was won in it, not having been won before. A deal that was lost stays at risk and is not won, so that
the product of what the intervals leave is the chance not to be won by then, whatever else may happen. The log-odds of
an interval are those of `timed` times a slope, a level, and the deal's facts with a weight each:

    logit h'(interval) = slope x logit h(interval) + level + sum of weight x (fact - its mean)

Rows are of intervals that are over at as-of. The weights are fitted on the earlier as-of dates, on what was known at
the first of the later ones; slope and level are then calibrated on the later ones (Platt 1999), which the weights
never saw.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.features import FACTS, NUMBERS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Ends of the intervals, in days after an as-of date. Weeks of four while most deals are decided, longer ones later:
# facts say the same in each, so that more of them would only cost time.
INTERVAL_ENDS: Final = (28, 56, 84, 126, 182, 273, 364, 546, 728)

# Deals won after an as-of date that weights, and that a calibration, have to rest on; more where minimum_n asks it.
# Below that, backtests of companies with a thousand deals are no better than `timed`.
LEAST_WON: Final = 20
LEAST_WON_LATER: Final = 10
# Of the past as-of dates, the share that weights are fitted on.
EARLIER: Final = 0.75
# Deals of as-of dates that are fitted on, some hundred thousand rows: more would move no weight by more than the
# errors that it has from other causes, and cost time.
MOST_DEALS: Final = 20_000

# Variance of a weight before anything is known (ridge): 0.3 of log-odds either way is what one expects of a fact.
WEIGHT_VARIANCE: Final = 0.1
# How much `timed` is believed, in wins: the weights are fitted as if so many more had gone as it says, and the
# calibration as if so many had gone as the weights say. A win is in the rows of about three as-of dates.
BELIEVED_WINS: Final = 100.0
BELIEVED_WINS_LATER: Final = 300.0

# Of a fact that has a number: no level of FACTS is called so.
_NUMBER: Final = ""
_LEAST_CHANCE: Final = 1e-6
# The log-odds of `timed` are no fact to be drawn to zero: ten times as large, their ridge is a hundredth.
_FREE: Final = 10.0


@dataclass(frozen=True, eq=False)
class Design:
    """How facts become columns: each number less its mean, each level less its share; of what was fitted on.

    An unknown number stands at the mean, and its level says what is different about it. A level never seen says
    nothing.
    """

    numbers: tuple[str, ...]
    means: Floats
    levels: tuple[tuple[str, str], ...]
    shares: Floats

    @property
    def facts(self) -> tuple[str, ...]:
        """The fact of each column."""
        of_number = {number: fact for fact, numbers in NUMBERS.items() for number in numbers}
        return (*(of_number[number] for number in self.numbers), *(fact for fact, _ in self.levels))

    def columns(self, facts: pl.DataFrame) -> Floats:
        """One row per row of `features.facts_of`, one column per entry of `facts`."""
        numbers = facts.select(self.numbers).to_numpy() - self.means
        numbers = np.where(np.isnan(numbers), 0.0, numbers)
        levels = np.zeros((facts.height, len(self.levels)))
        for fact in dict.fromkeys(fact for fact, _ in self.levels):
            inside = [place for place, (each, _) in enumerate(self.levels) if each == fact]
            told = facts[f"{fact}_level"].fill_null(_NUMBER)
            names = [self.levels[place][1] for place in inside]
            is_seen = told.is_in([*names, _NUMBER]).to_numpy()
            is_level = told.to_numpy()[:, None] == np.array(names, dtype=object)
            levels[:, inside] = np.where(is_seen[:, None], is_level - self.shares[inside], 0.0)
        return np.column_stack([numbers, levels])


@dataclass(frozen=True, eq=False)
class Adjustment:
    """What was learnt of a funnel. weights: log-odds per column of the design; usual: median value by fact."""

    design: Design
    weights: Floats
    slope: float
    level: float
    usual: dict[str, float | None]

    def effects(self, facts: pl.DataFrame) -> Floats:
        """Log-odds that each fact adds to each interval, (rows of `facts`, FACTS); 0 for a deal like all others."""
        columns = self.design.columns(facts) * self.weights
        of_column = np.array(self.design.facts)
        return np.column_stack([columns[:, of_column == fact].sum(axis=1) for fact in FACTS])

    def scaled(self, until: Floats, effect: Floats) -> Floats:
        """Adjusted chances by the same days.

        Args:
            until: chances of `timed` to be won by the end of each interval and, last, in the end: (deals, ends),
                never falling.
            effect: log-odds that the deal's facts add, (deals,).
        """
        hazard = hazards_of(until)
        log_odds = self.slope * logit(hazard) + self.level + effect[:, None]
        scaled = np.where(hazard > 0, _expit(log_odds), 0.0)
        return 1 - np.cumprod(1 - scaled, axis=1)


def fit_adjustment(
    deals: pl.DataFrame, facts: pl.DataFrame, until: Floats, as_of: date, minimum_n: int
) -> Adjustment | None:
    """Learn what the facts of one funnel's deals do; None where history is too short.

    Args:
        deals: rows of ForecastInputs.past_deals: as_of_date, deal_key, won_on are read.
        facts: `features.facts_of` those rows.
        until: what `timed` said of them, by the end of each of INTERVAL_ENDS; NaN where it said nothing.
        as_of: the date at which all this is known.
        minimum_n: deals won that the weights have to rest on at least.
    """
    rows = _rows(deals, until, as_of)
    as_ofs = np.unique(rows.as_of)
    if as_ofs.size < 2:
        return None
    first_later = as_ofs[min(int(np.ceil(EARLIER * as_ofs.size)), as_ofs.size - 1)]
    is_earlier = (rows.as_of < first_later) & (rows.over_on <= first_later)
    earlier, later = rows.where(is_earlier), rows.where(rows.as_of >= first_later)
    if earlier.deals_won(deals) < max(minimum_n, LEAST_WON) or later.deals_won(deals) < LEAST_WON_LATER:
        return None

    design = _design(facts[np.unique(earlier.deal)])
    columns = design.columns(facts)
    base, level, weights = _fit(
        np.column_stack([logit(earlier.hazard) * _FREE, columns[earlier.deal]]),
        earlier.is_won,
        earlier.hazard,
        BELIEVED_WINS,
        WEIGHT_VARIANCE,
    )
    said = base * _FREE * logit(later.hazard) + level + columns[later.deal] @ weights
    slope, shift, _ = _fit(said[:, None], later.is_won, _expit(said), BELIEVED_WINS_LATER, np.inf)
    return Adjustment(
        design=design,
        weights=slope * weights,
        slope=slope * base * _FREE,
        level=slope * level + shift,
        usual={fact: _median(facts[np.unique(earlier.deal)][f"{fact}_value"]) for fact in FACTS},
    )


def sampled(deals: pl.DataFrame, most: int = MOST_DEALS) -> pl.DataFrame:
    """Rows of about so many of the (as-of, deal) pairs, all of a deal's or none; a share told by a hash of its key."""
    if deals.height <= most:
        return deals
    limit = int(2**32 * (most / deals.height))
    keys = deals["deal_key"].unique()
    kept = keys.filter(pl.Series([crc32(key.encode()) < limit for key in keys], dtype=pl.Boolean))
    return deals.filter(pl.col("deal_key").is_in(kept.implode()))


def hazards_of(until: Floats) -> Floats:
    """Chance to be won in each interval, not having been won before, of chances to be won by its end."""
    before = np.column_stack([np.zeros(len(until)), until[:, :-1]])
    left = 1 - before
    share = np.clip((until - before) / np.where(left > 0, left, 1.0), 0.0, 1.0)
    return np.where(left == 0, 0.0, share)


def logit(chance: Floats) -> Floats:
    inside = np.clip(chance, _LEAST_CHANCE, 1 - _LEAST_CHANCE)
    told: Floats = np.log(inside / (1 - inside))
    return told


def _expit(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


@dataclass(frozen=True, eq=False)
class _Rows:
    """One per deal of a past as-of date and interval that it was at risk in; days as numbers since 1970."""

    deal: Integers
    as_of: Integers
    over_on: Integers
    hazard: Floats
    is_won: npt.NDArray[np.bool_]

    def where(self, chosen: npt.NDArray[np.bool_]) -> "_Rows":
        return _Rows(
            self.deal[chosen], self.as_of[chosen], self.over_on[chosen], self.hazard[chosen], self.is_won[chosen]
        )

    def deals_won(self, deals: pl.DataFrame) -> int:
        return deals["deal_key"].gather(np.unique(self.deal[self.is_won])).n_unique()


def _rows(deals: pl.DataFrame, until: Floats, as_of: date) -> _Rows:
    day = deals["as_of_date"].to_physical().to_numpy().astype(np.int64)
    won = deals["won_on"].to_physical().fill_null(2**31 - 1).to_numpy().astype(np.int64) - day
    today = pl.Series([as_of]).to_physical().item()
    hazard = hazards_of(until)
    parts = []
    for place, end in enumerate(INTERVAL_ENDS):
        begin = INTERVAL_ENDS[place - 1] if place else 0
        at_risk = np.flatnonzero((day + end <= today) & (won > begin) & ~np.isnan(hazard[:, place]))
        parts.append((at_risk, day[at_risk], day[at_risk] + end, hazard[at_risk, place], won[at_risk] <= end))
    deal, start, over_on, chance, is_won = (np.concatenate(each) for each in zip(*parts, strict=True))
    return _Rows(deal, start, over_on, chance, is_won)


def _design(facts: pl.DataFrame) -> Design:
    numbers = tuple(number for fact in FACTS for number in NUMBERS[fact] if facts[number].null_count() < facts.height)
    levels = tuple(
        (fact, str(level)) for fact in FACTS for level in facts[f"{fact}_level"].drop_nulls().unique().sort()
    )
    means = [float(facts[number].mean()) for number in numbers]  # type: ignore[arg-type]
    shares = [float((facts[f"{fact}_level"] == level).sum()) / facts.height for fact, level in levels]
    return Design(numbers, np.array(means), levels, np.array(shares))


def _median(values: pl.Series) -> float | None:
    middle = values.median()
    return float(middle) if isinstance(middle, float) else None


def _fit(
    columns: Floats, is_won: npt.NDArray[np.bool_], said: Floats, believed_wins: float, variance: float
) -> tuple[float, float, Floats]:
    """(weight of the first column, level, the other weights) of a logistic regression with a ridge.

    Each row is there twice more, won and not, as if deals like it had gone as was said of them; together these hold
    `believed_wins` wins.
    """
    weight = believed_wins / max(float(said.sum()), _LEAST_CHANCE)
    won = np.where(is_won, 1.0, 0.0) + weight * said
    not_won = np.where(is_won, 0.0, 1.0) + weight * (1 - said)
    # They take half a second to import, which whoever only asks for help should not wait for.
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    model: Any = LogisticRegression(C=variance, solver="newton-cholesky", tol=1e-9, max_iter=100)
    # One thread adds in one order, however many cores there are.
    with threadpool_limits(limits=1):
        model.fit(
            np.concatenate([columns, columns]),
            np.repeat([1, 0], len(columns)),
            sample_weight=np.concatenate([won, not_won]),
        )
    first, *others = model.coef_[0]
    return float(first), float(model.intercept_[0]), np.array(others)
