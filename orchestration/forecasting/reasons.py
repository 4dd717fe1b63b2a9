"""Why a deal's chance is another than that of its stage and age: the facts that move it most, as codes and numbers.

Belongs here: choosing and ranking them, and the columns they are told in. Not here: any wording
(`publishing/forecast_reasons.py`), what a fact is worth (`adjusting.py`).
"""

from typing import Final

import numpy as np
import polars as pl

from orchestration.forecasting.adjusting import Adjustment, Floats
from orchestration.forecasting.features import FACTS
from orchestration.forecasting.method import REASONS

# What moves a chance by less than half a point is no reason that anybody would act on.
LEAST_POINTS: Final = 0.5
MOST_REASONS: Final = 3


def reasons_of(deal_keys: pl.Series, facts: pl.DataFrame, until: Floats, adjustment: Adjustment) -> pl.DataFrame:
    """At most MOST_REASONS rows per deal, columns REASONS, in order of deal_key and rank.

    Args:
        deal_keys: of deals of one funnel.
        facts: `features.facts_of` them, in their order.
        until: what `timed` says of them, as `Adjustment.scaled` takes it.
    """
    effects = adjustment.effects(facts)
    whole = effects.sum(axis=1)
    won = adjustment.scaled(until, whole)[:, -1]
    parts = []
    for place, fact in enumerate(FACTS):
        without = adjustment.scaled(until, whole - effects[:, place])[:, -1]
        usual = pl.lit(adjustment.usual[fact], pl.Float64)
        own_usual = f"{fact}_usual"
        parts.append(
            facts.select(
                deal_keys.alias("deal_key"),
                pl.lit(fact).alias("fact"),
                pl.lit(place).alias("place"),
                pl.col(f"{fact}_level").alias("level"),
                pl.col(f"{fact}_value").alias("value"),
                (pl.col(own_usual) if own_usual in facts.columns else usual).alias("usual_value"),
                # Points are rounded before they are compared, so that a hair does not change the order.
                pl.Series(np.round(100 * (won - without), 2)).alias("points"),
            )
        )
    return (
        pl.concat(parts)
        .filter(pl.col("points").is_not_nan() & (pl.col("points").abs() >= LEAST_POINTS))
        .sort("deal_key", pl.col("points").abs(), "place", descending=[False, True, False])
        .with_columns((pl.int_range(pl.len(), dtype=pl.Int64).over("deal_key") + 1).alias("reason_rank"))
        .filter(pl.col("reason_rank") <= MOST_REASONS)
        .with_columns(pl.col("points").cast(REASONS["win_rate_points"]).alias("win_rate_points"))
        .select(*REASONS)
    )
