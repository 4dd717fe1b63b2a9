"""What was said and what came: the record of nights and of the backtest, accuracy by lead time, calibration.

Belongs here: choosing and ordering what the served tables hold; pure. Not here: any measure of accuracy.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

from orchestration.publishing.forecast_page.content import AccuracyLine, AccuracyTable
from orchestration.publishing.forecast_page.names import LEADS, QUESTIONS, method_name
from orchestration.publishing.leading import in_order
from orchestration.publishing.wording import same

SOURCES, KINDS = ("backtest", "night"), ("quarter", "month")
# Longer ago than this, another company was forecast.
SAID_DAYS = 800

SAID_SCHEMA = {
    "view": pl.Int64(),
    "source": pl.String(),
    "as_of_date": pl.Date(),
    "kind": pl.String(),
    "period_start": pl.Date(),
    "period_end": pl.Date(),
    "label": pl.String(),
    "forecast": pl.Decimal(38, 2),
    "low": pl.Decimal(38, 2),
    "high": pl.Decimal(38, 2),
    "actual": pl.Decimal(38, 2),
    "is_republished": pl.Boolean(),
}


def said(
    view: int, funnel: str, method: str, *, backtest: pl.DataFrame, record: pl.DataFrame, business_date: date
) -> pl.DataFrame:
    """`Tables.said` of one view: what its method said of each period, oldest period and oldest date first."""
    parts = [
        frame.filter(
            (pl.col("method") == method)
            & (pl.col("funnel") == funnel)
            & (pl.col("part") == "total")
            & pl.col("forecast_amount").is_not_null()
            & ((pl.lit(business_date) - pl.col("period_end")).dt.total_days() < SAID_DAYS)
        ).select(
            view=pl.lit(view, pl.Int64),
            source=pl.lit(source),
            as_of_date="as_of_date",
            kind="period_kind",
            period_start="period_start",
            period_end="period_end",
            label=pl.coalesce("period_label", pl.col("period_start").dt.strftime("%Y-%m-%d")),
            forecast="forecast_amount",
            low="p10_amount",
            high="p90_amount",
            actual="actual_amount",
            is_republished=again.fill_null(value=False),
        )
        for source, frame, again in (
            ("backtest", backtest, pl.lit(value=False)),
            ("night", record, pl.col("is_republished")),
        )
    ]
    return pl.concat(parts).match_to_schema(pl.Schema(SAID_SCHEMA)).sort("kind", "period_start", "as_of_date", "source")


def accuracy(rows: pl.DataFrame, leading: str) -> tuple[AccuracyTable, ...]:
    """One table per source and kind of period that has a scored pair. rows: forecast_accuracy of one funnel."""
    total = rows.filter(pl.col("part") == "total")
    tables = []
    for source in SOURCES:
        for kind in KINDS:
            found = total.filter((pl.col("source") == source) & (pl.col("period_kind") == kind))
            if found["n"].fill_null(0).sum() > 0:
                tables.append(AccuracyTable(source, kind, tuple(_accuracy_lines(found, leading))))
    return tuple(tables)


def _accuracy_lines(rows: pl.DataFrame, leading: str) -> Iterator[AccuracyLine]:
    by_lead: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        by_lead.setdefault(row["lead_bucket"], {})[row["method"]] = row
    known = list(LEADS)
    for lead in sorted(by_lead, key=lambda each: (known.index(each) if each in known else len(known), each)):
        of_lead = by_lead[lead]
        for place, method in enumerate(in_order(of_lead)):
            row = of_lead[method]
            yield AccuracyLine(
                lead=LEADS.get(lead, same(lead)),
                is_first_of_lead=place == 0,
                lines_of_lead=len(of_lead),
                name=method_name(method),
                is_headline=method == leading,
                is_champion=bool(row["is_champion"]),
                n=row["n"] or 0,
                periods=row["n_periods"] or 0,
                silent=row["n_silent"] or 0,
                fell_back=row["n_fell_back"] or 0,
                wape=row["wape"],
                bias=row["bias"],
                coverage=row["coverage"],
                width=row["width"],
                mase=row["mase"],
                is_insufficient_history=bool(row["is_insufficient_history"]),
            )


def calibration(view: int, funnel: str, method: str, rows: pl.DataFrame) -> pl.DataFrame:
    """`Tables.calibration` of one view."""
    order: Sequence[str] = list(QUESTIONS)
    return (
        rows.filter((pl.col("funnel") == funnel) & (pl.col("method") == method) & pl.col("question").is_in(order))
        .with_columns(place=pl.col("question").replace_strict(order, list(range(len(order))), return_dtype=pl.Int64))
        .sort("place", "bin")
        .select(
            view=pl.lit(view, pl.Int64),
            question="question",
            bin="bin",
            n="n",
            won_deals="won_deals",
            mean_chance=pl.col("mean_chance").round(4),
            observed_share=pl.col("observed_share").round(4),
            observed_low=pl.col("observed_low").round(4),
            observed_high=pl.col("observed_high").round(4),
            ece=pl.col("ece").round(4),
            is_insufficient_history=pl.col("is_insufficient_history").fill_null(value=False),
        )
    )
