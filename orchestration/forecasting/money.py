"""Exact money: rate times amount, and a total shared out among deals, in whole cents.

Belongs here: rounding of amounts. Not here: which rate, which deals, which period.
"""

from decimal import Decimal
from fractions import Fraction

import polars as pl

from orchestration.forecasting.inputs import MONEY
from orchestration.forecasting.rates import RATE_PLACES

_SCALE = 10**RATE_PLACES


def rate_times_amount(rate: pl.Expr, amount: pl.Expr) -> pl.Expr:
    """Decimal(13, 12) x Decimal(18, 2) to the cent, half up; null where either is.

    Amounts are not negative. The product of cents and rate units has at most 31 digits, so that 128-bit integers
    hold it exactly.
    """
    units = amount.to_physical().cast(pl.Int128) * rate.to_physical().cast(pl.Int128)
    return cents_to_money((units + _SCALE // 2) // _SCALE)


def cents_to_money(cents: pl.Expr) -> pl.Expr:
    return (cents.cast(pl.Decimal(38, 2)) / 100).cast(MONEY)


def rounded_money(amount: Fraction) -> Decimal:
    """An amount to the cent, half up; it is not negative."""
    cents = amount * 100
    return Decimal((2 * cents.numerator + cents.denominator) // (2 * cents.denominator)).scaleb(-2)


def shared_out(unit_amount: Fraction, deals: int) -> tuple[int, int]:
    """(cents of each deal, how many deals carry one cent more), so that the parts are the rounded whole exactly."""
    return divmod(int(rounded_money(unit_amount * deals).scaleb(2)), deals)
