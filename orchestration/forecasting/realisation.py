"""What of a deal's amount is left when it is won, and what a won deal brings on average.

Belongs here: won amount over amount at a stage, and mean won amounts, drawn together where few deals were won. Not
here: chances, a single deal's amount.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import polars as pl

from orchestration.forecasting.inputs import MONEY_SUM, ForecastInputs, worked_out_once

REALISATION = pl.Decimal(20, 12)
_SCALE = 10**12
# How many usual deals of its funnel the largest one may weigh as.
LARGEST = 10
_SUMS = ("won_deals", "amount_at_stage", "amount_won")


@dataclass(frozen=True)
class WonAmount:
    """Of won deals of known amount: mean in the reporting currency, standard deviation between deals, how many."""

    mean: Fraction
    sd: float
    deals: int

    @property
    def cents(self) -> int:
        """The mean, half up."""
        cents = self.mean * 100
        return (2 * cents.numerator + cents.denominator) // (2 * cents.denominator)


@dataclass(frozen=True)
class _Sums:
    """Won deals, what they were worth at a stage, and what they were won for."""

    deals: int = 0
    at_stage: Fraction = Fraction(0)
    won: Fraction = Fraction(0)

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(self.deals + other.deals, self.at_stage + other.at_stage, self.won + other.won)

    def up_to(self, most: Fraction) -> "_Sums":
        """Both amounts scaled alike, so that the larger one is no more than `most` a deal; the ratio stays."""
        larger = max(self.at_stage, self.won)
        if larger <= most * self.deals:
            return self
        weight = most * self.deals / larger
        return _Sums(self.deals, self.at_stage * weight, self.won * weight)

    def drawn(self, parent: Fraction, weight: int) -> Fraction:
        if self.deals == 0 or self.at_stage <= 0 or self.won < 0:
            return parent
        prior = weight * self.at_stage / self.deals
        return (self.won + prior * parent) / (self.at_stage + prior)


@worked_out_once
def realisations(inputs: ForecastInputs) -> pl.DataFrame:
    """One row per funnel and stage that an amount was won from: funnel, stage, realisation Decimal(20, 12), won_deals.

    Sum won over sum at the stage, drawn to the funnel's own ratio by the weight of shrinkage_deals deals of mean
    amount, and that one to 1 likewise: (W + m a R) / (S + m a), with a = S / n. The row with stage null is the
    funnel's, for stages without one. Deals far larger than those of the funnel weigh in sums as LARGEST usual ones.
    """
    rows: list[tuple[object, ...]] = []
    by_funnel = inputs.stage_amounts.sort("funnel", "stage", "amount_digits").group_by("funnel", maintain_order=True)
    for (funnel,), sizes in by_funnel:
        seen: dict[str, _Sums] = {}
        most = LARGEST * _usual_amount(sizes)
        for stage, won_deals, at_stage, won in sizes.select("stage", *_SUMS).iter_rows():
            seen[stage] = seen.get(stage, _Sums()) + _Sums(won_deals, Fraction(at_stage), Fraction(won)).up_to(most)
        whole_sums = sum(seen.values(), _Sums())
        whole = whole_sums.drawn(Fraction(1), inputs.shrinkage_deals)
        rows.append((funnel, None, _decimal(whole), whole_sums.deals))
        for stage, sums in seen.items():
            rows.append((funnel, stage, _decimal(sums.drawn(whole, inputs.shrinkage_deals)), sums.deals))
    schema = {"funnel": pl.String(), "stage": pl.String(), "realisation": REALISATION, "won_deals": pl.Int64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


@worked_out_once
def won_amounts(inputs: ForecastInputs) -> dict[tuple[str, str | None], WonAmount]:
    """By (funnel, None) for the funnel and (funnel, segment value); absent without a won deal of known amount.

    A segment with fewer than minimum_n is drawn to the funnel: (n x own + m x funnel) / (n + m), and has its spread.
    Funnels whose mean is below zero are absent: credit notes say nothing of what a deal will bring.
    """
    known = inputs.won_deals.filter(pl.col("amount_reporting").is_not_null())
    amounts: dict[tuple[str, str | None], WonAmount] = {}
    for (funnel,), deals in known.sort("funnel").group_by("funnel", maintain_order=True):
        whole = _won_amount(deals["amount_reporting"])
        if whole.mean < 0:
            continue
        amounts[str(funnel), None] = whole
        for (segment,), part in deals.sort("segment").group_by("segment", maintain_order=True):
            own = _won_amount(part["amount_reporting"])
            if own.deals < inputs.minimum_n or own.mean < 0:
                weight = inputs.shrinkage_deals
                mean = max((own.deals * own.mean + weight * whole.mean) / (own.deals + weight), Fraction(0))
                own = WonAmount(mean, whole.sd, own.deals)
            amounts[str(funnel), str(segment)] = own
    return amounts


def _won_amount(amounts: pl.Series) -> WonAmount:
    total = amounts.cast(MONEY_SUM).sum()
    spread = amounts.cast(pl.Float64).std()
    return WonAmount(
        Fraction(str(total)) / amounts.len(), float(spread) if isinstance(spread, float) else 0.0, amounts.len()
    )


def _usual_amount(sizes: pl.DataFrame) -> Fraction:
    """Mean larger amount of the size that the median deal of a funnel has."""
    of_size = sizes.group_by("amount_digits").agg(pl.col(_SUMS).sum()).sort("amount_digits")
    middle = (pl.col("won_deals").cum_sum() * 2 >= pl.col("won_deals").sum()).alias("is_reached")
    deals, at_stage, won = of_size.filter(middle).select(_SUMS).row(0)
    usual: Fraction = Fraction(max(at_stage, won)) / deals
    return usual


def _decimal(ratio: Fraction) -> Decimal:
    """To 12 places, half up."""
    return Decimal((2 * ratio.numerator * _SCALE + ratio.denominator) // (2 * ratio.denominator)).scaleb(-12)
