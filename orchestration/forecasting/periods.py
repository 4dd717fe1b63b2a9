"""From deals to fiscal periods: when a deal is expected, and the sums of a method by period.

Belongs here: period of a date, period rows. Not here: how a method values a deal.
"""

import polars as pl

from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs

DATED, OVERDUE, UNDATED, UNTIMED = "dated", "overdue", "undated", "untimed"

_GROUP = ["funnel", "period_kind", "period_start", "period_status"]


def with_close_period(deals: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    """Adds period_start (first day of the fiscal month of the deal's own close date) and period_status.

    `overdue`: the close date is before the business date. `undated`: there is none, or it lies past the last fiscal
    period known (a placeholder such as 2099-12-31). Both have no period_start.
    """
    close = pl.col("expected_close_date")
    in_month = _starts(deals.select("deal_key", close), "expected_close_date", inputs, "month")
    return (
        deals.join(in_month.select("deal_key", "period_start"), on="deal_key", how="left", maintain_order="left")
        .with_columns(
            pl.when(close < inputs.business_date)
            .then(pl.lit(OVERDUE))
            .when(pl.col("period_start").is_not_null())
            .then(pl.lit(DATED))
            .otherwise(pl.lit(UNDATED))
            .alias("period_status")
        )
        .with_columns(pl.when(pl.col("period_status") == DATED).then("period_start").alias("period_start"))
    )


def period_rows(deals: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    """Sums of a timed method: one row per funnel (`all` too), period kind, period and status.

    The running month and quarter, overdue and undated have a row in every funnel, also with no deals; later periods
    where a deal is expected. Within a funnel, months + overdue + undated = quarters + overdue + undated = all deals.
    `deals` has deal_key, funnel, expected_amount, period_start, period_status. Columns out: those of `_summed` and
    of the served table `forecast_period` but business_date and method.
    """
    months = deals.select(
        "deal_key",
        "funnel",
        "expected_amount",
        "period_status",
        "period_start",
        pl.when(pl.col("period_status") == DATED).then(pl.lit("month")).otherwise(pl.lit("none")).alias("period_kind"),
    )
    quarters = (
        months.filter(pl.col("period_status") == DATED)
        .rename({"period_start": "month_start"})
        .pipe(_starts, "month_start", inputs, "quarter")
        .with_columns(pl.lit("quarter").alias("period_kind"))
    )
    summed = _summed(pl.concat([months, quarters.select(months.columns)]))
    expected = _funnels(inputs).join(_always_present(inputs), how="cross")
    missing = expected.join(summed, on=_GROUP, how="anti", nulls_equal=True)
    return _completed(pl.concat([summed, missing], how="diagonal"), inputs)


def untimed_rows(deals: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    """Sums of a method that does not say when: one row per funnel, and one for `all`. Columns as `period_rows`."""
    untimed = [
        pl.lit("none").alias("period_kind"),
        pl.lit(None, pl.Date).alias("period_start"),
        pl.lit(UNTIMED).alias("period_status"),
    ]
    summed = _summed(deals.select("deal_key", "funnel", "expected_amount", *untimed))
    missing = _funnels(inputs).with_columns(untimed).join(summed, on="funnel", how="anti")
    return _completed(pl.concat([summed, missing], how="diagonal"), inputs)


def _starts(frame: pl.DataFrame, column: str, inputs: ForecastInputs, kind: str) -> pl.DataFrame:
    """Rows whose date falls into a period of a kind, with its period_start."""
    periods = inputs.periods.filter(pl.col("period_kind") == kind).sort("period_start")
    return (
        frame.filter(pl.col(column).is_not_null())
        .sort(column)
        .join_asof(
            periods.select("period_start", "period_end"), left_on=column, right_on="period_start", coalesce=False
        )
        .filter(pl.col(column) <= pl.col("period_end"))
        .drop("period_end")
    )


def _funnels(inputs: ForecastInputs) -> pl.DataFrame:
    return pl.DataFrame({"funnel": [ALL, *inputs.funnels()]}, schema={"funnel": pl.String})


def _always_present(inputs: ForecastInputs) -> pl.DataFrame:
    running = inputs.periods.filter(pl.lit(inputs.business_date).is_between("period_start", "period_end")).select(
        "period_kind", "period_start", pl.lit(DATED).alias("period_status")
    )
    timeless = pl.DataFrame(
        {"period_kind": ["none", "none"], "period_start": [None, None], "period_status": [OVERDUE, UNDATED]},
        schema=running.schema,
    )
    return pl.concat([running, timeless])


def _summed(deals: pl.DataFrame) -> pl.DataFrame:
    """open_deals, excluded_deals, open_amount by group, for each funnel and for all of them.

    An open_amount is null where there are deals and none has an expected amount; deals of unknown worth are no zero.
    """
    both = pl.concat([deals, deals.with_columns(pl.lit(ALL).alias("funnel"))])
    return both.group_by(_GROUP).agg(
        pl.len().cast(pl.Int64).alias("open_deals"),
        pl.col("expected_amount").is_null().sum().cast(pl.Int64).alias("excluded_deals"),
        pl.when(pl.col("expected_amount").is_not_null().any())
        .then(pl.col("expected_amount").cast(MONEY_SUM).sum())
        .alias("open_amount"),
    )


def _won(inputs: ForecastInputs) -> pl.DataFrame:
    both = pl.concat([inputs.won_to_date, inputs.won_to_date.with_columns(pl.lit(ALL).alias("funnel"))])
    with_amount = pl.col("won_deals_with_amount").sum()
    return both.group_by("funnel", "period_kind", "period_start").agg(
        pl.col("won_deals").sum(),
        (pl.col("won_deals").sum() - with_amount).alias("won_excluded_deals"),
        pl.when(with_amount > 0).then(pl.col("won_amount").sum()).alias("won_amount"),
    )


def _completed(summed: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    """Adds won so far, labels and totals to sums of open deals."""
    nothing_won = pl.col("won_deals").is_null() & (pl.col("period_status") == DATED)
    is_empty = pl.col("open_deals").is_null()
    zero = pl.lit(0).cast(MONEY_SUM)
    return (
        summed.join(_won(inputs), on=["funnel", "period_kind", "period_start"], how="left")
        .join(inputs.periods, on=["period_kind", "period_start"], how="left")
        .with_columns(
            pl.when(nothing_won).then(0).otherwise("won_deals").alias("won_deals"),
            pl.when(nothing_won).then(0).otherwise("won_excluded_deals").alias("won_excluded_deals"),
            pl.when(nothing_won).then(zero).otherwise("won_amount").alias("won_amount"),
            pl.when(is_empty).then(zero).otherwise("open_amount").alias("open_amount"),
            pl.col("open_deals", "excluded_deals").fill_null(0),
            pl.lit(None, MONEY_SUM).alias("new_business_amount"),
        )
        .with_columns(
            pl.when(pl.col("period_status") == DATED)
            .then(pl.col("won_amount") + pl.col("open_amount"))
            .otherwise("open_amount")
            .cast(MONEY_SUM)
            .alias("total_amount")
        )
        .select(
            "funnel",
            "period_kind",
            "period_start",
            "period_end",
            "period_label",
            "period_status",
            "won_deals",
            "won_excluded_deals",
            "won_amount",
            "open_deals",
            "excluded_deals",
            "open_amount",
            "new_business_amount",
            "total_amount",
        )
        .sort("funnel", "period_kind", "period_start", "period_status", nulls_last=False)
    )
