"""Served tables of a made-up night, as far as alerts read them."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

NIGHT, BEFORE = date(2026, 11, 22), date(2026, 11, 20)
DISCOVERY = "direct.contact.discovery_held"
NO_STEP = "rule.next_step_missing"

SCHEMAS: dict[str, dict[str, Any]] = {
    "deals_current": dict.fromkeys(
        ["deal_key", "deal_id", "deal_name", "crm", "funnel", "stage", "stage_name_en", "stage_name_zh"], pl.String
    ),
    "quality_violations": {
        "business_date": pl.Date,
        **dict.fromkeys(
            [
                "violation_id",
                "rule_id",
                "funnel",
                "deal_key",
                "severity",
                "stage",
                "owner_key",
                "owner_name",
                "team",
                "observed",
                "outcome",
                "state",
                "change",
            ],
            pl.String,
        ),
        "amount_at_risk": pl.Decimal(18, 2),
        "waived_until": pl.Date,
    },
    "quality_rule_nights": {
        "business_date": pl.Date,
        **dict.fromkeys(
            ["funnel", "rule_id", "severity", "wording_en", "wording_zh", "advice_en", "advice_zh"], pl.String
        ),
    },
    "quality_incidents": {
        "business_date": pl.Date,
        "kind": pl.String,
        "subject": pl.String,
        **dict.fromkeys(["observed", "usual_low", "usual_high"], pl.Int64),
    },
    "quality_expectations": {
        "business_date": pl.Date,
        **dict.fromkeys(["expectation", "subject", "status", "wording_en", "wording_zh"], pl.String),
        **dict.fromkeys(["observed", "lower", "upper"], pl.Int64),
    },
    "deals_stalled": {
        **dict.fromkeys(["deal_key", "funnel", "stage", "owner_key", "owner_name", "team"], pl.String),
        "amount_reporting": pl.Decimal(18, 2),
        **dict.fromkeys(["leading_reason_en", "leading_reason_zh", "next_action_en", "next_action_zh"], pl.String),
    },
}
STANDARDS = {
    "company": pl.DataFrame({"company": ["Müller & 伙伴"], "reporting_currency": ["CNY"]}),
    "criteria": pl.DataFrame(
        {"criterion_id": [DISCOVERY], "funnel": ["direct"], "version": [1], "stage": ["contact"], "gate": ["exit"]}
    ),
    "funnel_stages": pl.DataFrame(
        {
            "funnel": ["direct"] * 3,
            "version": [2, 1, 1],
            "stage": ["contact", "contact", "proposal"],
            "name_en": ["First contact", "Contact of old", "Proposal"],
            "name_zh": ["初步接洽", "旧", "方案报价"],
        }
    ),
}
DEAL = {
    "deal_key": "generic:7",
    "deal_id": "7",
    "deal_name": "北方项目",
    "crm": "generic",
    "funnel": "direct",
    "stage": "proposal",
    "stage_name_en": "as the CRM",
    "stage_name_zh": "CRM的名称",
}


def violation(name: str, change: str = "new", **more: Any) -> dict[str, Any]:
    return {
        "business_date": NIGHT,
        "violation_id": name,
        "rule_id": DISCOVERY,
        "funnel": "direct",
        "deal_key": "generic:7",
        "severity": "block",
        "stage": "proposal",
        "owner_key": "generic:li",
        "owner_name": "李娜",
        "team": "East",
        "observed": "activity.demo: 20",
        "outcome": "failed",
        "state": "open",
        "change": change,
        "amount_at_risk": Decimal("1000.00"),
        "waived_until": None,
        **more,
    }


def rule(rule_id: str, night: date = NIGHT) -> dict[str, Any]:
    return {
        "business_date": night,
        "funnel": "direct",
        "rule_id": rule_id,
        "severity": "block",
        "wording_en": f"asked of {night}",
        "wording_zh": "要求",
        "advice_en": "do",
        "advice_zh": "做",
    }


def stalled(key: str, **more: Any) -> dict[str, Any]:
    return {
        "deal_key": key,
        "funnel": "direct",
        "stage": "proposal",
        "owner_key": "generic:li",
        "owner_name": "李娜",
        "team": "East",
        "amount_reporting": Decimal("5.00"),
        "leading_reason_en": "silent",
        "leading_reason_zh": "无回应",
        "next_action_en": "act",
        "next_action_zh": "行动",
        **more,
    }


def expectation(name: str, status: str, night: date = NIGHT) -> dict[str, Any]:
    return {
        "business_date": night,
        "expectation": name,
        "subject": "deals_current",
        "status": status,
        "wording_en": "so",
        "wording_zh": "如此",
        "observed": 12,
        "lower": 0,
        "upper": 3,
    }


def frames(**rows: Any) -> dict[str, pl.DataFrame]:
    """All tables that alerts read; those that are not given have no rows."""
    return {name: pl.DataFrame(rows.get(name, []), schema=schema) for name, schema in SCHEMAS.items()}
