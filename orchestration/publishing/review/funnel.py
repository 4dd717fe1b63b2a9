"""The funnel stage by stage and the forecast of the running quarter, in short.

Belongs here: choosing and ordering what the served tables hold; pure. Not here: any rate or forecast.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from orchestration.publishing.leading import ALL, Headline, headline, in_order
from orchestration.publishing.review.content import ForecastLine, FunnelTable, StageLine
from orchestration.publishing.review.names import METHODS, FunnelStage, Names
from orchestration.publishing.wording import same

_STATUSES = ("dated", "overdue", "undated", "untimed")


def tables(
    open_deals: pl.DataFrame, conversion: pl.DataFrame, dwell: pl.DataFrame, names: Names
) -> tuple[FunnelTable, ...]:
    """One table per funnel.

    open_deals: those of deals_current. conversion, dwell: funnel_stage_conversion and funnel_stage_dwell.
    """
    held = {
        (row["funnel"], row["stage"]): row
        for row in open_deals.group_by("funnel", "stage")
        .agg(
            pl.len().alias("open_deals"),
            pl.when(pl.col("amount_reporting").is_not_null().any())
            .then(pl.col("amount_reporting").cast(pl.Decimal(38, 2)).sum())
            .alias("open_amount"),
        )
        .iter_rows(named=True)
    }
    whole = pl.col("segment") == "all"
    reach = _by_stage(conversion.filter(whole & (pl.col("cohort_kind") == "all")))
    stays = _by_stage(dwell.filter(whole))
    found: dict[str | None, list[StageLine]] = defaultdict(list)
    for key in names.in_order({*held, *reach, *stays}):
        found[key[0]].append(_line(names.stage(*key), held.get(key), reach.get(key, {}), stays.get(key, {})))
    return tuple(FunnelTable(names.funnel(funnel), tuple(lines)) for funnel, lines in found.items())


def _line(stage: Any, held: Mapping[str, Any] | None, reach: Mapping[str, Any], stay: Mapping[str, Any]) -> StageLine:
    return StageLine(
        stage=stage,
        open_deals=held["open_deals"] if held else 0,
        open_amount=held["open_amount"] if held else Decimal(0),
        reached=reach.get("reached"),
        conversion=reach.get("conversion_to_date"),
        conversion_low=reach.get("conversion_to_date_low"),
        conversion_high=reach.get("conversion_to_date_high"),
        is_insufficient_history=reach.get("is_insufficient_history", True),
        dwell_median_days=stay.get("dwell_p50_days"),
        visits=stay.get("visits"),
    )


def _by_stage(frame: pl.DataFrame) -> dict[FunnelStage, dict[str, Any]]:
    return {(row["funnel"], row["stage"]): row for row in frame.iter_rows(named=True)}


def forecast(
    periods: pl.DataFrame, accuracy: pl.DataFrame, business_date: date
) -> tuple[str | None, tuple[ForecastLine, ...], Headline | None]:
    """The label of the running fiscal quarter, its lines by method with what stands in no period, and who leads.

    periods: forecast_period. accuracy: forecast_accuracy. Empty lines outside the quarter are left out.
    """
    tonight = periods.filter(
        (pl.col("business_date") == business_date) & (pl.col("funnel") == "all") & (pl.col("scope") == "all")
    )
    is_running = (
        (pl.col("period_kind") == "quarter")
        & (pl.col("period_status") == "dated")
        & pl.lit(business_date).is_between(pl.col("period_start"), pl.col("period_end"))
    )
    labels = tonight.filter(is_running)["period_label"]
    shown = tonight.filter(is_running | (pl.col("period_kind") == "none"))
    leading = headline(ALL, accuracy, tonight["method"].unique().to_list())
    lines = tuple(_forecast_lines(shown, leading.method if leading else None))
    return (labels[0] if labels.len() else None), lines, leading


def _forecast_lines(shown: pl.DataFrame, leading: str | None) -> Iterator[ForecastLine]:
    for method in in_order(shown["method"].unique()):
        rows = {row["period_status"]: row for row in shown.filter(pl.col("method") == method).iter_rows(named=True)}
        for status in _STATUSES:
            row = rows.get(status)
            if row is None or (status in ("overdue", "undated") and not row["open_deals"]):
                continue
            yield ForecastLine(
                method=METHODS.get(method, same(method)),
                is_leading=method == leading,
                scope=status,
                won_deals=row["won_deals"],
                won_amount=row["won_amount"],
                open_deals=row["open_deals"],
                open_amount=row["open_amount"],
                excluded_deals=row["excluded_deals"],
                new_business_amount=row["new_business_amount"],
                total_amount=row["total_amount"],
                p10_amount=row["p10_amount"],
                p90_amount=row["p90_amount"],
            )
