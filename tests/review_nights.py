"""Made-up nights as the served tables hold them, for the tests of the review page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from orchestration.publishing.review.data import LOADS_SCHEMA, REFUSED_SCHEMA

BUSINESS_DATE = date(2026, 11, 22)
BEFORE = date(2026, 11, 21)

_TEXT, _COUNT, _MONEY, _INSTANT = pl.String, pl.Int64, pl.Decimal(18, 2), pl.Datetime("us")


def _columns(kind: Any, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


SCHEMAS: dict[str, dict[str, Any]] = {
    "deals_current": _columns(
        _TEXT, "deal_key crm deal_id deal_name funnel stage stage_name_en stage_name_zh owner_key owner_name"
    )
    | {"is_open": pl.Boolean, "amount_reporting": _MONEY},
    "quality_violations": _columns(
        _TEXT,
        "violation_id rule_id rule_kind funnel deal_key visit_id severity stage owner_key_first owner_key owner_name "
        "team claimed observed observed_first outcome state change waived_by waived_why",
    )
    | _columns(pl.Date, "first_seen last_seen closed_on waived_until")
    | {"amount_at_risk": _MONEY, "nights_open": _COUNT, "is_backlog": pl.Boolean, "is_late": pl.Boolean},
    "quality_rule_nights": {"business_date": pl.Date}
    | _columns(_TEXT, "suite funnel rule_id severity status wording_en wording_zh advice_en advice_zh")
    | _columns(_COUNT, "evaluated met failing late not_evaluated usual_low usual_high")
    | {"is_incident": pl.Boolean},
    "quality_expectations": {"business_date": pl.Date}
    | _columns(_TEXT, "suite expectation subject severity status wording_en wording_zh")
    | _columns(_COUNT, "evaluated observed lower upper"),
    "quality_incidents": {"business_date": pl.Date, "kind": _TEXT, "subject": _TEXT}
    | _columns(_COUNT, "observed usual_low usual_high nights_compared"),
    "deals_stalled": _columns(
        _TEXT,
        "deal_key funnel stage owner_name team leading_reason leading_reason_en leading_reason_zh "
        "reasons_not_evaluated next_action_en next_action_zh recommendation",
    )
    | _columns(_COUNT, "cap_days reactivation_attempts reactivation_responses")
    | _columns(pl.Float64, "dwell_days slow_after_days silent_days stalled_days")
    | _columns(pl.Boolean, "is_slow is_over_cap is_silent")
    | _columns(_INSTANT, "last_customer_event_at stall_began_at last_attempt_at last_response_at")
    | {"amount_reporting": _MONEY},
    "deals_stalled_reasons": _columns(
        _TEXT, "deal_key reason records wording_en wording_zh next_action_en next_action_zh"
    )
    | _columns(_COUNT, "reason_number size"),
    "funnel_stage_conversion": _columns(_TEXT, "funnel segment segment_value cohort_kind stage")
    | {"cohort_start": pl.Date, "stage_rank": pl.Int32, "reached": _COUNT, "is_insufficient_history": pl.Boolean}
    | _columns(pl.Float64, "conversion_to_date conversion_to_date_low conversion_to_date_high"),
    "funnel_stage_dwell": _columns(_TEXT, "funnel segment segment_value stage")
    | {"visits": _COUNT, "dwell_p50_days": pl.Float64},
    "forecast_period": _columns(pl.Date, "business_date period_start period_end")
    | _columns(_TEXT, "method funnel scope period_kind period_label period_status")
    | _columns(_COUNT, "won_deals open_deals excluded_deals")
    | _columns(pl.Decimal(38, 2), "won_amount open_amount new_business_amount total_amount p10_amount p90_amount"),
    "forecast_accuracy": {"business_date": pl.Date, "method": _TEXT, "funnel": _TEXT, "is_champion": pl.Boolean},
    "nights": _columns(pl.Date, "business_date previous_business_date")
    | {"as_of_at": _INSTANT}
    | _columns(_COUNT, "rows_in rows_loaded rows_quarantined")
    | _columns(_TEXT, "held_reasons config_hash inputs_hash code_version"),
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


def standards(language: str = "en", links: Mapping[str, str] | None = None) -> dict[str, pl.DataFrame]:
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
        "record_links": pl.DataFrame(
            list((links or {}).items()), schema={"crm": pl.String, "url_pattern": pl.String}, orient="row"
        ),
        "stall_reasons": pl.DataFrame(
            {
                "reason": ["silent", "champion_gone"],
                "wording_en": ["The customer has fallen silent.", "The champion has left the deal."],
                "wording_zh": ["客户已无回应。", "内部支持者已离开。"],
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
        "crm": "generic",
        "deal_id": key,
        "deal_name": f"Deal {key}",
        "funnel": "direct",
        "stage": stage,
        "stage_name_en": name_en,
        "stage_name_zh": name_zh,
        "is_open": stage not in ("won", "lost"),
        "owner_key": "generic:li",
        "owner_name": "Li Na 李娜",
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
        "owner_key_first": "generic:li",
        "owner_key": "generic:li",
        "owner_name": "Li Na 李娜",
        "team": "East",
        "claimed": "proposal",
        "observed": None,
        "observed_first": None,
        "outcome": "missing",
        "is_late": False,
        "amount_at_risk": Decimal("1000.00"),
        "state": "open",
        "change": "carried",
        "first_seen": BUSINESS_DATE if is_tonight else date(2026, 11, 3),
        "last_seen": BUSINESS_DATE,
        "nights_open": 1 if is_tonight else 19,
        "closed_on": None,
        "is_backlog": more.get("change") == "backlog",
        "waived_by": None,
        "waived_why": None,
        "waived_until": None,
        **more,
    }


def closed(key: str, rule_id: str = DISCOVERY, change: str = "evidence_arrived", **more: Any) -> dict[str, Any]:
    return violation(
        key, rule_id, **{"state": "closed", "change": change, "closed_on": BUSINESS_DATE, "outcome": "met", **more}
    )


def waived(key: str, rule_id: str = DISCOVERY, **more: Any) -> dict[str, Any]:
    by = {"waived_by": "Mei Lin", "waived_why": "Customer on leave", "waived_until": date(2026, 12, 15)}
    return violation(key, rule_id, **{"state": "closed", "change": "waived", "closed_on": BEFORE, **by, **more})


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
        "usual_low": None,
        "usual_high": None,
        "is_incident": False,
        **more,
    }


def stalled(key: str, reason: str | None = "silent", **more: Any) -> dict[str, Any]:
    return {
        "deal_key": f"generic:{key}",
        "funnel": "direct",
        "stage": "proposal",
        "owner_name": "Li Na 李娜",
        "team": "East",
        "leading_reason": reason,
        "leading_reason_en": "The customer has fallen silent." if reason else None,
        "leading_reason_zh": "客户已无回应。" if reason else None,
        "reasons_not_evaluated": None,
        "next_action_en": "Bring a new insight." if reason else None,
        "next_action_zh": "带去新的见解。" if reason else None,
        "recommendation": "reactivate" if reason else "diagnose",
        "cap_days": 45,
        "reactivation_attempts": 2,
        "reactivation_responses": 0,
        "dwell_days": 60.9,
        "slow_after_days": 45.0,
        "silent_days": 30.2,
        "stalled_days": 15.9,
        "is_slow": True,
        "is_over_cap": True,
        "is_silent": True,
        "last_customer_event_at": datetime(2026, 10, 23, 20),
        "stall_began_at": datetime(2026, 11, 7, 2),
        "last_attempt_at": datetime(2026, 11, 20, 2),
        "last_response_at": None,
        "amount_reporting": Decimal("1000.00"),
        **more,
    }


def stall_reason(key: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "deal_key": f"generic:{key}",
        "reason": "silent",
        "reason_number": number,
        "size": 30,
        "records": "E-1; E-2",
        "wording_en": "The customer has fallen silent.",
        "wording_zh": "客户已无回应。",
        "next_action_en": "Bring a new insight.",
        "next_action_zh": "带去新的见解。",
        **more,
    }


def expectation(name: str = "amount_negative", status: str = "passed", **more: Any) -> dict[str, Any]:
    return {
        "business_date": BUSINESS_DATE,
        "suite": "tables",
        "expectation": name,
        "subject": "deals_current",
        "severity": "warn",
        "status": status,
        "wording_en": "Amounts are not negative",
        "wording_zh": "金额不为负数",
        "evaluated": 40,
        "observed": 0 if status == "passed" else 7,
        "lower": 0,
        "upper": 4,
        **more,
    }


def incident(kind: str = "rule", subject: str = DISCOVERY, **more: Any) -> dict[str, Any]:
    return {
        "business_date": BUSINESS_DATE,
        "kind": kind,
        "subject": subject,
        "observed": 900,
        "usual_low": 10,
        "usual_high": 60,
        "nights_compared": 28,
        **more,
    }


def refusal(record: int, reason: str = "bad_money", **more: Any) -> dict[str, Any]:
    return {
        "crm": "generic",
        "object": "deals",
        "file": "generic/2026-11-22/deals.csv",
        "extracted_at": datetime(2026, 11, 22, 15, 30, tzinfo=UTC),
        "record": record,
        "line": record + 1,
        "byte_offset": 100 * record,
        "column": "amount",
        "reason": reason,
        "value": "12,3,4",
        "raw_text": f'{record},Deal,"12,3,4",CNY',
        "how_to_release": "Say how.",
        "is_new": True,
        **more,
    }


def refused(*refusals: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(refusals), schema=REFUSED_SCHEMA)


def loads(*files: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(files), schema=LOADS_SCHEMA, orient="row")


def forecast(method: str, status: str = "dated", **more: Any) -> dict[str, Any]:
    is_dated = status == "dated"
    return {
        "business_date": BUSINESS_DATE,
        "method": method,
        "funnel": "all",
        "scope": "all",
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
        "new_business_amount": None,
        "total_amount": Decimal("1000.50"),
        "p10_amount": Decimal("900.00"),
        "p90_amount": Decimal("1100.25"),
        **more,
    }


def served(
    *,
    deals: Iterable[Mapping[str, Any]] = (),
    violations: Iterable[Mapping[str, Any]] = (),
    rules: Iterable[Mapping[str, Any]] = (),
    stalls: Iterable[Mapping[str, Any]] = (),
    stall_reasons: Iterable[Mapping[str, Any]] = (),
    expectations: Iterable[Mapping[str, Any]] = (),
    incidents: Iterable[Mapping[str, Any]] = (),
    conversion: Iterable[Mapping[str, Any]] = (),
    dwell: Iterable[Mapping[str, Any]] = (),
    forecasts: Iterable[Mapping[str, Any]] = (),
    champion: str | None = None,
    previous: date | None = BEFORE,
    nights: Sequence[date] | None = None,
    held: Sequence[str] = (),
) -> dict[str, pl.DataFrame]:
    """The served tables of one night. nights: all published up to it; those of `previous` and tonight by default."""
    dates = nights if nights is not None else [each for each in (previous, BUSINESS_DATE) if each]
    night = {
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
        "quality_expectations": list(expectations),
        "quality_incidents": list(incidents),
        "deals_stalled": list(stalls),
        "deals_stalled_reasons": list(stall_reasons),
        "funnel_stage_conversion": list(conversion),
        "funnel_stage_dwell": list(dwell),
        "forecast_period": list(forecasts),
        "forecast_accuracy": [
            {
                "business_date": BUSINESS_DATE,
                "method": each["method"],
                "funnel": "all",
                "is_champion": each["method"] == champion,
            }
            for each in forecasts
        ],
        "nights": [
            {
                "business_date": each,
                "as_of_at": datetime(each.year, each.month, each.day, 16),
                **night,
            }
            for each in dates
        ],
    }
    return {name: pl.DataFrame(rows[name], schema=schema) for name, schema in SCHEMAS.items()}


def left_behind(night: date, *violations: Mapping[str, Any]) -> pl.DataFrame:
    """What an earlier night left of its violations."""
    return pl.DataFrame(
        [{"business_date": night, **each} for each in violations],
        schema={"business_date": pl.Date, **SCHEMAS["quality_violations"]},
    )


def many(number: int) -> dict[str, pl.DataFrame]:
    """A night with so many open violations, on a third as many deals, of 40 owners in 6 teams; one in a hundred new."""
    rows = pl.DataFrame({"n": pl.int_range(number, eager=True)})
    deal_number = pl.col("n") // 3
    amount = ((deal_number * 7919) % 1_000_003).cast(_MONEY) / Decimal("1.00")
    is_new = pl.col("n") % 100 == 0
    violations = rows.select(
        violation_id=pl.format("v{}", "n"),
        rule_id=pl.when(pl.col("n") % 3 == 0).then(pl.lit(DISCOVERY)).otherwise(pl.lit(AMOUNT_MISSING)),
        rule_kind=pl.lit("criterion"),
        funnel=pl.lit("direct"),
        deal_key=pl.format("generic:{}", deal_number),
        visit_id=pl.format("{}", pl.col("n") % 3),
        severity=pl.when(pl.col("n") % 3 == 0).then(pl.lit("block")).otherwise(pl.lit("warn")),
        stage=pl.when(deal_number % 2 == 0).then(pl.lit("contact")).otherwise(pl.lit("proposal")),
        owner_key_first=pl.lit("generic:li"),
        owner_key=pl.lit("generic:li"),
        owner_name=pl.format("Owner {}", deal_number % 40),
        team=pl.format("Team {}", deal_number % 6),
        claimed=pl.lit("proposal"),
        observed=pl.when(pl.col("n") % 5 == 0).then(pl.format("found {}", "n")),
        observed_first=pl.lit(None, dtype=_TEXT),
        outcome=pl.lit("missing"),
        state=pl.lit("open"),
        change=pl.when(is_new).then(pl.lit("new")).otherwise(pl.lit("carried")),
        waived_by=pl.lit(None, dtype=_TEXT),
        waived_why=pl.lit(None, dtype=_TEXT),
        first_seen=pl.when(is_new).then(pl.lit(BUSINESS_DATE)).otherwise(pl.lit(date(2026, 11, 3))),
        last_seen=pl.lit(BUSINESS_DATE),
        closed_on=pl.lit(None, dtype=pl.Date),
        waived_until=pl.lit(None, dtype=pl.Date),
        amount_at_risk=pl.when(deal_number % 20 != 0).then(amount.cast(_MONEY)),
        nights_open=pl.when(is_new).then(1).otherwise(19),
        is_backlog=pl.lit(value=False),
        is_late=pl.lit(value=False),
    )
    deals = pl.DataFrame({"n": pl.int_range(-(-number // 3), eager=True)}).select(
        deal_key=pl.format("generic:{}", "n"),
        crm=pl.lit("generic"),
        deal_id=pl.format("{}", "n"),
        deal_name=pl.format("Deal number {}", "n"),
        funnel=pl.lit("direct"),
        stage=pl.when(pl.col("n") % 2 == 0).then(pl.lit("contact")).otherwise(pl.lit("proposal")),
        stage_name_en=pl.lit("Proposal"),
        stage_name_zh=pl.lit("方案报价"),
        owner_key=pl.lit("generic:li"),
        owner_name=pl.lit("Li Na 李娜"),
        is_open=pl.lit(value=True),
        amount_reporting=pl.lit(Decimal("1000.00"), dtype=_MONEY),
    )
    rules = [rule_night(DISCOVERY, number // 3), rule_night(AMOUNT_MISSING, number)]
    return served(rules=rules) | {
        "quality_violations": violations.cast(SCHEMAS["quality_violations"]),
        "deals_current": deals.cast(SCHEMAS["deals_current"]),
    }
