"""What moved the pipeline and what it was expected to bring, as the page shows it.

Belongs here: choosing rows and naming their periods; pure. Not here: which bucket a deal is in.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from orchestration.publishing.forecast_page.names import BUCKETS, SPANS

# A period that was over by then is of interest to nobody, though overdue deals still stand in it.
EARLIER_DAYS = 100
_NAMES = {
    "opening": "opening_amount",
    "change": "change_amount",
    "closing": "closing_amount",
    "opening_expected": "opening_expected_amount",
    "change_expected": "change_expected_amount",
    "closing_expected": "closing_expected_amount",
}


def movement(
    view: int, funnel: str, rows: pl.DataFrame, labels: Mapping[tuple[str, date], str], business_date: date
) -> pl.DataFrame:
    """`Tables.movement` of one view: spans from short to long, the running period before later and earlier ones.

    labels: of fiscal periods by kind and first day.
    """
    spans, buckets, kinds = list(SPANS), list(BUCKETS), ["all", "quarter", "month"]
    start = pl.col("period_start")
    named = pl.DataFrame(
        [(kind, day, label) for (kind, day), label in labels.items()],
        schema={"period_kind": pl.String, "period_start": pl.Date, "label": pl.String},
        orient="row",
    )
    return (
        rows.filter(
            (pl.col("funnel") == funnel)
            & (pl.col("closing_night") == business_date)
            & pl.col("span").is_in(spans)
            & pl.col("bucket").is_in(buckets)
            & pl.col("period_kind").is_in(kinds)
            & (start.is_null() | (start >= business_date - timedelta(days=EARLIER_DAYS)))
        )
        .join(named, on=["period_kind", "period_start"], how="left")
        .with_columns(
            *(
                pl.col(name)
                .replace_strict(order, list(range(len(order))), return_dtype=pl.Int64)
                .alias(f"{name}_place")
                for name, order in (("span", spans), ("bucket", buckets), ("period_kind", kinds))
            )
        )
        .sort("span_place", "period_kind_place", "period_start", "bucket_place", nulls_last=True)
        .select(
            view=pl.lit(view, pl.Int64),
            span="span",
            opening_night="opening_night",
            kind="period_kind",
            period_start="period_start",
            label=pl.coalesce("label", start.dt.strftime("%Y-%m-%d")),
            bucket="bucket",
            deals="deals",
            pushes="pushes",
            slips="slips",
            **_NAMES,
        )
    )
