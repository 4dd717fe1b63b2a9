"""Small made-up companies for the forecasting tests: input tables with as little in them as a test needs."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from orchestration.forecasting.inputs import ForecastInputs, read_inputs

BUSINESS_DATE = date(2026, 11, 22)

STAGES = [("contact", None), ("proposal", None), ("won", "won"), ("lost", "lost"), ("nurture", "nurtured")]

SCHEMAS: dict[str, dict[str, Any]] = {
    "forecast_open_deals": {
        "deal_key": pl.String,
        "funnel": pl.String,
        "stage": pl.String,
        "stage_rank": pl.Int32,
        "segment": pl.String,
        "team": pl.String,
        "owner_key": pl.String,
        "amount_reporting": pl.Decimal(18, 2),
        "amount_exclusion": pl.String,
        "expected_close_date": pl.Date,
        "probability": pl.Float64,
    },
    "forecast_transition_counts": {
        "funnel": pl.String,
        "segment": pl.String,
        "from_stage": pl.String,
        "to_state": pl.String,
        "visits": pl.Int64,
    },
    "forecast_won_amounts": {
        "funnel": pl.String,
        "won_deals": pl.Int64,
        "won_deals_with_amount": pl.Int64,
        "won_amount": pl.Decimal(38, 2),
    },
    "forecast_won_to_date": {
        "funnel": pl.String,
        "period_kind": pl.String,
        "period_start": pl.Date,
        "won_deals": pl.Int64,
        "won_deals_with_amount": pl.Int64,
        "won_amount": pl.Decimal(38, 2),
    },
    "company": {"minimum_n": pl.Int64, "shrinkage_deals": pl.Int64},
    "funnel_stages": {"funnel": pl.String, "version": pl.Int64, "stage": pl.String, "outcome": pl.String},
    "periods": {
        "period_kind": pl.String,
        "period_start": pl.Date,
        "period_end": pl.Date,
        "period_label": pl.String,
    },
}


def calendar(first_year: int = 2026, last_year: int = 2027) -> list[dict[str, Any]]:
    """Calendar months and quarters."""

    def period(kind: str, year: int, month: int, months: int) -> dict[str, Any]:
        after = month + months
        end = date(year + (after - 1) // 12, (after - 1) % 12 + 1, 1) - timedelta(days=1)
        label = f"{year}-{month:02d}" if kind == "month" else f"FY{year}-Q{month // 3 + 1}"
        return {"period_kind": kind, "period_start": date(year, month, 1), "period_end": end, "period_label": label}

    return [
        period(kind, year, month, months)
        for year in range(first_year, last_year + 1)
        for kind, months in (("month", 1), ("quarter", 3))
        for month in range(1, 13, months)
    ]


def deal(key: str, stage: str = "proposal", amount: str | None = "50000.00", **more: Any) -> dict[str, Any]:
    return {
        "deal_key": key,
        "funnel": "direct",
        "stage": stage,
        "segment": "A",
        "amount_reporting": None if amount is None else Decimal(amount),
        "amount_exclusion": "missing_amount" if amount is None else None,
        "expected_close_date": date(2026, 12, 15),
        **more,
    }


def moves(counts: Mapping[tuple[str, str], int], segment: str = "all", funnel: str = "direct") -> list[dict[str, Any]]:
    return [
        {"funnel": funnel, "segment": segment, "from_stage": left, "to_state": entered, "visits": visits}
        for (left, entered), visits in counts.items()
    ]


def tables(
    *,
    deals: Iterable[Mapping[str, Any]] = (),
    counts: Iterable[Mapping[str, Any]] = (),
    won_amounts: Iterable[Mapping[str, Any]] = (),
    won_to_date: Iterable[Mapping[str, Any]] = (),
    funnels: Iterable[str] = ("direct",),
    minimum_n: int = 0,
    shrinkage_deals: int = 20,
    stages: Iterable[tuple[str, str | None]] = tuple(STAGES),
) -> dict[str, pl.DataFrame]:
    stages = list(stages)
    rows: dict[str, Any] = {
        "forecast_open_deals": list(deals),
        "forecast_transition_counts": list(counts),
        "forecast_won_amounts": list(won_amounts),
        "forecast_won_to_date": list(won_to_date),
        "company": [{"minimum_n": minimum_n, "shrinkage_deals": shrinkage_deals}],
        "funnel_stages": [
            {"funnel": funnel, "version": 1, "stage": stage, "outcome": outcome}
            for funnel in funnels
            for stage, outcome in stages
        ],
        "periods": calendar(),
    }
    return {name: pl.DataFrame(rows[name], schema=schema) for name, schema in SCHEMAS.items()}


def world(*, business_date: date = BUSINESS_DATE, **parts: Any) -> ForecastInputs:
    return read_inputs(tables(**parts), business_date)
