"""Small made-up companies for the forecasting tests: input tables with as little in them as a test needs."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from orchestration.forecasting.inputs import ForecastHistory, ForecastInputs, input_schema, read_history

BUSINESS_DATE = date(2026, 11, 22)

STAGES = [("contact", None), ("proposal", None), ("won", "won"), ("lost", "lost"), ("nurture", "nurtured")]


def calendar(first_year: int = 2023, last_year: int = 2028) -> list[dict[str, Any]]:
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
    """Visits that ended in their first week, after three and a half days each."""
    return [
        hazards(left, entered, {0: visits}, segment=segment, funnel=funnel)[0]
        for (left, entered), visits in counts.items()
    ]


def hazards(
    stage: str, next_state: str, visits_by_week: Mapping[int, int], segment: str = "all", funnel: str = "direct"
) -> list[dict[str, Any]]:
    """Visits of a stage that ended in each week, half a week into it."""
    return [
        {
            "funnel": funnel,
            "segment": segment,
            "stage": stage,
            "weeks_in_stage": week,
            "next_state": next_state,
            "visits": visits,
            "days": 3.5 * visits,
        }
        for week, visits in visits_by_week.items()
    ]


def won(key: str, won_on: date, amount: str | None = "50000.00", **more: Any) -> dict[str, Any]:
    return {
        "deal_key": key,
        "funnel": "direct",
        "segment": "A",
        "won_on": won_on,
        "amount_reporting": None if amount is None else Decimal(amount),
        "amount_when_won": None if amount is None else Decimal(amount),
        **more,
    }


def tables(
    *,
    business_date: date = BUSINESS_DATE,
    as_ofs: Iterable[date] = (),
    deals: Iterable[Mapping[str, Any]] = (),
    outcomes: Iterable[Mapping[str, Any]] = (),
    counts: Iterable[Mapping[str, Any]] = (),
    won_deals: Iterable[Mapping[str, Any]] = (),
    stage_amounts: Iterable[Mapping[str, Any]] = (),
    creations: Iterable[Mapping[str, Any]] = (),
    targets: Iterable[Mapping[str, Any]] = (),
    funnels: Iterable[str] = ("direct",),
    minimum_n: int = 0,
    shrinkage_deals: int = 20,
    stages: Iterable[tuple[str, str | None]] = tuple(STAGES),
    stages_before: Iterable[tuple[str, str | None]] = (),
) -> dict[str, pl.DataFrame]:
    """Rows are of tonight unless they name their as_of_date; columns left out are null.

    stages_before: those of a first version of each funnel; `stages` are then its second.
    """
    versions = [list(version) for version in (stages_before, stages)]
    versions = [version for version in versions if version]

    def of_tonight(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [{"as_of_date": business_date, **row} for row in rows]

    rows: dict[str, list[Any]] = {
        "forecast_as_ofs": [
            {"as_of_date": day, "is_tonight": day == business_date} for day in (*as_ofs, business_date)
        ],
        "forecast_open_deals": of_tonight(deals),
        "forecast_deal_outcomes": of_tonight(outcomes),
        "forecast_hazard_counts": of_tonight(counts),
        "forecast_won_deals": list(won_deals),
        "forecast_stage_amounts": [{"amount_digits": 5, **row} for row in of_tonight(stage_amounts)],
        "forecast_creations": list(creations),
        "forecast_targets": list(targets),
        "company": [{"minimum_n": minimum_n, "shrinkage_deals": shrinkage_deals}],
        "funnel_stages": [
            {"funnel": funnel, "version": version, "stage": stage, "stage_rank": rank, "outcome": outcome}
            for funnel in funnels
            for version, stages in enumerate(versions, start=1)
            for rank, (stage, outcome) in enumerate(stages, start=1)
        ],
        "periods": calendar(),
    }
    return {name: pl.DataFrame(each, schema=input_schema(name)) for name, each in rows.items()}


def history(*, business_date: date = BUSINESS_DATE, **parts: Any) -> ForecastHistory:
    return read_history(tables(business_date=business_date, **parts), business_date)


def world(*, business_date: date = BUSINESS_DATE, **parts: Any) -> ForecastInputs:
    """What is known tonight."""
    return history(business_date=business_date, **parts).inputs()
