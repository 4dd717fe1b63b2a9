"""Which method speaks for a funnel: the one asked, or the next simpler one where it has no history to go by.

Belongs here: the chain, and the choice by funnel. Not here: any method, when a method has enough history (it says so
itself), sums.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import MethodForecast

# Each falls back to the next. A method outside the chain speaks for itself or not at all.
FALLBACK_CHAIN = ("timed_adjusted", "timed", "weighted_stage", "stage_average")


@dataclass(frozen=True, eq=False)
class Spoken:
    """What a method says of all funnels, with a simpler one in its stead where it has no history to go by.

    made: as methods return it, one row per open deal, whichever method it is from.
    fell_back_to: by funnel the name of the method in its stead; funnels that it speaks for itself are absent.
    untimed: funnels where whoever speaks does not say when.
    tells_new_business: funnels where whoever speaks knows of new business.
    """

    method: str
    made: MethodForecast
    fell_back_to: dict[str, str]
    untimed: frozenset[str]
    tells_new_business: frozenset[str]

    @property
    def simplest(self) -> str | None:
        """The simplest method that it fell back to anywhere."""
        return max(self.fell_back_to.values(), key=FALLBACK_CHAIN.index, default=None)


def spoken(inputs: ForecastInputs, method: str, made_by: Callable[[str], MethodForecast | None]) -> Spoken:
    """Compose what a method says, funnel by funnel.

    A method says that it has no history in a funnel by giving none of its deals a rate, and calling the history of
    each insufficient. Where no simpler one has any either, its own nulls stand.

    Args:
        made_by: what the method of a name returned; None where there is no such method. Asked only when needed.
    """
    own = made_by(method)
    if own is None:
        raise KeyError(method)
    chosen, silent = {method: own}, _silent(inputs, own)
    fell_back_to: dict[str, str] = {}
    chain = FALLBACK_CHAIN[FALLBACK_CHAIN.index(method) + 1 :] if method in FALLBACK_CHAIN else ()
    for name in chain:
        if not silent:
            break
        simpler = made_by(name)
        if simpler is not None:
            told = silent - _silent(inputs, simpler)
            chosen[name] = simpler
            fell_back_to |= dict.fromkeys(sorted(told), name)
            silent -= told
    speaker = {funnel: fell_back_to.get(funnel, method) for funnel in inputs.funnels()}
    told_new_business = {name: set(made.new_business["funnel"]) for name, made in chosen.items()}
    return Spoken(
        method=method,
        made=own if not fell_back_to else _composed(inputs, chosen, speaker),
        fell_back_to=fell_back_to,
        untimed=frozenset(funnel for funnel, name in speaker.items() if not chosen[name].has_timing),
        tells_new_business=frozenset(funnel for funnel, name in speaker.items() if funnel in told_new_business[name]),
    )


def _silent(inputs: ForecastInputs, made: MethodForecast) -> set[str]:
    """Funnels with open deals where the method has no history to go by."""
    has_none = pl.col("win_rate").is_null() & pl.col("is_insufficient_history")
    deals = made.deals.join(inputs.open_deals.select("deal_key", "funnel"), on="deal_key", how="left")
    by_funnel = deals.group_by("funnel").agg(has_none.all().alias("is_silent"))
    return set(by_funnel.filter("is_silent")["funnel"])


def _composed(inputs: ForecastInputs, chosen: dict[str, MethodForecast], speaker: dict[str, str]) -> MethodForecast:
    own = next(iter(chosen.values()))
    by_deal = inputs.open_deals.select(
        "deal_key", pl.col("funnel").replace_strict(speaker, return_dtype=pl.String).alias("speaker")
    )
    deals, chances, new_business, reasons = [], [], [], []
    for name, made in chosen.items():
        of_it = by_deal.filter(pl.col("speaker") == name)
        deals.append(made.deals.join(of_it, on="deal_key", how="semi"))
        chances.append(made.chances.join(of_it, on="deal_key", how="semi"))
        reasons.append(made.reasons.join(of_it, on="deal_key", how="semi"))
        new_business.append(
            made.new_business.filter(pl.col("funnel").is_in([funnel for funnel, by in speaker.items() if by == name]))
        )
    return MethodForecast(
        pl.concat(deals),
        pl.concat(chances),
        pl.concat(new_business),
        has_timing=own.has_timing,
        reasons=pl.concat(reasons),
    )
