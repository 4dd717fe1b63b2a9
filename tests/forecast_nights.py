"""Made-up nights as the served tables of forecasts hold them, for the tests of the forecast page."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from review_nights import BEFORE, BUSINESS_DATE, STAGES
from review_nights import standards as review_standards

RUNNING, NEXT = date(2026, 10, 1), date(2027, 1, 1)
THIRD = date(2027, 4, 1)
_TEXT, _COUNT, _MONEY, _SUM = pl.String, pl.Int64, pl.Decimal(18, 2), pl.Decimal(38, 2)


def _columns(kind: Any, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


SCHEMAS: dict[str, dict[str, Any]] = {
    "deals_current": _columns(
        _TEXT, "deal_key crm deal_id deal_name funnel stage stage_name_en stage_name_zh owner_key owner_name team"
    )
    | {"expected_close_date": pl.Date, "amount_reporting": _MONEY},
    "forecast_period": {"business_date": pl.Date, "is_first_word": pl.Boolean}
    | _columns(_TEXT, "method funnel scope scope_value period_kind")
    | _columns(pl.Date, "period_start period_end")
    | _columns(_TEXT, "period_label period_status")
    | _columns(_COUNT, "won_deals won_excluded_deals open_deals excluded_deals")
    | _columns(
        _SUM,
        "won_amount open_amount new_business_amount total_amount p10_amount p50_amount p90_amount target_amount "
        "gap_amount",
    )
    | _columns(pl.Decimal(38, 12), "new_business_deals expected_wins")
    | {"is_insufficient_history": pl.Boolean, "fell_back_to": _TEXT},
    "forecast_deal": {"business_date": pl.Date}
    | _columns(_TEXT, "method deal_key funnel stage segment")
    | {"win_rate": pl.Decimal(13, 12), "rate_n": _COUNT, "is_insufficient_history": pl.Boolean}
    | _columns(_MONEY, "amount_reporting expected_amount")
    | _columns(_TEXT, "amount_basis amount_exclusion period_status criteria_state fell_back_to")
    | _columns(pl.Date, "period_start expected_win_on")
    | {"realisation": pl.Float64},
    "forecast_deal_period": {"business_date": pl.Date}
    | _columns(_TEXT, "method deal_key funnel period_status")
    | {"period_start": pl.Date, "chance": pl.Decimal(13, 12), "amount_if_won": _MONEY, "expected_amount": _MONEY},
    "forecast_reasons": {"business_date": pl.Date}
    | _columns(_TEXT, "method deal_key fact level")
    | {"reason_rank": _COUNT, "value": pl.Float64, "usual_value": pl.Float64, "win_rate_points": pl.Decimal(5, 2)},
    "forecast_quality": {"business_date": pl.Date}
    | _columns(_TEXT, "method funnel period_kind period_label period_status criteria_state")
    | _columns(pl.Date, "period_start period_end")
    | _columns(_COUNT, "open_deals excluded_deals")
    | {"open_wins": pl.Decimal(38, 12), "expected_amount": _SUM},
    "forecast_coverage": {"business_date": pl.Date}
    | _columns(_TEXT, "funnel scope scope_value period_kind period_label yield_basis")
    | _columns(pl.Date, "period_start period_end")
    | _columns(_SUM, "target_amount to_go_amount open_pipeline_amount overdue_amount")
    | _columns(_SUM, "commit_amount best_case_amount pipeline_amount")
    | _columns(_COUNT, "open_pipeline_deals open_pipeline_excluded_deals overdue_deals yield_periods none_open_deals")
    | _columns(pl.Float64, "coverage required_coverage"),
    "forecast_unplaced_targets": _columns(pl.Date, "business_date period_start period_end")
    | _columns(_TEXT, "funnel team owner_key amount_exclusion")
    | {"amount_reporting": _MONEY},
    "forecast_backtest": _columns(_TEXT, "source method funnel period_kind period_label part")
    | _columns(pl.Date, "business_date as_of_date period_start period_end")
    | _columns(_SUM, "forecast_amount p10_amount p50_amount p90_amount won_amount actual_amount"),
    "forecast_accuracy": _columns(_TEXT, "source method funnel period_kind lead_bucket part")
    | _columns(_COUNT, "n n_as_ofs n_periods n_silent n_fell_back")
    | _columns(pl.Float64, "wape bias mase coverage width")
    | _columns(pl.Boolean, "is_insufficient_history is_champion"),
    "forecast_calibration": _columns(_TEXT, "method funnel question")
    | _columns(_COUNT, "bin n won_deals")
    | _columns(pl.Float64, "mean_chance observed_share observed_low observed_high ece")
    | {"is_insufficient_history": pl.Boolean},
    "pipeline_movement": _columns(_TEXT, "span funnel period_kind bucket")
    | _columns(pl.Date, "opening_night closing_night period_start")
    | _columns(_COUNT, "bucket_rank deals pushes slips pull_ins")
    | _columns(
        _SUM,
        "opening_amount change_amount closing_amount opening_expected_amount change_expected_amount "
        "closing_expected_amount",
    ),
    "nights": _columns(pl.Date, "business_date previous_business_date")
    | {"as_of_at": pl.Datetime("us")}
    | _columns(_TEXT, "config_hash inputs_hash code_version"),
}
SCHEMAS["forecast_record"] = SCHEMAS["forecast_backtest"] | {"is_republished": pl.Boolean}
SCHEMAS["forecast_movement"] = {
    name: kind
    for name, kind in SCHEMAS["pipeline_movement"].items()
    if "expected" not in name and name not in ("pushes", "slips", "pull_ins")
}


def standards(
    language: str = "en", links: Mapping[str, str] | None = None, funnels: Sequence[str] = ("direct",)
) -> dict[str, pl.DataFrame]:
    """The standards of the review's tests, with further funnels that have the same stages."""
    words = {"direct": ("Direct sales", "直销"), "channel": ("Channel", "渠道")}
    made = review_standards(language, links)
    stages = made["funnel_stages"]
    return made | {
        "funnels": pl.DataFrame(
            [(funnel, *words[funnel]) for funnel in funnels], schema=["funnel", "name_en", "name_zh"], orient="row"
        ),
        "funnel_stages": pl.concat([stages.with_columns(funnel=pl.lit(funnel)) for funnel in funnels]),
    }


def money(amount: str | int | None) -> Decimal | None:
    return None if amount is None else Decimal(amount).quantize(Decimal("0.01"))


def month_after(start: date, months: int) -> date:
    whole = start.month - 1 + months
    return date(start.year + whole // 12, whole % 12 + 1, 1)


def label_of(kind: str, start: date) -> str:
    return f"{start:%Y-%m}" if kind == "month" else f"FY{start.year}-Q{(start.month + 2) // 3}"


def period(
    method: str = "timed",
    start: date | None = RUNNING,
    *,
    kind: str = "quarter",
    status: str = "dated",
    won: str | int | None = 0,
    opened: str | int | None = 0,
    new: str | int | None = 0,
    spread: str | int | None = 0,
    target: str | int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row of forecast_period; its total is the sum of its parts, its interval `spread` to either side."""
    is_dated = status == "dated"
    parts = [money(each) for each in (won, opened, new)]
    total = None if parts[1] is None else sum((each for each in parts if each is not None), Decimal(0))
    aimed, width = money(target), money(spread)
    months = 3 if kind == "quarter" else 1
    return {
        "business_date": BUSINESS_DATE,
        "method": method,
        "funnel": "all",
        "scope": "all",
        "scope_value": "all",
        "period_kind": kind if is_dated else "none",
        "period_start": start if is_dated else None,
        "period_end": month_after(start, months) - timedelta(days=1) if is_dated and start else None,
        "period_label": label_of(kind, start) if is_dated and start else None,
        "period_status": status,
        "won_deals": 3 if won else 0,
        "won_excluded_deals": 0,
        "won_amount": parts[0] if is_dated else None,
        "open_deals": 12,
        "excluded_deals": 0,
        "open_amount": parts[1],
        "new_business_deals": None if new is None else Decimal(2),
        "new_business_amount": parts[2],
        "expected_wins": Decimal("4.25") + (3 if won else 0) + (0 if new is None else 2),
        "total_amount": total,
        "p10_amount": total - width if total is not None and width is not None else None,
        "p50_amount": total,
        "p90_amount": total + width if total is not None and width is not None else None,
        "target_amount": aimed,
        "gap_amount": aimed - total if aimed is not None and total is not None else None,
        "is_insufficient_history": False,
        "fell_back_to": None,
        **more,
    }


def quarter_and_months(method: str = "timed", start: date = RUNNING, **parts: Any) -> list[dict[str, Any]]:
    """A quarter and those of its three months that are not over, each with a third of its parts."""
    thirds = {
        name: Decimal(value) / 3
        if name in ("won", "opened", "new", "spread", "target") and value is not None
        else value
        for name, value in parts.items()
    }
    return [
        period(method, start, **parts),
        *(
            period(method, month_after(start, month), kind="month", **thirds)
            for month in range(3)
            if month_after(start, month + 1) > BUSINESS_DATE
        ),
    ]


def coverage(start: date = RUNNING, **more: Any) -> dict[str, Any]:
    return {
        "business_date": BUSINESS_DATE,
        "funnel": "all",
        "scope": "all",
        "scope_value": "all",
        "period_kind": "quarter",
        "period_start": start,
        "period_end": month_after(start, 3) - timedelta(days=1),
        "period_label": label_of("quarter", start),
        "target_amount": money(24_000_000),
        "to_go_amount": money(11_600_000),
        "open_pipeline_deals": 85,
        "open_pipeline_excluded_deals": 2,
        "open_pipeline_amount": money(24_360_000),
        "overdue_deals": 14,
        "overdue_amount": money(3_120_000),
        "coverage": 2.1,
        "required_coverage": 2.8,
        "yield_basis": "own",
        "yield_periods": 8,
        "commit_amount": money(15_100_000),
        "best_case_amount": money(18_400_000),
        "pipeline_amount": money(36_760_000),
        "none_open_deals": 3,
        **more,
    }


def deal(key: str, stage: str = "proposal", **more: Any) -> dict[str, Any]:
    """A row of deals_current."""
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
        "owner_key": "generic:li",
        "owner_name": "Li Na 李娜",
        "team": "East",
        "expected_close_date": date(2026, 12, 15),
        "amount_reporting": Decimal("50000.00"),
        **more,
    }


def forecast_deal(key: str, expected: str | int | None = 10_000, method: str = "timed", **more: Any) -> dict[str, Any]:
    return {
        "business_date": BUSINESS_DATE,
        "method": method,
        "deal_key": f"generic:{key}",
        "funnel": "direct",
        "stage": "proposal",
        "segment": "A",
        "win_rate": Decimal("0.25"),
        "rate_n": 240,
        "is_insufficient_history": False,
        "amount_reporting": Decimal("50000.00"),
        "expected_amount": money(expected),
        "amount_basis": "own",
        "realisation": 0.8,
        "amount_exclusion": None,
        "period_start": date(2026, 12, 1),
        "period_status": "dated",
        "expected_win_on": date(2027, 1, 20),
        "criteria_state": "met",
        "fell_back_to": None,
        **more,
    }


def chances(key: str, by_month: Mapping[int, str], amount: int = 40_000, method: str = "timed") -> list[dict[str, Any]]:
    """Rows of forecast_deal_period: the chance in so many months after October 2026; -1 stands for later."""
    return [
        {
            "business_date": BUSINESS_DATE,
            "method": method,
            "deal_key": f"generic:{key}",
            "funnel": "direct",
            "period_start": None if month < 0 else month_after(RUNNING, month),
            "period_status": "later" if month < 0 else "dated",
            "chance": Decimal(chance),
            "amount_if_won": money(amount),
            "expected_amount": money(Decimal(chance) * amount),
        }
        for month, chance in by_month.items()
    ]


def reason(key: str, rank: int = 1, points: str = "-4.50", **more: Any) -> dict[str, Any]:
    return {
        "business_date": BUSINESS_DATE,
        "method": "timed",
        "deal_key": f"generic:{key}",
        "reason_rank": rank,
        "fact": "days_since_customer_activity",
        "level": None,
        "value": 40.0,
        "usual_value": 9.0,
        "win_rate_points": Decimal(points),
        **more,
    }


def unplaced(start: date = date(2026, 1, 1), end: date = date(2026, 12, 31), **more: Any) -> dict[str, Any]:
    """A quota for a year."""
    span = {"business_date": BUSINESS_DATE, "period_start": start, "period_end": end}
    return {**span, "amount_reporting": money(90_000_000), **more}


def quality(state: str, expected: str | int | None, start: date = RUNNING, **more: Any) -> dict[str, Any]:
    return {
        "business_date": BUSINESS_DATE,
        "method": "timed",
        "funnel": "all",
        "period_kind": "quarter",
        "period_start": start,
        "period_label": label_of("quarter", start),
        "period_status": "dated",
        "criteria_state": state,
        "open_deals": 10,
        "excluded_deals": 0,
        "open_wins": Decimal("2.25"),
        "expected_amount": money(expected),
        **more,
    }


def said(
    as_of: date, start: date, forecast: str | int, actual: str | int | None, spread: str | int = 100, **more: Any
) -> dict[str, Any]:
    """A row of forecast_backtest or forecast_record, of a quarter."""
    middle, width = money(forecast), money(spread)
    assert middle is not None
    assert width is not None
    return {
        "business_date": BUSINESS_DATE,
        "source": "backtest",
        "as_of_date": as_of,
        "method": "timed",
        "funnel": "all",
        "period_kind": "quarter",
        "period_start": start,
        "period_end": month_after(start, 3) - timedelta(days=1),
        "period_label": label_of("quarter", start),
        "part": "total",
        "forecast_amount": middle,
        "p10_amount": middle - width,
        "p50_amount": middle,
        "p90_amount": middle + width,
        "won_amount": money(0),
        "actual_amount": money(actual),
        **more,
    }


def accuracy(method: str, lead: str = "all", wape: float | None = 0.2, **more: Any) -> dict[str, Any]:
    return {
        "source": "backtest",
        "method": method,
        "funnel": "all",
        "period_kind": "quarter",
        "lead_bucket": lead,
        "part": "total",
        "n": 48,
        "n_as_ofs": 24,
        "n_periods": 9,
        "n_silent": 0,
        "n_fell_back": 0,
        "wape": wape,
        "bias": 0.05,
        "mase": 0.7,
        "coverage": 0.79,
        "width": 0.35,
        "is_insufficient_history": False,
        "is_champion": False,
        **more,
    }


def calibration(number: int, n: int = 120, mean: float = 0.3, share: float = 0.28, **more: Any) -> dict[str, Any]:
    return {
        "method": "timed",
        "funnel": "all",
        "question": "running_quarter",
        "bin": number,
        "n": n,
        "won_deals": round(n * share),
        "mean_chance": mean,
        "observed_share": share,
        "observed_low": max(0.0, share - 0.06),
        "observed_high": min(1.0, share + 0.06),
        "ece": 0.021 if number == 0 else None,
        "is_insufficient_history": n < 30,
        **more,
    }


def moved(
    bucket: str,
    change: str | int,
    opening: str | int = 0,
    span: str = "last_night",
    start: date | None = RUNNING,
    **more: Any,
) -> dict[str, Any]:
    before, difference = money(opening), money(change)
    assert before is not None
    assert difference is not None
    return {
        "span": span,
        "opening_night": BEFORE if span == "last_night" else BUSINESS_DATE - timedelta(days=7),
        "closing_night": BUSINESS_DATE,
        "funnel": "all",
        "period_kind": "quarter" if start else "all",
        "period_start": start,
        "bucket": bucket,
        "bucket_rank": 1,
        "deals": 4,
        "pushes": 0,
        "slips": 0,
        "pull_ins": 0,
        "opening_amount": 3 * before,
        "change_amount": 3 * difference,
        "closing_amount": 3 * (before + difference),
        "opening_expected_amount": before,
        "change_expected_amount": difference,
        "closing_expected_amount": before + difference,
        **more,
    }


def served(previous: date | None = BEFORE, **rows: Iterable[Mapping[str, Any]]) -> dict[str, pl.DataFrame]:
    """The served tables of one night, by name; those without rows are empty."""
    nights = [
        {
            "business_date": BUSINESS_DATE,
            "previous_business_date": previous,
            "as_of_at": datetime(2026, 11, 22, 16),
            "config_hash": "c0ffee",
            "inputs_hash": "decade",
            "code_version": "0.1.0+facade",
        }
    ]
    return {
        name: pl.DataFrame(
            [
                {column: value for column, value in row.items() if column in schema}
                for row in rows.get(name, nights if name == "nights" else [])
            ],
            schema=schema,
        )
        for name, schema in SCHEMAS.items()
    }


def busy(**more: Iterable[Mapping[str, Any]]) -> dict[str, pl.DataFrame]:
    """A night with something in every part: one funnel, all methods, targets, a record, movements, reasons."""
    methods = ("crm_probability", "stage_average", "weighted_stage", "timed", "timed_adjusted")
    quarters = [
        *quarter_and_months(won=12_400_000, opened=6_300_000, new=1_900_000, spread=2_450_000, target=24_000_000),
        *quarter_and_months(start=NEXT, opened=9_100_000, new=8_200_000, spread=4_100_000, target=15_000_000),
        *quarter_and_months(start=THIRD, opened=4_000_000, new=12_000_000, spread=5_500_000),
        period(status="later", opened=2_345_000, won=None),
    ]
    others = [
        *quarter_and_months("timed_adjusted", won=12_400_000, opened=5_900_000, new=1_900_000, spread=2_300_000),
        *quarter_and_months("timed_adjusted", NEXT, opened=8_700_000, new=8_200_000, spread=4_000_000),
        *quarter_and_months("weighted_stage", won=12_400_000, opened=9_800_000, new=None, spread=2_000_000),
        *quarter_and_months("weighted_stage", NEXT, opened=3_200_000, new=None, spread=1_100_000),
        period("weighted_stage", status="overdue", opened=4_100_000, won=None, new=None, open_deals=41),
        *quarter_and_months("crm_probability", won=12_400_000, opened=14_200_000, new=None, spread=None),
        *quarter_and_months("crm_probability", NEXT, opened=5_000_000, new=None, spread=None),
        period("stage_average", status="untimed", opened=19_300_000, won=None, new=None, open_deals=97, spread=None),
    ]
    levels = [
        {**row, "scope": scope, "scope_value": value}
        for scope, value, share, aimed in (
            ("team", "East", 5, 10_000_000),
            ("team", "West", 4, 14_000_000),
            ("team", "(none)", 1, None),
            ("owner", "generic:li", 6, None),
            ("owner", "generic:bo", 4, None),
            ("segment", "Enterprise", 7, None),
            ("segment", "Mid-market", 3, None),
        )
        for row in (
            period(
                won=1_240_000 * share, opened=630_000 * share, new=190_000 * share, spread=300_000 * share, target=aimed
            ),
            period(start=NEXT, opened=910_000 * share, new=820_000 * share, spread=500_000 * share),
        )
    ]
    deals = [deal(f"{number}", "contact" if number % 3 == 0 else "proposal") for number in range(1, 25)]
    deals[1] |= {"owner_key": "generic:bo", "owner_name": "Bo Berg", "team": "West", "deal_name": "赵氏集团"}
    deals[2] |= {"amount_reporting": None, "expected_close_date": date(2026, 9, 30)}
    states = ("violated", "met", "none_asked", "waived", "not_evaluated")
    forecasts = [
        forecast_deal(
            f"{number}",
            1_000 * (30 - number),
            stage="contact" if number % 3 == 0 else "proposal",
            criteria_state=states[number % 5 - 1],
            win_rate=Decimal(number) / 100 + Decimal("0.15"),
            expected_win_on=date(2026, 11, 25) + timedelta(days=9 * number),
            period_start=month_after(date(2026, 11, 1), number // 4),
        )
        for number in range(1, 25)
    ]
    forecasts[2] |= {"amount_basis": "mean_won", "amount_reporting": None}
    forecasts[3] |= {"expected_amount": None, "amount_exclusion": "negative_amount"}
    by_month = [
        row
        for number in range(1, 25)
        for row in chances(
            f"{number}", {1: "0.05", 2: f"0.{number:02}", 3: "0.04", 5: "0.02", 8: "0.01", -1: "0.03"}, 60_000
        )
    ]
    tried = [
        said(as_of, start, forecast, actual, 2_500_000)
        for start, actual, first in (
            (date(2025, 10, 1), 17_900_000, 15_000_000),
            (date(2026, 1, 1), 14_200_000, 15_800_000),
            (date(2026, 4, 1), 19_600_000, 18_100_000),
            (date(2026, 7, 1), 21_800_000, 17_400_000),
            (RUNNING, None, 18_800_000),
        )
        for month in range(-3, 3)
        if (as_of := month_after(start, month) - timedelta(days=1)) < BUSINESS_DATE
        for forecast in [first + (month + 3) * ((actual or 20_000_000) - first) // 7]
    ]
    nights = [
        said(
            day,
            RUNNING,
            19_000_000 + 60_000 * place + 150_000 * (place % 4),
            None,
            3_000_000 - 30_000 * place,
            source="night",
            is_republished=place in (9, 17),
        )
        for place, day in enumerate(BUSINESS_DATE - timedelta(days=back) for back in range(25, -1, -1))
    ]
    errors = {
        "crm_probability": 0.58,
        "stage_average": 0.71,
        "weighted_stage": 0.41,
        "timed": 0.17,
        "timed_adjusted": 0.19,
    }
    judged = [
        accuracy(method, lead, errors[method] + extra, is_champion=method == "timed", n=n, n_periods=n // 3, bias=bias)
        for lead, extra, n, bias in (
            ("all", 0.0, 46, 0.04),
            ("30+", 0.03, 38, -0.06),
            ("0-14", -0.09, 9, 0.01),
            ("76-105", 0.08, 24, -0.11),
        )
        for method in methods
    ]
    judged += [
        accuracy(method, "all", errors[method] + 0.1, period_kind="month", n=90, n_periods=24) for method in methods
    ]
    judged += [
        accuracy(
            "timed",
            "all",
            0.12,
            source="night",
            n=3,
            n_periods=1,
            coverage=1.0,
            is_insufficient_history=True,
            mase=None,
        )
    ]
    bins = [
        calibration(
            number, 110 + 7 * number, number / 11, min(1.0, max(0.0, number / 11 + (-0.03 if number % 2 else 0.025)))
        )
        for number in range(1, 11)
    ] + [calibration(0, 1485, 0.45, 0.44)]
    moves = [
        row
        for span, opening in (("last_night", 6_120_000), ("week", 5_440_000))
        for start in (None, RUNNING, NEXT)
        for row in (
            moved("won", -420_000, 420_000, span, start, deals=2),
            moved("lost", -310_000, 310_000, span, start, deals=5),
            moved("created", 260_000, 0, span, start, deals=7),
            moved("pulled_in", 140_000, 0, span, start, deals=1),
            moved("pushed_out", -380_000, 380_000, span, start, deals=6, pushes=7, slips=6),
            moved("amount_raised", 95_000, 205_000, span, start, deals=3),
            moved("model", 22_000, 900_000, span, start, deals=61),
            moved("unchanged", 0, opening - 2_215_000, span, start, deals=140),
        )
    ]
    proofs = [
        quality(state, amount, start)
        for start, size in ((RUNNING, 1), (NEXT, 2))
        for state, amount in (
            ("violated", 2_100_000 * size),
            ("waived", 300_000 * size),
            ("not_evaluated", 450_000 * size),
            ("met", 2_950_000 * size),
            ("none_asked", 500_000 * size),
        )
    ]
    return served(
        **{
            "deals_current": deals,
            "forecast_period": [*quarters, *others, *levels],
            "forecast_coverage": [
                coverage(),
                coverage(
                    NEXT,
                    target_amount=money(15_000_000),
                    to_go_amount=money(15_000_000),
                    coverage=3.4,
                    required_coverage=3.1,
                ),
                *(
                    coverage(scope="team", scope_value=team, coverage=ratio)
                    for team, ratio in (("East", 1.7), ("West", 2.6))
                ),
            ],
            "forecast_unplaced_targets": [unplaced(), unplaced(team="West", amount_reporting=None)],
            "forecast_deal": forecasts,
            "forecast_deal_period": by_month,
            "forecast_reasons": [
                row
                for number in range(1, 25, 2)
                for row in (
                    reason(f"{number}"),
                    reason(f"{number}", 2, "3.00", fact="icp_band", level="A", value=None, usual_value=None),
                )
            ],
            "forecast_quality": proofs,
            "forecast_backtest": tried,
            "forecast_record": nights,
            "forecast_accuracy": judged,
            "forecast_calibration": bins,
            "pipeline_movement": moves,
            "forecast_movement": [
                row
                for span in ("last_night", "week")
                for start in (RUNNING, NEXT)
                for row in (
                    moved("won", 130_000, 420_000, span, start),
                    moved("lost", -310_000, 310_000, span, start, deals=5),
                    moved("pushed_out", -120_000, 380_000, span, start, deals=6),
                    moved("model", 22_000, 5_100_000, span, start, deals=61),
                    moved("new_business", -30_000, 650_000, span, start, deals=0),
                )
            ],
            **more,
        }
    )
