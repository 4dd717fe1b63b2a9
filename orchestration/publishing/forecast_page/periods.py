"""The forecast by period as the page shows it: what the figures are made of, what the others say.

Belongs here: choosing and ordering what the served tables hold; pure. Not here: any forecast, sentences, geometry.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from orchestration.publishing.forecast_page.content import (
    Expected,
    MethodLine,
    OutOfPeriod,
    Period,
    Pipeline,
    Quarter,
    UnplacedTarget,
)
from orchestration.publishing.forecast_page.names import EVERY_LEAD, EVERYBODY, OUTSIDE, method_name
from orchestration.publishing.leading import Headline, in_order
from orchestration.publishing.wording import Text, same

DATED = "dated"


def quarters(rows: pl.DataFrame, coverage: pl.DataFrame, business_date: date) -> tuple[Quarter, ...]:
    """The quarters that a method tells apart, each with its months, the running one first.

    rows: forecast_period of one method, funnel and scope. coverage: forecast_coverage of the same funnel and scope.
    """
    asked = {(row["period_kind"], row["period_start"]): row for row in coverage.iter_rows(named=True)}
    dated = rows.filter(pl.col("period_status") == DATED).sort("period_start")
    periods = [
        _period(row, asked.get((row["period_kind"], row["period_start"])), business_date)
        for row in dated.iter_rows(named=True)
    ]
    return tuple(
        Quarter(
            quarter,
            tuple(each for each in periods if each.kind == "month" and quarter.start <= each.start <= quarter.end),
        )
        for quarter in periods
        if quarter.kind == "quarter"
    )


def _period(row: Mapping[str, Any], asked: Mapping[str, Any] | None, business_date: date) -> Period:
    end = row["period_end"] or row["period_start"]
    return Period(
        kind=row["period_kind"],
        start=row["period_start"],
        end=end,
        label=row["period_label"] or str(row["period_start"]),
        is_running=row["period_start"] <= business_date <= end,
        days_left=(end - business_date).days,
        expected=expected(row),
        pipeline=_pipeline(asked) if asked else None,
    )


def expected(row: Mapping[str, Any]) -> Expected:
    """One row of forecast_period."""
    return Expected(
        won=row["won_amount"],
        won_deals=row["won_deals"] or 0,
        open=row["open_amount"],
        open_deals=row["open_deals"] or 0,
        open_wins=_open_wins(row),
        excluded_deals=(row["excluded_deals"] or 0) + (row["won_excluded_deals"] or 0),
        new_business=row["new_business_amount"],
        new_business_deals=row["new_business_deals"],
        total=row["total_amount"],
        low=row["p10_amount"],
        high=row["p90_amount"],
        target=row["target_amount"],
        gap=row["gap_amount"],
        is_insufficient_history=bool(row["is_insufficient_history"]),
        fell_back_to=method_name(row["fell_back_to"]) if row["fell_back_to"] else None,
    )


def _open_wins(row: Mapping[str, Any]) -> float | None:
    """Expected wins are those of all three parts together."""
    if row["expected_wins"] is None:
        return None
    return max(0.0, float(row["expected_wins"] - (row["won_deals"] or 0) - (row["new_business_deals"] or 0)))


def _pipeline(row: Mapping[str, Any]) -> Pipeline:
    return Pipeline(
        to_go=row["to_go_amount"],
        amount=row["open_pipeline_amount"],
        deals=row["open_pipeline_deals"] or 0,
        excluded_deals=row["open_pipeline_excluded_deals"] or 0,
        overdue=row["overdue_amount"],
        overdue_deals=row["overdue_deals"] or 0,
        coverage=row["coverage"],
        required=row["required_coverage"],
        required_periods=row["yield_periods"] or 0,
        is_required_borrowed=row["yield_basis"] == "funnel",
        commit=row["commit_amount"],
        best_case=row["best_case_amount"],
        all=row["pipeline_amount"],
        unrolled_deals=sum(row[f"{name}_open_deals"] or 0 for name in ("omitted", "other", "none")),
    )


def outside(rows: Iterable[Mapping[str, Any]]) -> tuple[OutOfPeriod, ...]:
    """What a method places in no period, where it places anything there. rows: its forecast_period."""
    found = {row["period_status"]: row for row in rows if row["period_status"] in OUTSIDE}
    return tuple(
        OutOfPeriod(status, row["open_deals"] or 0, row["excluded_deals"] or 0, row["open_amount"])
        for status in OUTSIDE
        if (row := found.get(status)) is not None and row["open_deals"]
    )


def unplaced(
    rows: pl.DataFrame, business_date: date, *, owners: Mapping[str, str], funnels: Mapping[str | None, Text]
) -> tuple[UnplacedTarget, ...]:
    """Quotas held against no period, those that are over left out. rows: forecast_unplaced_targets of the view."""
    going_on = rows.filter(pl.col("period_end") >= business_date)
    return tuple(
        UnplacedTarget(row["period_start"], row["period_end"], *_whose(row, owners, funnels), row["amount_reporting"])
        for row in going_on.sort("period_start", "period_end", "funnel", "team", "owner_key").iter_rows(named=True)
    )


def _whose(row: Mapping[str, Any], owners: Mapping[str, str], funnels: Mapping[str | None, Text]) -> tuple[Text, bool]:
    """For whom a quota is, and whether that is the product's own name and no datum."""
    if row["owner_key"] is not None:
        return same(owners.get(row["owner_key"], row["owner_key"])), False
    if row["team"] is not None:
        return same(row["team"]), False
    if row["funnel"] is not None:
        return funnels.get(row["funnel"], same(row["funnel"])), row["funnel"] in funnels
    return EVERYBODY, True


def methods(
    rows: pl.DataFrame, accuracy: pl.DataFrame, leading: Headline, compared: Sequence[Period]
) -> tuple[MethodLine, ...]:
    """Every method beside the others, simplest first.

    rows: forecast_period of one funnel and scope. accuracy: forecast_accuracy of the funnel. compared: the quarters in
    which they are held side by side.
    """
    past = {
        row["method"]: row
        for row in accuracy.filter(
            (pl.col("source") == "backtest")
            & (pl.col("period_kind") == "quarter")
            & (pl.col("lead_bucket") == EVERY_LEAD)
            & (pl.col("part") == "total")
        ).iter_rows(named=True)
    }
    of_method: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.iter_rows(named=True):
        of_method[row["method"]].append(row)
    return tuple(
        _method(method, of_method[method], past.get(method), leading, compared) for method in in_order(of_method)
    )


def _method(
    method: str,
    rows: list[dict[str, Any]],
    past: Mapping[str, Any] | None,
    leading: Headline,
    compared: Sequence[Period],
) -> MethodLine:
    of_quarter = {
        row["period_start"]: expected(row)
        for row in rows
        if row["period_kind"] == "quarter" and row["period_status"] == DATED
    }
    stand_ins = {row["fell_back_to"] for row in rows if row["fell_back_to"]}
    is_headline = method == leading.method
    return MethodLine(
        key=method,
        name=method_name(method),
        is_headline=is_headline,
        is_champion=bool(past and past["is_champion"]) or (is_headline and leading.is_champion),
        compared=tuple(of_quarter.get(period.start) for period in compared),
        outside=outside(rows),
        wape=past["wape"] if past else None,
        fell_back_to=method_name(in_order(stand_ins)[0]) if stand_ins else None,
    )


TABLE_SCHEMA = {
    "view": pl.Int64(),
    "kind": pl.String(),
    "label": pl.String(),
    **dict.fromkeys(("won", "open", "new", "total", "low", "high", "target"), pl.Decimal(38, 2)),
}


def table(view: int, quarters_: Iterable[Quarter]) -> pl.DataFrame:
    """`Tables.periods` of one view."""
    told = [period for each in quarters_ for period in (each.quarter, *each.months)]
    rows = [
        {
            "view": view,
            "kind": period.kind,
            "label": period.label,
            "won": period.expected.won,
            "open": period.expected.open,
            "new": period.expected.new_business,
            "total": period.expected.total,
            "low": period.expected.low,
            "high": period.expected.high,
            "target": period.expected.target,
        }
        for period in told
    ]
    return pl.DataFrame(rows, schema=TABLE_SCHEMA)
