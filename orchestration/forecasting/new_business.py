"""What deals that are not created yet will bring: how many come in a day, and how soon a new deal is won.

Belongs here: who shares in the rate of creation, how much it differs from month to month. Not here: how recent weeks
are held against the year (`creation.py`), hazards, what a won deal brings, simulation.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.creation import creation_rate
from orchestration.forecasting.hazards import Floats, drawn
from orchestration.forecasting.inputs import MONEY, ForecastInputs
from orchestration.forecasting.money import cents_to_money
from orchestration.forecasting.realisation import WonAmount
from orchestration.forecasting.timing import FunnelTiming, Timing

# A whole year, so that every season is in it once.
WINDOW_DAYS = 365
# By what owners created lately it shows who has come and who has left.
RECENT_DAYS = 91
# Within the window, how much the rate itself changes from one such span to the next.
BLOCK_DAYS = 28
_FEWEST_BLOCKS = 2

_SCHEMA = {
    "funnel": pl.String(),
    "segment": pl.String(),
    "team": pl.String(),
    "owner_key": pl.String(),
    "period_start": pl.Date(),
    "deals": pl.Float64(),
    "deals_sd": pl.Float64(),
    "amount_if_won": MONEY,
    "amount_sd": pl.Float64(),
    "expected_amount": MONEY,
}


@dataclass(frozen=True, eq=False)
class _Wins:
    """Expected wins by (segment value, month) of new deals, and the standard error of their logs."""

    segments: tuple[str, ...]
    deals: Floats
    log_sd: float


def new_business(
    inputs: ForecastInputs, timing: Timing, months: pl.DataFrame, amounts: dict[tuple[str, str | None], WonAmount]
) -> pl.DataFrame:
    """Wins of deals created after as-of, as MethodForecast.new_business has them.

    Expected wins of a segment in a month = deals created per day x chances at age 0, summed over the days of creation
    up to the month's end, who come in the middle of a day on the whole. Of what is created now, a segment and a first
    stage have the share that they have of the window. Wins are shared out among the segment's owners, so that any level
    is the sum of its rows. A funnel has none where nothing was created in the window, where its history tells no
    chances, or where no won amount is known.

    Args:
        timing: solved with entry_days up to the last month's end.
        months: as timing.dated_months.
        amounts: as realisation.won_amounts.

    The relative error deals_sd / deals is the same in all rows of a funnel because it is one and the same error.
    """
    parts = [pl.DataFrame(schema=_SCHEMA)]
    for funnel, model in timing.funnels.items():
        created = _recent(inputs, funnel)
        if created.height == 0 or (funnel, None) not in amounts:
            continue
        wins = _wins(inputs, created, model, months)
        if wins is None:
            continue
        parts.append(_rows(_shares(inputs, created), funnel, wins, months, amounts))
    return pl.concat(parts)


def _recent(inputs: ForecastInputs, funnel: str) -> pl.DataFrame:
    since = inputs.business_date - timedelta(days=WINDOW_DAYS - 1)
    return inputs.creations.filter((pl.col("funnel") == funnel) & (pl.col("created_on") >= since))


def _window_days(inputs: ForecastInputs, created: pl.DataFrame) -> int:
    """Days of the window in which the funnel could be seen: from its first deal on, where that is later."""
    funnel = inputs.creations.filter(pl.col("funnel") == created["funnel"][0])
    first = funnel["created_on"].min()
    assert isinstance(first, date)
    return min(WINDOW_DAYS, (inputs.business_date - first).days + 1)


def _wins(inputs: ForecastInputs, created: pl.DataFrame, model: FunnelTiming, months: pl.DataFrame) -> _Wins | None:
    window = _window_days(inputs, created)
    segments = tuple(created["segment"].unique().sort())
    last_days = months["last_day"].to_numpy()
    per_day, known, all_deals = np.zeros((len(segments), len(months))), np.zeros(len(segments)), np.zeros(len(segments))
    variance = gains = 0.0
    for segment, stage, deals in (
        created.group_by("segment", "stage").agg(pl.col("deals").sum()).sort("segment", "stage").iter_rows()
    ):
        place = segments.index(segment)
        all_deals[place] += deals
        chances, doubt = _from_entry(model, segment, stage)
        if chances is None:
            continue
        known[place] += deals
        # Up to day t, those created on day u <= t have had t - u and a half days: the mean of two whole ones.
        until = np.concatenate([[0.0], np.cumsum((chances[1:] + chances[:-1]) / 2)])[last_days]
        gained = np.diff(until, prepend=0.0) * deals / window
        per_day[place] += gained
        variance += doubt * gained.sum()
        gains += gained.sum()
    if known.sum() == 0:
        return None
    # What is created in a stage that nothing is known of is taken to fare as the others.
    scale = np.where(known > 0, all_deals / np.maximum(known, 1), 0.0)
    per_day *= scale[:, None]
    per_day *= all_deals.sum() / (all_deals * (known > 0)).sum()
    now, rate_variance = _now(inputs, created, window)
    hazard_sd = variance / gains if gains > 0 else 0.0
    return _Wins(segments, per_day * now, float(np.sqrt(rate_variance + hazard_sd**2)))


def _from_entry(model: FunnelTiming, segment: str, stage: str) -> tuple[Floats | None, float]:
    """(chance to be won within 0, 1, ... days of creation, standard error of the log of the chance in the end)."""
    if model.seen.ends.get(stage) == "won":
        return np.ones(len(model.solution.from_entry)), 0.0
    if stage not in model.seen.states:
        is_closed = stage in model.seen.ends
        return (np.zeros(len(model.solution.from_entry)), 0.0) if is_closed else (None, 0.0)
    state = model.seen.states.index(stage)
    place = model.seen.segments.index(segment) if segment in model.seen.segments else 0
    if not model.is_told[place, state, 0]:
        return None, 0.0
    won = model.solution.won[place, state, 0]
    return model.solution.from_entry[:, place, state], float(model.solution.log_odds_sd[place, state, 0] * (1 - won))


def _now(inputs: ForecastInputs, created: pl.DataFrame, window: int) -> tuple[float, float]:
    """(rate of creation now over that of the window, variance of the log of the rate in some month to come)."""
    total = int(created["deals"].sum())
    weekly = _counted(inputs, created, window, 7)
    if weekly.size == 0:
        return 1.0, 1 / total
    rate = creation_rate(weekly.tolist())
    change = _change(_counted(inputs, created, window, BLOCK_DAYS))
    return rate.per_week / 7 * window / total, rate.log_variance + change


def _change(blocks: npt.NDArray[np.int64]) -> float:
    """Variance of the log of the rate from one block to the next: what they differ by beyond chance (by moments).

    It moves the mean of the window and, as much as any block, what is to come.
    """
    if blocks.size < _FEWEST_BLOCKS or blocks.sum() == 0:
        return 0.0
    mean = blocks.mean()
    return max(0.0, float((blocks.var(ddof=1) - mean) / mean**2)) * (1 + 1 / blocks.size)


def _counted(inputs: ForecastInputs, created: pl.DataFrame, window: int, days: int) -> npt.NDArray[np.int64]:
    """Deals created in each whole span of so many days in the window, oldest first, the last one up to as-of."""
    spans = window // days
    age = (inputs.business_date - created["created_on"]).dt.total_days().to_numpy() // days
    inside = age < spans
    count = np.bincount(age[inside], weights=created["deals"].to_numpy()[inside], minlength=spans)
    return np.flip(count).astype(np.int64)


def _rows(
    shares: pl.DataFrame,
    funnel: str,
    wins: _Wins,
    months: pl.DataFrame,
    amounts: dict[tuple[str, str | None], WonAmount],
) -> pl.DataFrame:
    worth = pl.DataFrame(
        [
            (place, segment, each.cents, each.sd)
            for place, segment in enumerate(wins.segments)
            for each in [amounts.get((funnel, segment), amounts[funnel, None])]
        ],
        schema={"place": pl.Int64(), "segment": pl.String(), "cents": pl.Int64(), "amount_sd": pl.Float64()},
        orient="row",
    )
    deals = pl.DataFrame(
        {
            "place": np.repeat(np.arange(len(wins.segments)), len(months)),
            "period_start": np.tile(months["period_start"].to_numpy(), len(wins.segments)),
            "wins": wins.deals.ravel(),
        }
    ).with_columns(pl.col("period_start").cast(pl.Date))
    wins_of_cell = pl.col("wins") * pl.col("share")
    return (
        shares.join(worth, on="segment", how="inner")
        .join(deals, on="place", how="inner")
        .select(
            pl.lit(funnel).alias("funnel"),
            "segment",
            "team",
            "owner_key",
            "period_start",
            wins_of_cell.alias("deals"),
            (wins_of_cell * wins.log_sd).alias("deals_sd"),
            cents_to_money(pl.col("cents")).alias("amount_if_won"),
            "amount_sd",
            cents_to_money((wins_of_cell * pl.col("cents")).round().cast(pl.Int64)).alias("expected_amount"),
        )
        .sort("segment", "team", "owner_key", "period_start", nulls_last=True)
    )


def _shares(inputs: ForecastInputs, created: pl.DataFrame) -> pl.DataFrame:
    """Shares of each segment's new deals by owner: segment, team, owner_key, share; the shares of a segment sum to 1.

    Only owners and segments that were seen together share. What an owner created lately is drawn to what he created
    in the window, and what he creates in a segment to his part of everything, both as hazards are (`hazards.drawn`).
    """
    owner = ["team", "owner_key"]
    recent = pl.col("created_on") > inputs.business_date - timedelta(days=RECENT_DAYS)
    cells = (
        created.group_by("segment", *owner)
        .agg(
            pl.col("deals").sum().cast(pl.Float64),
            pl.col("deals").filter(recent).sum().cast(pl.Float64).alias("lately"),
        )
        .sort("segment", *owner, nulls_last=True)
    )
    owners = cells.group_by(owner, maintain_order=True).agg(pl.col("deals", "lately").sum())
    window = _window_days(inputs, created)
    in_window, lately = owners["deals"].to_numpy(), owners["lately"].to_numpy()
    expected = in_window * (lately.sum() / in_window.sum())
    owners = owners.with_columns(
        pl.Series("now", in_window * drawn(lately, expected) if window > RECENT_DAYS else in_window)
    )
    cells = cells.join(
        owners.select(*owner, "now", pl.col("deals").alias("of_owner")), on=owner, how="left", nulls_equal=True
    )
    whole = pl.col("deals").sum()
    cells = cells.with_columns((pl.col("of_owner") * (whole.over("segment") / whole)).alias("expected"))
    ratio = drawn(cells["deals"].to_numpy(), cells["expected"].to_numpy())
    weight = pl.Series(cells["now"].to_numpy() * ratio)
    return cells.with_columns(weight.alias("weight")).select(
        "segment",
        *owner,
        pl.when(pl.col("weight").sum().over("segment") > 0)
        .then(pl.col("weight") / pl.col("weight").sum().over("segment"))
        .otherwise(pl.col("deals") / whole.over("segment"))
        .alias("share"),
    )
