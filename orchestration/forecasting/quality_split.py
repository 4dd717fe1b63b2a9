"""The forecast split by proof: what of it rests on deals whose gates were passed with it, and what on hope.

Belongs here: the state of an open deal's criteria, sums by state. Not here: how a criterion is judged.
"""

import polars as pl

from orchestration.forecasting.fallback import Spoken
from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs
from orchestration.forecasting.periods import PERIOD, WINS, at_levels, by_month_and_quarter

# As in the served table deal_compliance, the worst first.
STATES = ("violated", "waived", "not_evaluated", "met", "none_asked")


def criteria_state() -> pl.Expr:
    """One word for a deal with the criteria_* counts, the worst that is true of it: see the mart deal_compliance."""
    asked, violated, waived, not_evaluated = (
        pl.col(f"criteria_{name}").fill_null(0) for name in ("asked", "violated", "waived", "not_evaluated")
    )
    return (
        pl.when(asked == 0)
        .then(pl.lit("none_asked"))
        .when(violated > 0)
        .then(pl.lit("violated"))
        .when(waived > 0)
        .then(pl.lit("waived"))
        .when(not_evaluated > 0)
        .then(pl.lit("not_evaluated"))
        .otherwise(pl.lit("met"))
    )


def quality_rows(spoken: Spoken, inputs: ForecastInputs, periods: pl.DataFrame) -> pl.DataFrame:
    """One row per funnel (all too), period and state, for each row of scope all in `periods`; zeros where nothing is.

    Columns: funnel, those of a period with period_end and period_label, criteria_state, open_deals, excluded_deals,
    amount (what these deals are worth in full; a deal that may be won in several months is in each), open_wins,
    expected_amount. Where all deals of a state are of unknown worth, its amounts are null. The expected amounts of a
    period's states sum to its open_amount.
    """
    amount, chance = pl.col("expected_amount"), pl.col("chance")
    summed = by_month_and_quarter(
        spoken.made.chances.select(
            "deal_key", "period_start", "period_status", chance.cast(WINS), amount.cast(MONEY_SUM)
        ),
        inputs,
        "deal_key",
        pl.when(chance.is_not_null().any()).then(chance.sum()).alias("chance"),
        pl.when(amount.is_not_null().any()).then(amount.sum()).alias("expected_amount"),
    )
    facts = inputs.open_deals.select("deal_key", "funnel", "amount_reporting", criteria_state().alias("criteria_state"))
    own = pl.col("amount_reporting").cast(MONEY_SUM)
    by_funnel = (
        summed.join(facts, on="deal_key", how="left")
        .group_by("funnel", *PERIOD, "criteria_state")
        .agg(
            pl.len().cast(pl.Int64).alias("open_deals"),
            *(
                part
                for name, each in (("amount", own), ("open_wins", chance), ("expected_amount", amount))
                for part in (each.sum().alias(name), each.count().cast(pl.Int64).alias(f"{name}_known"))
            ),
        )
    )
    made = at_levels(by_funnel, [ALL], [*PERIOD, "criteria_state"], pl.selectors.numeric().sum()).with_columns(
        (pl.col("open_deals") - pl.col("expected_amount_known")).alias("excluded_deals"),
        *(
            pl.when(pl.col(f"{name}_known") > 0).then(name).alias(name)
            for name in ("amount", "open_wins", "expected_amount")
        ),
    )
    key = ["funnel", *PERIOD, "criteria_state"]
    is_empty = pl.col("open_deals").is_null()
    return (
        periods.filter(pl.col("scope") == ALL)
        .select("funnel", *PERIOD, "period_end", "period_label")
        .join(pl.DataFrame({"criteria_state": STATES}), how="cross")
        .join(made, on=key, how="left", nulls_equal=True)
        .with_columns(
            pl.col("open_deals", "excluded_deals").fill_null(0),
            *(
                pl.when(is_empty).then(pl.lit(0).cast(kind)).otherwise(name).alias(name)
                for name, kind in (("amount", MONEY_SUM), ("open_wins", WINS), ("expected_amount", MONEY_SUM))
            ),
        )
        .select(
            "funnel",
            "period_kind",
            "period_start",
            "period_end",
            "period_label",
            "period_status",
            "criteria_state",
            "open_deals",
            "excluded_deals",
            "amount",
            "open_wins",
            "expected_amount",
        )
        .sort("funnel", "period_kind", "period_start", "period_status", "criteria_state", nulls_last=False)
    )
