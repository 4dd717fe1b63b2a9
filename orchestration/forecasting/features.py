"""What is known of a deal itself, as numbers that a model can weigh: its own facts beside stage and age.

Belongs here: the list of facts, how each is measured, and what is usual for a funnel. Not here: what a fact is worth
(`adjusting.py`), and facts that are not in `forecast_open_deals`.

Everything is of the as-of date of its row and of nothing later. A fact that is not known is a level of its own and
no number: never zero. Numbers are on a log scale where twice as much, not one more, is what makes a difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from orchestration.forecasting.inputs import ALL, ONGOING, SEEN_LATE, ForecastInputs

ICP_BAND: Final = "icp_band"
UNPROVEN: Final = "criteria_unproven"
LATE: Final = "criteria_late"
SILENCE: Final = "days_since_customer_activity"
PUSHES: Final = "pushes"
AMOUNT: Final = "amount"
DWELL: Final = "days_in_stage"

# Levels of a fact that no number tells. An ICP band is a level too.
UNKNOWN: Final = "unknown"
NONE_ASKED: Final = "none_asked"
NOT_POSITIVE: Final = "not_positive"

# The numbers of each fact. A fact without any has levels alone.
NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    ICP_BAND: (),
    UNPROVEN: ("unproven_share", "unproven_doublings"),
    LATE: ("late_share",),
    SILENCE: ("silent_week_doublings",),
    PUSHES: ("push_doublings",),
    AMOUNT: ("amount_doublings",),
    DWELL: ("dwell_doublings",),
}
FACTS: Final = tuple(NUMBERS)

# An amount beyond eight times the median, or below an eighth of it, says no more than one at that limit.
AMOUNT_LIMIT: Final = 3.0
# So does a stay of more than fifteen times the typical one.
DWELL_LIMIT: Final = 4.0


@dataclass(frozen=True, eq=False)
class Usual:
    """What deals are measured by, of one as-of date.

    dwell: one row per funnel and stage: typical_days Float64 (null where half of the visits have not ended yet).
    amount: one row per funnel: median_amount Float64, over its deals with a positive amount.
    """

    dwell: pl.DataFrame
    amount: pl.DataFrame


def usual_of(inputs: ForecastInputs) -> Usual:
    """Typical dwell by stage and median amount by funnel, of all that is known at as-of."""
    amounts = pl.concat(
        [frame.select("funnel", "amount_reporting") for frame in (inputs.past_deals, inputs.open_deals)]
    )
    median = (
        amounts.filter(pl.col("amount_reporting") > 0)
        .group_by("funnel")
        .agg(pl.col("amount_reporting").cast(pl.Float64).median().alias("median_amount"))
        .sort("funnel")
    )
    return Usual(dwell=typical_dwell(inputs.hazard_counts), amount=median)


def typical_dwell(hazard_counts: pl.DataFrame) -> pl.DataFrame:
    """One row per funnel and stage with a dated visit: funnel, stage, typical_days.

    The Kaplan-Meier median of all visits, ongoing ones censored; visits that were seen late were not at risk before.
    Counts are of whole weeks, so that the day within the week is drawn by a straight line.
    """
    counts = hazard_counts.filter((pl.col("segment") == ALL) & pl.col("weeks_in_stage").is_not_null())
    is_late = pl.col("next_state") == SEEN_LATE
    is_exit = ~is_late & (pl.col("next_state") != ONGOING)
    visits = pl.col("visits")
    weeks = (
        counts.group_by("funnel", "stage", "weeks_in_stage")
        .agg(
            visits.filter(is_exit).sum().alias("ended"),
            visits.filter(~is_late).sum().alias("left"),
            visits.filter(is_late).sum().alias("joined"),
        )
        .sort("funnel", "stage", "weeks_in_stage")
    )
    rows = [(*key, _median_days(stage)) for key, stage in weeks.group_by("funnel", "stage", maintain_order=True)]
    schema = {"funnel": pl.String(), "stage": pl.String(), "typical_days": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def facts_of(deals: pl.DataFrame, usual: Usual) -> pl.DataFrame:
    """The facts of each row of `deals`, in its order.

    Args:
        deals: columns of `forecast_open_deals`; tonight's or past ones.
        usual: what they are measured by.

    Returns:
        For each fact a column `<fact>_level` (String: an ICP band, or why there is no number; null where the number
        tells all) and each of NUMBERS (Float64, null with a level that takes the number's place); for reading,
        `<fact>_value` (Float64, the fact in its own unit: criteria, days, pushes, reporting currency), and what AMOUNT
        and DWELL are measured by, as `<fact>_usual`.
    """
    asked = pl.sum_horizontal("criteria_met", "criteria_late", "criteria_violated", "criteria_waived")
    # A waiver excuses a step and proves nothing.
    unproven = pl.col("criteria_violated") + pl.col("criteria_waived").fill_null(0)
    is_asked = asked > 0
    criteria_level = (
        pl.when(pl.col("criteria_asked").is_null() | (~is_asked & (pl.col("criteria_asked") > 0)))
        .then(pl.lit(UNKNOWN))
        .when(~is_asked)
        .then(pl.lit(NONE_ASKED))
    )
    silent = pl.col("days_since_customer_activity").clip(0)
    amount = pl.col("amount_reporting").cast(pl.Float64)
    ratio = amount / pl.col("median_amount")
    dwell = pl.col("days_in_stage") / pl.col("typical_days")
    return (
        deals.join(usual.dwell, on=["funnel", "stage"], how="left", maintain_order="left")
        .join(usual.amount, on="funnel", how="left", maintain_order="left")
        .select(
            pl.col("icp_band").fill_null(UNKNOWN).alias(_level(ICP_BAND)),
            pl.lit(None, pl.Float64).alias(_value(ICP_BAND)),
            criteria_level.alias(_level(UNPROVEN)),
            _number(pl.when(is_asked).then(unproven)).alias(_value(UNPROVEN)),
            _number(pl.when(is_asked).then(unproven / asked)).alias("unproven_share"),
            _doublings(pl.when(is_asked).then(unproven)).alias("unproven_doublings"),
            # That nothing was asked, or cannot be told, is one fact and stands with the criteria that are unproven.
            pl.lit(None, pl.String).alias(_level(LATE)),
            _number(pl.when(is_asked).then("criteria_late")).alias(_value(LATE)),
            _number(pl.when(is_asked).then(pl.col("criteria_late") / asked)).alias("late_share"),
            _unknown(silent).alias(_level(SILENCE)),
            _number(silent).alias(_value(SILENCE)),
            _doublings(silent / 7).alias("silent_week_doublings"),
            _unknown(pl.col("pushes")).alias(_level(PUSHES)),
            _number(pl.col("pushes")).alias(_value(PUSHES)),
            _doublings(pl.col("pushes")).alias("push_doublings"),
            pl.when(amount <= 0).then(pl.lit(NOT_POSITIVE)).otherwise(_unknown(ratio)).alias(_level(AMOUNT)),
            amount.alias(_value(AMOUNT)),
            pl.col("median_amount").alias(f"{AMOUNT}_usual"),
            pl.when(amount > 0).then(ratio.log(2).clip(-AMOUNT_LIMIT, AMOUNT_LIMIT)).alias("amount_doublings"),
            _unknown(dwell).alias(_level(DWELL)),
            _number(pl.col("days_in_stage")).alias(_value(DWELL)),
            pl.col("typical_days").alias(f"{DWELL}_usual"),
            _doublings(dwell).clip(upper_bound=DWELL_LIMIT).alias("dwell_doublings"),
        )
    )


def _level(fact: str) -> str:
    return f"{fact}_level"


def _value(fact: str) -> str:
    return f"{fact}_value"


def _number(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Float64)


def _doublings(value: pl.Expr) -> pl.Expr:
    """log2(1 + x): 0, 1, 3, 7 of a thing are equally far apart."""
    return (_number(value) + 1).log(2)


def _unknown(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_null()).then(pl.lit(UNKNOWN))


def _median_days(weeks: pl.DataFrame) -> float | None:
    week, ended, left, joined = (weeks[name].to_numpy() for name in ("weeks_in_stage", "ended", "left", "joined"))
    at_risk = np.cumsum(left[::-1])[::-1] - (np.cumsum(joined[::-1])[::-1] - joined)
    staying = 1.0
    for place, start in enumerate(week):
        if at_risk[place] <= 0:
            return None
        after = staying * (1 - ended[place] / at_risk[place])
        if after <= 0.5:
            return float(7.0 * start + 7.0 * (staying - 0.5) / (staying - after))
        staying = after
    return None
