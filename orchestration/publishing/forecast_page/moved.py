"""What moved the forecast and the pipeline, as the page shows it.

Belongs here: choosing rows and naming their periods; pure. Not here: which bucket a deal is in.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from orchestration.publishing.forecast_page.names import BUCKETS, MEASURES, SPANS

# A period that was over by then is of interest to nobody, though overdue deals still stand in it.
EARLIER_DAYS = 100
KINDS = ("all", "quarter", "month")


def movement(
    view: int,
    funnel: str,
    *,
    forecast: pl.DataFrame,
    pipeline: pl.DataFrame,
    labels: Mapping[tuple[str, date], str],
    business_date: date,
) -> pl.DataFrame:
    """`Tables.movement` of one view: spans from short to long, the running period before later and earlier ones.

    forecast, pipeline: forecast_movement and pipeline_movement. labels: of fiscal periods by kind and first day.
    """
    start = pl.col("period_start")
    named = pl.DataFrame(
        [(kind, day, label) for (kind, day), label in labels.items()],
        schema={"period_kind": pl.String, "period_start": pl.Date, "label": pl.String},
        orient="row",
    )
    known = pl.lit(None, pl.Int64)
    every = pl.concat(
        [
            _measured(forecast.with_columns(pushes=known, slips=known), "forecast", "amount"),
            _measured(pipeline, "amount", "amount"),
            _measured(pipeline, "expected", "expected_amount"),
        ]
    )
    return (
        every.filter(
            (pl.col("funnel") == funnel)
            & (pl.col("closing_night") == business_date)
            & pl.col("span").is_in(list(SPANS))
            & pl.col("bucket").is_in(list(BUCKETS))
            & pl.col("period_kind").is_in(KINDS)
            & (start.is_null() | (start >= business_date - timedelta(days=EARLIER_DAYS)))
        )
        .join(named, on=["period_kind", "period_start"], how="left")
        .sort(
            _rank("measure", MEASURES),
            _rank("span", SPANS),
            _rank("period_kind", KINDS),
            start,
            _rank("bucket", BUCKETS),
            nulls_last=True,
        )
        .select(
            pl.lit(view, pl.Int64).alias("view"),
            "measure",
            "span",
            "opening_night",
            pl.col("period_kind").alias("kind"),
            "period_start",
            pl.coalesce("label", start.dt.strftime("%Y-%m-%d")).alias("label"),
            "bucket",
            "deals",
            "pushes",
            "slips",
            "opening",
            "change",
            "closing",
        )
    )


def _measured(rows: pl.DataFrame, measure: str, amount: str) -> pl.DataFrame:
    keys = ["span", "opening_night", "closing_night", "funnel", "period_kind", "period_start", "bucket"]
    amounts = {name: pl.col(f"{name}_{amount}") for name in ("opening", "change", "closing")}
    return rows.select(pl.lit(measure).alias("measure"), *keys, "deals", "pushes", "slips", **amounts)


def _rank(column: str, names: Mapping[str, object] | tuple[str, ...]) -> pl.Expr:
    order = list(names)
    return pl.col(column).replace_strict(order, list(range(len(order))), return_dtype=pl.Int64)
