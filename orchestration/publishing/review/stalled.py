"""Stalled deals as the review lists them: why, what to do first, and how far attempts have come.

Belongs here: choosing and ordering; pure. Not here: when a deal is stalled or why (the mart decides).
"""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import polars as pl


def table(
    stalled: pl.DataFrame, places: Mapping[str, pl.DataFrame], reasons: pl.DataFrame, zone: ZoneInfo
) -> pl.DataFrame:
    """`Tables.stalled`, most money first, with `deal_key` beside it.

    places: deals and stages, as for violations. reasons: stall_reasons of the standards.
    """
    untold = (
        stalled.select("deal_key", reason=pl.col("reasons_not_evaluated").str.split(";"))
        .explode("reason")
        .with_columns(pl.col("reason").str.strip_chars())
        .filter(pl.col("reason").is_not_null() & (pl.col("reason") != ""))
        .join(reasons.select("reason", "wording_en", "wording_zh"), on="reason", how="left", maintain_order="left")
        .group_by("deal_key", maintain_order=True)
        .agg(
            untold_en=pl.coalesce("wording_en", "reason").str.join(" "),
            untold_zh=pl.coalesce("wording_zh", "reason").str.join(""),
        )
    )
    return (
        stalled.join(places["deals"], on="deal_key", how="left")
        .join(
            places["stages"].select("funnel", "stage", "stage_number"),
            on=["funnel", "stage"],
            how="left",
            nulls_equal=True,
        )
        .join(untold, on="deal_key", how="left")
        .sort(
            pl.col("amount_reporting").is_null(),
            -pl.col("amount_reporting"),
            -pl.col("stalled_days"),
            "deal_key",
        )
        .select(
            "deal_key",
            "deal",
            stage=pl.col("stage_number"),
            owner=pl.col("owner_name"),
            team=pl.col("team"),
            dwell_days=pl.col("dwell_days").floor().cast(pl.Int64),
            slow_after_days=pl.col("slow_after_days").floor().cast(pl.Int64),
            cap_days=pl.col("cap_days"),
            is_over_cap=pl.col("is_over_cap"),
            is_slow=pl.col("is_slow"),
            is_silent=pl.col("is_silent"),
            silent_days=pl.col("silent_days").floor().cast(pl.Int64),
            last_customer_event_on=_day("last_customer_event_at", zone),
            stall_began_on=_day("stall_began_at", zone),
            stalled_days=pl.col("stalled_days").floor().cast(pl.Int64),
            reason_en=pl.col("leading_reason_en"),
            reason_zh=pl.col("leading_reason_zh"),
            action_en=pl.col("next_action_en"),
            action_zh=pl.col("next_action_zh"),
            attempts=pl.col("reactivation_attempts"),
            last_attempt_on=_day("last_attempt_at", zone),
            responses=pl.col("reactivation_responses"),
            last_response_on=_day("last_response_at", zone),
            recommendation=pl.col("recommendation"),
            untold_en=pl.col("untold_en"),
            untold_zh=pl.col("untold_zh"),
        )
    )


def reasons(stalled: pl.DataFrame, reasons_shown: pl.DataFrame) -> pl.DataFrame:
    """`Tables.stall_reasons`. stalled: what `table` gave."""
    return (
        reasons_shown.join(
            stalled.select("deal_key").with_row_index("stalled"), on="deal_key", how="inner", maintain_order="right"
        )
        .sort("stalled", "reason_number", "reason")
        .select(
            pl.col("stalled").cast(pl.Int64),
            "wording_en",
            "wording_zh",
            pl.col("next_action_en").alias("action_en"),
            pl.col("next_action_zh").alias("action_zh"),
            *(_size(words).alias(f"size_{language}") for language, words in _SIZES.items()),
            "records",
        )
    )


# How much of a reason there is, as `size` counts it: the reason, its size in words.
_SIZES: dict[str, dict[str, str]] = {
    "en": {
        "silent": "{} days",
        "no_decision_maker_met": "{} named",
        "violations_open": "{} open",
        "close_date_pushed": "{} times",
        "champion_gone": "{} gone",
        "single_contact": "{} in the deal",
    },
    "zh": {
        "silent": "{} 天",
        "no_decision_maker_met": "已登记 {} 位",
        "violations_open": "{} 项",
        "close_date_pushed": "{} 次",
        "champion_gone": "{} 位已离开",
        "single_contact": "{} 位",
    },
}


def _size(words: Mapping[str, str]) -> pl.Expr:
    return pl.coalesce(
        pl.when(pl.col("reason") == reason).then(pl.format(pattern, "size")) for reason, pattern in words.items()
    )


def _day(instant: str, zone: ZoneInfo) -> pl.Expr:
    """The business date of an instant; one without a zone is UTC."""
    return pl.col(instant).dt.replace_time_zone("UTC").dt.convert_time_zone(zone.key).dt.date()
