"""Made-up nights as the served tables of causes and design hold them, for the tests of the insights page."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from forecast_nights import standards as forecast_standards
from review_nights import BUSINESS_DATE

from orchestration.publishing.insights_page.reading import SCHEMAS

FOCUS, BEFORE, YEAR_AGO = "2026-07-01", "2026-04-01", "2025-07-01"
CAUSES = ("lead_quality", "unproven_advancement", "stalls_and_early_closes", "follow_up", "within_segments")
LABELS = {FOCUS: "FY2026-Q3", BEFORE: "FY2026-Q2", YEAR_AGO: "FY2025-Q3"}


def standards(
    language: str = "en", links: Mapping[str, str] | None = None, funnels: Sequence[str] = ("direct",)
) -> dict[str, pl.DataFrame]:
    """The standards of the forecast's tests, with fiscal quarters by name."""
    quarters = pl.DataFrame(
        [("quarter", date.fromisoformat(start), label) for start, label in LABELS.items()],
        schema=["period_kind", "period_start", "period_label"],
        orient="row",
    )
    return forecast_standards(language, links, funnels) | {"periods": quarters}


def served(**rows: Iterable[Mapping[str, Any]]) -> dict[str, pl.DataFrame]:
    """Served tables with these rows, every other one empty; the night itself is always in `nights`."""
    night = {"business_date": BUSINESS_DATE, "as_of_at": datetime(2026, 11, 22, 16), "config_hash": "c0ffee"}
    given = {"nights": [night]} | {name: list(each) for name, each in rows.items()}
    return {name: pl.DataFrame(given.get(name, []), schema=schema, orient="row") for name, schema in SCHEMAS.items()}


def deal(key: str, stage: str = "proposal", **more: Any) -> dict[str, Any]:
    return {
        "deal_key": f"generic:{key}",
        "crm": "generic",
        "deal_id": key,
        "deal_name": f"Deal {key}",
        "funnel": "direct",
        "stage": stage,
        "stage_name_en": stage,
        "stage_name_zh": stage,
        "is_open": stage not in ("won", "lost"),
        "owner_key": "generic:li",
        "owner_name": "Li Na 李娜",
        "team": "East",
        "amount_reporting": Decimal(1000),
    } | more


def conversion(
    stage: str = "contact", reached: int = 100, advanced: int = 60, lost: int = 30, **more: Any
) -> dict[str, Any]:
    """What became of a stage's deals; expected is what advanced of those decided, its interval five points wide."""
    return {
        "funnel": "direct",
        "segment": "all",
        "segment_value": "all",
        "cohort_kind": "all",
        "stage": stage,
        "stage_rank": 1 if stage == "contact" else 2,
        "reached": reached,
        "visited": reached,
        "skipped": 0,
        "advanced": advanced,
        "lost": lost,
        "still_open": reached - advanced - lost,
        "conversion_expected": advanced / (advanced + lost),
        "conversion_expected_undecided": 0.0,
        "n_expected": reached,
        "conversion_to_date": advanced / reached,
        "conversion_to_date_low": advanced / reached - 0.05,
        "conversion_to_date_high": advanced / reached + 0.05,
        "is_insufficient_history": reached < 30,
    } | more


def dwell(stage: str = "contact", **more: Any) -> dict[str, Any]:
    return {
        "funnel": "direct",
        "segment": "all",
        "segment_value": "all",
        "stage": stage,
        "visits": 110,
        "ongoing_visits": 10,
        "dwell_p50_days": 12.34,
        "dwell_p80_days": 30.0,
    } | more


def bottleneck(stage: str = "contact", amount: int = 500_000, rank: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "funnel": "direct",
        "compared_by": "owner",
        "stage": stage,
        "won_amount_gained": Decimal(amount),
        "completed_visits": 90,
        "segments_compared": 5,
        "deals_started": 40,
        "rank_by_won_amount": rank,
        "rank_by_days": 3 - rank,
        "forward_share": 0.6,
        "forward_share_low": 0.5,
        "forward_share_high": 0.7,
        "target_forward_share": 0.8,
        "completed_mean_days": 20.0,
        "target_days": 15.0,
        "window_days": 365.0,
        "won_deals_gained": 2.5,
        "days_gained": 4.0,
        "is_insufficient_history": False,
    } | more


def split(
    parts: Mapping[str, float],
    *,
    stage: str = "contact",
    comparison: str = "previous_quarter",
    focus: str = FOCUS,
    reference: str = BEFORE,
    before: float = 0.7,
    named: Sequence[str] = (),
    **more: Any,
) -> list[dict[str, Any]]:
    """The rows of one comparison: what each cause took, in percentage points; those not given took nothing.

    The interval of a part is two points to either side; the named one that took most leads.
    """
    change = sum(parts.values()) / 100
    leading = min(named, key=lambda cause: parts[cause] * (1 if change < 0 else -1), default=None)
    return [
        {
            "funnel": "direct",
            "stage": stage,
            "comparison": comparison,
            "focus": focus,
            "reference": reference,
            "horizon_days": 45.0,
            "focus_n": 80,
            "reference_n": 90,
            "focus_conversion": before + change,
            "reference_conversion": before,
            "change": change,
            "cause": cause,
            "share": parts.get(cause, 0) / 100,
            "share_low": None if cause == "within_segments" else (parts.get(cause, 0) - 2) / 100,
            "share_high": None if cause == "within_segments" else (parts.get(cause, 0) + 2) / 100,
            "interval_level": 0.95,
            "is_named": cause in named,
            "is_leading": cause == leading,
            "is_insufficient_history": False,
            "deals_behind": 40 if cause in named else 0,
            "sentence_en": f"{cause} did it.",
            "sentence_zh": "原因如此。",
        }
        | more
        for cause in CAUSES
    ]


def cause_deal(key: str, cause: str = "lead_quality", **more: Any) -> dict[str, Any]:
    return {
        "funnel": "direct",
        "stage": "contact",
        "comparison": "previous_quarter",
        "focus": FOCUS,
        "cause": cause,
        "deal_key": f"generic:{key}",
        "quality_class": "weak",
        "icp_band": "D",
        "lead_source": "event",
        "proof_class": "one",
        "unproven_criteria": 1,
        "cadence_class": "seldom",
        "touches_per_week": 0.4,
        "pace_class": "stalled",
        "dwell_days": 51.5,
        "is_advanced": False,
        "entered_at": datetime(2026, 7, 3, 9),
    } | more


def criterion(name: str = "discovery_held", verdict: str = "supported", **more: Any) -> dict[str, Any]:
    return {
        "funnel": "direct",
        "criterion_id": f"direct.contact.{name}",
        "segment": "all",
        "segment_value": "all",
        "stage": "contact",
        "stage_rank": 1,
        "gate": "exit",
        "severity": "block",
        "wording_en": "A demo of at least 30 minutes was held.",
        "wording_zh": "已举行至少30分钟的演示。",
        "is_in_force": True,
        "deals": 90,
        "met_decided_deals": 60,
        "met_won_deals": 30,
        "met_win_rate": 0.5,
        "met_win_rate_low": 0.38,
        "met_win_rate_high": 0.62,
        "not_met_decided_deals": 30,
        "not_met_won_deals": 6,
        "not_met_win_rate": 0.2,
        "not_met_win_rate_low": 0.1,
        "not_met_win_rate_high": 0.37,
        "met_onward_p50_days": 10.0,
        "not_met_onward_p50_days": 14.0,
        "win_rate_difference": 0.3,
        "win_rate_difference_low": 0.1,
        "win_rate_difference_high": 0.45,
        "win_rate_difference_adjusted": 0.25,
        "win_rate_difference_adjusted_low": 0.05,
        "win_rate_difference_adjusted_high": 0.4,
        "is_adjusted": True,
        "verdict": verdict,
    } | more


def ambiguity(measure: str = "criteria_met", **more: Any) -> dict[str, Any]:
    return {
        "funnel": "direct",
        "stage": "contact",
        "stage_rank": 1,
        "measure": measure,
        "unit": "days" if measure == "dwell" else "share",
        "deals": 90,
        "compared_owners": 4,
        "mean_value": 12.0 if measure == "dwell" else 0.8,
        "spread": 2.5 if measure == "dwell" else 0.12,
        "spread_low": 0.5 if measure == "dwell" else 0.04,
        "spread_high": 5.0 if measure == "dwell" else 0.3,
        "owner_variance_share": 0.08,
        "is_insufficient_history": False,
        "has_owner_spread": True,
        "is_ambiguous": True,
    } | more


def reader(measure: str = "criteria_met", **more: Any) -> dict[str, Any]:
    return {
        "funnel": "direct",
        "stage": "contact",
        "stage_rank": 1,
        "measure": measure,
        "owner_key": "generic:bo",
        "owner_name": "Bo Berg",
        "team": "West",
        "deals": 35,
        "comparable_deals": 34,
        "mean_value": 0.6,
        "difference_from_others": -0.22,
        "difference_from_others_low": -0.33,
        "difference_from_others_high": -0.1,
        "difference_from_others_shrunk": -0.18,
        "is_beyond_chance": True,
    } | more


def milestone(name: str = "activity:demo", verdict: str = "found", **more: Any) -> dict[str, Any]:
    subject, key, role = (*name.split(":"), None)[:3]
    difference = {"found": 0.2, "harmful": -0.2}.get(verdict, 0.01)
    return {
        "funnel": "direct",
        "milestone": name,
        "subject": subject,
        "subject_key": key,
        "contact_role": role,
        "verdict": verdict,
        "won_deals": 50,
        "won_with_deals": 40,
        "won_share": 0.8,
        "won_share_low": 0.67,
        "won_share_high": 0.89,
        "lost_deals": 100,
        "lost_with_deals": 30,
        "lost_share": 0.3,
        "lost_share_low": 0.22,
        "lost_share_high": 0.4,
        "naive_lift": 4.2,
        "lift": 1.8,
        "lift_low": 1.2,
        "lift_high": 2.4,
        "win_rate_with": 0.45,
        "win_rate_without": 0.45 - difference,
        "win_rate_difference": difference,
        "win_rate_difference_low": difference - 0.1,
        "win_rate_difference_high": difference + 0.1,
        "compared_deals": 60,
        "usual_stage": "contact",
        "usual_stage_share": 0.7,
        "days_before_close_p25": 20.0,
        "days_before_close_p50": 31.5,
        "days_before_close_p75": 60.0,
        "order_stability": 0.85,
        "ordered_pairs": 120,
        "asked_by": None,
    } | more


def change(finding: str = "milestone_unasked", subject: str = "activity:demo", **more: Any) -> dict[str, Any]:
    """A finding of the stage design review; those on gates and stages name them by `more`."""
    questions = {"milestone_unasked": "milestones", "merge_stages": "merges", "split_stage": "splits"}
    return {
        "funnel": "direct",
        "question": questions.get(finding, "gates"),
        "finding": finding,
        "subject": subject,
        "stage": "contact",
        "gate": "exit",
        "milestone": subject if finding == "milestone_unasked" else None,
        "criterion_id": subject if finding.startswith("gate") else None,
        "is_proposed": finding in ("milestone_unasked", "merge_stages"),
        "deals": 60,
        "win_rate_with": 0.45,
        "win_rate_without": 0.25,
        "win_rate_difference": 0.2,
        "win_rate_difference_low": 0.1,
        "win_rate_difference_high": 0.3,
        "traced_by": f"select deal_key from {finding} where subject = '{subject}'",
        "examined": 7,
        "examined_without_history": 2,
    } | more


def nothing(question: str = "splits", **more: Any) -> dict[str, Any]:
    """That the review looked at what a question is about, and found nothing to change."""
    return {
        "funnel": "direct",
        "question": question,
        "finding": "nothing_to_change",
        "subject": "(none)",
        "is_proposed": False,
        "examined": 7,
        "examined_without_history": 2,
    } | more


def reason(name: str = "price", deals: int = 10, **more: Any) -> dict[str, Any]:
    return {
        "funnel": "direct",
        "outcome": "lost",
        "stage": "contact",
        "segment": "all",
        "segment_value": "all",
        "reason": name,
        "competitor": "(not recorded)",
        "deals": deals,
        "amount": Decimal(1000 * deals),
        "share": deals / 100,
        "share_low": deals / 100 - 0.01,
        "share_high": deals / 100 + 0.05,
        "outcome_deals": 100,
        "deals_without_amount": 0,
        "median_days_in_last_stage": 9.0,
        "median_touches": 3.0,
        "closed_early_deals": 2,
    } | more


def busy() -> dict[str, pl.DataFrame]:
    """A night with something in every part of the page."""
    fell = {"lead_quality": -6.0, "unproven_advancement": -0.5, "follow_up": 1.0, "within_segments": -1.5}
    keys = [str(each) for each in range(1, 41)]
    return served(
        deals_current=[
            *(
                deal(
                    key,
                    "contact" if int(key) % 2 else "lost",
                    amount_reporting=Decimal(1000 * int(key)),
                    deal_name="赵氏集团" if key == "3" else f"Deal {key}",
                    owner_key="generic:li" if int(key) % 3 else "generic:bo",
                    owner_name="Li Na 李娜" if int(key) % 3 else "Bo Berg",
                )
                for key in keys
            ),
            deal("41", "won"),
        ],
        funnel_stage_conversion=[conversion(), conversion("proposal", 60, 35, 20)],
        funnel_stage_dwell=[dwell(), dwell("proposal", dwell_p50_days=None, dwell_p80_days=None)],
        funnel_bottlenecks=[
            bottleneck("proposal", 900_000),
            bottleneck("contact", 500_000, rank=2),
            bottleneck("contact", 100_000, compared_by="team", segments_compared=2, is_insufficient_history=True),
        ],
        conversion_causes=[
            *split(fell, named=["lead_quality"]),
            *split({"follow_up": -1.0}, comparison="year_ago", reference=YEAR_AGO),
            *split({"stalls_and_early_closes": -9.0}, stage="proposal", before=0.6, named=["stalls_and_early_closes"]),
            *split({"lead_quality": -2.0}, comparison="owner", focus="generic:li", reference="rest"),
            *split(
                {"follow_up": -12.0, "within_segments": 2.0},
                comparison="owner",
                focus="generic:bo",
                reference="rest",
                named=["follow_up"],
            ),
            *split({"lead_quality": 4.0}, comparison="team", focus="East", reference="rest", named=["lead_quality"]),
        ],
        conversion_cause_deals=[
            *(cause_deal(key) for key in keys),
            *(cause_deal(key, "stalls_and_early_closes", stage="proposal") for key in keys[:8]),
            *(cause_deal(key, "follow_up", comparison="owner", focus="generic:bo") for key in keys[:3]),
        ],
        criterion_efficacy=[
            criterion(),
            criterion("budget_known", "not_supported", wording_en="The budget is known.", wording_zh="预算已知。"),
            criterion("price_seen", "contradicted", win_rate_difference_adjusted=-0.2),
            criterion("old_rule", "insufficient_history", is_in_force=False),
        ],
        stage_ambiguity=[ambiguity(), ambiguity("dwell"), ambiguity("conversion", has_owner_spread=False)],
        stage_ambiguity_owners=[reader(), reader("dwell", difference_from_others=6.0)],
        milestone_candidates=[
            milestone(),
            milestone("activity:meeting:decision_maker", asked_by="direct.contact.discovery_held"),
            milestone("evidence:pain_points", "not_found"),
            milestone("document:nda", "harmful"),
        ],
        stage_design_review=[
            nothing(),
            change("gate_supported", "direct.contact.discovery_held"),
            change("gate_unsupported", "direct.contact.budget_known", win_rate_difference_low=-0.1),
            change(),
            change(
                "merge_stages",
                "contact+proposal",
                other_stage="proposal",
                dropoff_deals=3,
                dropoff_share=0.03,
                dropoff_share_low=0.01,
                dropoff_share_high=0.08,
                visited_share=0.98,
                other_visited_share=0.4,
                median_stay_days=12.0,
                other_median_stay_days=0.01,
                gate_criteria=2,
            ),
            change(
                "split_stage",
                "contact/activity:demo",
                milestone="activity:demo",
                milestone_share=0.6,
                median_days_before_milestone=8.0,
                median_days_after_milestone=14.0,
            ),
        ],
        close_reasons=[
            reason(),
            reason("no budget", 25, closed_early_deals=11),
            reason("(not recorded)", 5, stage="proposal", competitor="Acme"),
            reason("references", 8, outcome="won", stage="proposal", closed_early_deals=0),
            reason("price", 6, segment="icp_band", segment_value="A"),
            reason("price", 4, segment="icp_band", segment_value="D"),
        ],
    )
