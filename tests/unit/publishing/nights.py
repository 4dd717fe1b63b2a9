"""A made-up night as the served tables hold it, for the tests of the review page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

BUSINESS_DATE = date(2026, 11, 22)
BEFORE = date(2026, 11, 21)

SCHEMAS: dict[str, dict[str, Any]] = {
    "deals_current": {
        "deal_key": pl.String,
        "deal_id": pl.String,
        "deal_name": pl.String,
        "funnel": pl.String,
        "stage": pl.String,
        "stage_name_en": pl.String,
        "stage_name_zh": pl.String,
        "is_open": pl.Boolean,
        "amount_reporting": pl.Decimal(18, 2),
    },
    "quality_violations": {
        "violation_id": pl.String,
        "rule_id": pl.String,
        "rule_kind": pl.String,
        "funnel": pl.String,
        "deal_key": pl.String,
        "visit_id": pl.String,
        "severity": pl.String,
        "stage": pl.String,
        "owner_name": pl.String,
        "team": pl.String,
        "observed": pl.String,
        "outcome": pl.String,
        "amount_at_risk": pl.Decimal(18, 2),
        "state": pl.String,
        "change": pl.String,
        "first_seen": pl.Date,
        "last_seen": pl.Date,
        "nights_open": pl.Int64,
        "closed_on": pl.Date,
        "is_backlog": pl.Boolean,
    },
    "quality_rule_nights": {
        "business_date": pl.Date,
        "suite": pl.String,
        "funnel": pl.String,
        "rule_id": pl.String,
        "severity": pl.String,
        "evaluated": pl.Int64,
        "met": pl.Int64,
        "failing": pl.Int64,
        "late": pl.Int64,
        "not_evaluated": pl.Int64,
        "status": pl.String,
        "wording_en": pl.String,
        "wording_zh": pl.String,
        "advice_en": pl.String,
        "advice_zh": pl.String,
    },
    "funnel_stage_conversion": {
        "funnel": pl.String,
        "segment": pl.String,
        "segment_value": pl.String,
        "cohort_kind": pl.String,
        "cohort_start": pl.Date,
        "stage": pl.String,
        "stage_rank": pl.Int32,
        "reached": pl.Int64,
        "conversion_to_date": pl.Float64,
        "conversion_to_date_low": pl.Float64,
        "conversion_to_date_high": pl.Float64,
        "is_insufficient_history": pl.Boolean,
    },
    "funnel_stage_dwell": {
        "funnel": pl.String,
        "segment": pl.String,
        "segment_value": pl.String,
        "stage": pl.String,
        "visits": pl.Int64,
        "dwell_p50_days": pl.Float64,
    },
    "forecast_period": {
        "business_date": pl.Date,
        "method": pl.String,
        "funnel": pl.String,
        "period_kind": pl.String,
        "period_start": pl.Date,
        "period_end": pl.Date,
        "period_label": pl.String,
        "period_status": pl.String,
        "won_deals": pl.Int64,
        "won_amount": pl.Decimal(38, 2),
        "open_deals": pl.Int64,
        "excluded_deals": pl.Int64,
        "open_amount": pl.Decimal(38, 2),
        "total_amount": pl.Decimal(38, 2),
    },
    "nights": {
        "business_date": pl.Date,
        "as_of_at": pl.Datetime("us"),
        "previous_business_date": pl.Date,
        "rows_in": pl.Int64,
        "rows_loaded": pl.Int64,
        "rows_quarantined": pl.Int64,
        "held_reasons": pl.String,
        "config_hash": pl.String,
        "inputs_hash": pl.String,
        "code_version": pl.String,
    },
}

STAGES = [
    ("contact", None, "Initial contact", "初步接洽"),
    ("proposal", None, "Proposal", "方案报价"),
    ("won", "won", "Won", "赢单"),
    ("lost", "lost", "Lost", "输单"),
]

DISCOVERY = "direct.contact.discovery_held"
AMOUNT_MISSING = "rule.amount_missing"

RULE_WORDS = {
    DISCOVERY: (
        "block",
        "A demo of at least 30 minutes was held.",
        "已举行至少30分钟的演示。",
        "Hold it, and log it.",
        "完成演示并记录。",
    ),
    AMOUNT_MISSING: ("warn", "The deal carries no amount.", "商机没有金额。", "Enter the amount.", "填写金额。"),
}


def standards(language: str = "en") -> dict[str, pl.DataFrame]:
    return {
        "company": pl.DataFrame(
            {
                "company": ["Müller & 伙伴"],
                "language": [language],
                "reporting_currency": ["CNY"],
                "time_zone": ["Asia/Shanghai"],
                "minimum_n": [30],
            }
        ),
        "funnels": pl.DataFrame({"funnel": ["direct"], "name_en": ["Direct sales"], "name_zh": ["直销"]}),
        "funnel_stages": pl.DataFrame(
            [
                {
                    "funnel": "direct",
                    "version": 1,
                    "stage": stage,
                    "outcome": outcome,
                    "name_en": name_en,
                    "name_zh": name_zh,
                    "sort_order": number,
                }
                for number, (stage, outcome, name_en, name_zh) in enumerate(STAGES, start=1)
            ],
            schema_overrides={"outcome": pl.String},
        ),
        "criteria": pl.DataFrame(
            {"criterion_id": [DISCOVERY], "funnel": ["direct"], "version": [1], "stage": ["contact"], "gate": ["exit"]}
        ),
    }


def deal(key: str, stage: str = "proposal", **more: Any) -> dict[str, Any]:
    names = {name: (name_en, name_zh) for name, _, name_en, name_zh in STAGES}
    name_en, name_zh = names.get(stage, (stage, stage))
    return {
        "deal_key": f"generic:{key}",
        "deal_id": key,
        "deal_name": f"Deal {key}",
        "funnel": "direct",
        "stage": stage,
        "stage_name_en": name_en,
        "stage_name_zh": name_zh,
        "is_open": stage not in ("won", "lost"),
        "amount_reporting": Decimal("1000.00"),
        **more,
    }


def violation(key: str, rule_id: str = DISCOVERY, **more: Any) -> dict[str, Any]:
    """Open, carried from the night before; `change="new"` makes it one of tonight."""
    is_tonight = more.get("change") in ("new", "backlog")
    return {
        "violation_id": f"{rule_id}|{key}",
        "rule_id": rule_id,
        "rule_kind": "rule" if rule_id.startswith("rule.") else "criterion",
        "funnel": "direct",
        "deal_key": f"generic:{key}",
        "visit_id": "",
        "severity": RULE_WORDS[rule_id][0] if rule_id in RULE_WORDS else "warn",
        "stage": "proposal",
        "owner_name": "Li Na 李娜",
        "team": "East",
        "observed": None,
        "outcome": "missing",
        "amount_at_risk": Decimal("1000.00"),
        "state": "open",
        "change": "carried",
        "first_seen": BUSINESS_DATE if is_tonight else date(2026, 11, 3),
        "last_seen": BUSINESS_DATE,
        "nights_open": 1 if is_tonight else 19,
        "closed_on": None,
        "is_backlog": more.get("change") == "backlog",
        **more,
    }


def rule_night(rule_id: str, failing: int = 0, **more: Any) -> dict[str, Any]:
    severity, wording_en, wording_zh, advice_en, advice_zh = RULE_WORDS[rule_id]
    return {
        "business_date": BUSINESS_DATE,
        "suite": "funnel direct",
        "funnel": "direct",
        "rule_id": rule_id,
        "severity": severity,
        "evaluated": 40,
        "met": 40 - failing,
        "failing": failing,
        "late": 0,
        "not_evaluated": 0,
        "status": "failed" if failing else "passed",
        "wording_en": wording_en,
        "wording_zh": wording_zh,
        "advice_en": advice_en,
        "advice_zh": advice_zh,
        **more,
    }


def forecast(method: str, status: str = "dated", **more: Any) -> dict[str, Any]:
    is_dated = status == "dated"
    return {
        "business_date": BUSINESS_DATE,
        "method": method,
        "funnel": "all",
        "period_kind": "quarter" if is_dated else "none",
        "period_start": date(2026, 10, 1) if is_dated else None,
        "period_end": date(2026, 12, 31) if is_dated else None,
        "period_label": "FY2026-Q4" if is_dated else None,
        "period_status": status,
        "won_deals": 3 if is_dated else None,
        "won_amount": Decimal("700.00") if is_dated else None,
        "open_deals": 5,
        "excluded_deals": 1,
        "open_amount": Decimal("300.50"),
        "total_amount": Decimal("1000.50"),
        **more,
    }


def served(
    *,
    deals: Iterable[Mapping[str, Any]] = (),
    violations: Iterable[Mapping[str, Any]] = (),
    rules: Iterable[Mapping[str, Any]] = (),
    conversion: Iterable[Mapping[str, Any]] = (),
    dwell: Iterable[Mapping[str, Any]] = (),
    forecasts: Iterable[Mapping[str, Any]] = (),
    previous: date | None = BEFORE,
    held: Sequence[str] = (),
) -> dict[str, pl.DataFrame]:
    night = {
        "business_date": BUSINESS_DATE,
        "as_of_at": datetime(2026, 11, 22, 16, tzinfo=UTC).replace(tzinfo=None),
        "previous_business_date": previous,
        "rows_in": 1200,
        "rows_loaded": 1188,
        "rows_quarantined": 12,
        "held_reasons": json.dumps(held),
        "config_hash": "c0ffee",
        "inputs_hash": "decade",
        "code_version": "0.1.0+facade",
    }
    rows: dict[str, Any] = {
        "deals_current": list(deals),
        "quality_violations": list(violations),
        "quality_rule_nights": list(rules),
        "funnel_stage_conversion": list(conversion),
        "funnel_stage_dwell": list(dwell),
        "forecast_period": list(forecasts),
        "nights": [night],
    }
    return {name: pl.DataFrame(rows[name], schema=schema) for name, schema in SCHEMAS.items()}
