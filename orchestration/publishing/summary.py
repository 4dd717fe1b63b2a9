"""The short table that a night ends with: what went in, what stands where, what fails, what is forecast.

Labels and numbers from the served tables; nothing is computed that a table does not hold, beyond counts and sums.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from orchestration.publishing.leading import ALL, headline


def summary_rows(
    tables: Mapping[str, pl.DataFrame],
    *,
    rows_in: int,
    rows_quarantined: int,
    extracts_held: int,
    language: str,
    business_date: date,
    currency: str,
) -> Iterator[tuple[str, str]]:
    """Label and value of each line.

    tables: deals_current, quality_violations, forecast_period, forecast_accuracy as served. The forecast lines are
    of the method that leads on the pages, for all funnels and the fiscal quarter that holds the business date.
    """
    deals, violations = tables["deals_current"], tables["quality_violations"]
    yield "Rows in", f"{rows_in:,}"
    yield "Rows quarantined", f"{rows_quarantined:,}"
    yield "Extracts held", f"{extracts_held:,}"
    name = f"stage_name_{language}"
    stages = (
        deals.group_by(pl.col("stage_rank"), pl.col("is_open"), pl.col(name))
        .len()
        .sort(
            pl.col("is_open").not_(),
            pl.col("stage_rank"),
            pl.col("len"),
            descending=[False, False, True],
            nulls_last=True,
        )
    )
    yield "Deals", f"{deals.height:,}"
    for row in stages.iter_rows(named=True):
        yield f"  {row[name]}", f"{row['len']:,}"
    opened = violations.filter(pl.col("state") == "open")
    yield "Violations open", f"{opened.height:,}"
    for severity in ("block", "warn"):
        of_severity = opened.filter(pl.col("severity") == severity)
        seen = of_severity.filter((pl.col("first_seen") == business_date) & ~pl.col("is_backlog")).height
        yield f"  {severity}", f"{of_severity.height:,} ({seen:,} new)"
    for row in _running_quarter(tables["forecast_period"], tables["forecast_accuracy"], business_date):
        spoken = row["fell_back_to"] or row["method"]
        yield f"Forecast {row['period_label']}, {spoken}", f"{_money(row['total_amount'])} {currency}"
        yield "  eight times in ten from", f"{_money(row['p10_amount'])} {currency}"
        yield "  to", f"{_money(row['p90_amount'])} {currency}"
        yield "  won so far", f"{_money(row['won_amount'])} {currency}"
        yield f"  open ({row['open_deals']:,} deals)", f"{_money(row['open_amount'])} {currency}"
        if row["new_business_amount"] is not None:
            yield "  deals to come", f"{_money(row['new_business_amount'])} {currency}"


def _running_quarter(periods: pl.DataFrame, accuracy: pl.DataFrame, business_date: date) -> list[dict[str, Any]]:
    tonight = pl.col("business_date") == business_date
    whole = periods.filter(tonight & (pl.col("funnel") == ALL) & (pl.col("scope") == ALL))
    leading = headline(ALL, accuracy.filter(tonight), whole["method"].unique().to_list())
    return whole.filter(
        (pl.col("method") == (leading.method if leading else None))
        & (pl.col("period_kind") == "quarter")
        & pl.lit(business_date).is_between(pl.col("period_start"), pl.col("period_end"))
    ).to_dicts()


def _money(amount: Decimal | None) -> str:
    return "not known" if amount is None else f"{amount:,.2f}"
