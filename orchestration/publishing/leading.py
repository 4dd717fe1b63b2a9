"""Whose forecast leads: one answer for both pages and for what a night prints.

Belongs here: choosing among the methods that spoke; pure. Not here: which method is the champion (`forecast_accuracy`
marks it), how a method is called.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import polars as pl

from orchestration.publishing.review.names import METHODS

ALL = "all"
# Where no champion is known, the first of these that speaks: `timed`, because it was made to know when, and then what
# would stand in for it.
_WITHOUT_CHAMPION = ("timed", "weighted_stage", "stage_average", "crm_probability", "timed_adjusted")


@dataclass(frozen=True)
class Headline:
    """The method whose figures lead for a funnel."""

    method: str
    is_champion: bool


def in_order(methods: Iterable[str]) -> list[str]:
    """Simplest first; methods that the pages have no name for last."""
    known = list(METHODS)
    return sorted(methods, key=lambda method: (known.index(method) if method in known else len(known), method))


def headline(funnel: str, accuracy: pl.DataFrame, spoken: Collection[str]) -> Headline | None:
    """The champion of the funnel (or of `all`), else `timed`, else the next simpler one. None where no method spoke.

    accuracy: forecast_accuracy. spoken: methods with a forecast of the funnel tonight.
    """
    champions = accuracy.filter(
        (pl.col("funnel") == funnel)
        & pl.col("is_champion").fill_null(value=False)
        & pl.col("method").is_in(list(spoken))
    )["method"]
    if champions.len():
        return Headline(sorted(champions)[0], is_champion=True)
    named = next((method for method in _WITHOUT_CHAMPION if method in spoken), None)
    found = named or next(iter(in_order(spoken)), None)
    return Headline(found, is_champion=False) if found else None


def leading(periods: pl.DataFrame, accuracy: pl.DataFrame) -> pl.DataFrame:
    """funnel and method: whose forecast leads tonight in each funnel, and in all of them.

    periods: forecast_period of tonight. accuracy: forecast_accuracy of tonight.
    """
    whole = periods.filter(pl.col("scope") == ALL).group_by("funnel").agg(pl.col("method").unique()).sort("funnel")
    led = [
        (funnel, found.method)
        for funnel, spoken in whole.iter_rows()
        if (found := headline(funnel, accuracy, spoken)) is not None
    ]
    return pl.DataFrame(led, schema={"funnel": pl.String(), "method": pl.String()}, orient="row")
