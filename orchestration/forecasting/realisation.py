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


@worked_out_once
def realisations(inputs: ForecastInputs) -> pl.DataFrame:
    """One row per funnel and stage that an amount was won from: funnel, stage, realisation Decimal(20, 12), won_deals.

    Sum won over sum at the stage, drawn to the funnel's own ratio by the weight of shrinkage_deals deals of mean
    amount, and that one to 1 likewise: (W + m a R) / (S + m a), with a = S / n. The row with stage null is the
    funnel's, for stages without one.
    """
    rows = []
    for (funnel,), stages in inputs.stage_amounts.sort("funnel", "stage").group_by("funnel", maintain_order=True):
        seen = stages.select("stage", "won_deals", "amount_at_stage", "amount_won").rows()
        deals = sum(row[1] for row in seen)
        whole = _drawn(
            deals,
            Fraction(sum((row[2] for row in seen), Decimal(0))),
            Fraction(sum((row[3] for row in seen), Decimal(0))),
            Fraction(1),
            inputs.shrinkage_deals,
        )
        rows.append((funnel, None, _decimal(whole), deals))
        for stage, won_deals, at_stage, won in seen:
            ratio = _drawn(won_deals, Fraction(at_stage), Fraction(won), whole, inputs.shrinkage_deals)
            rows.append((funnel, stage, _decimal(ratio), won_deals))
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


def _drawn(deals: int, at_stage: Fraction, won: Fraction, parent: Fraction, weight: int) -> Fraction:
    if deals == 0 or at_stage <= 0 or won < 0:
        return parent
    prior = weight * at_stage / deals
    return (won + prior * parent) / (at_stage + prior)


def _decimal(ratio: Fraction) -> Decimal:
    """To 12 places, half up."""
    return Decimal((2 * ratio.numerator * _SCALE + ratio.denominator) // (2 * ratio.denominator)).scaleb(-12)
