"""What won deals have in common on their way, and what that asks of the funnel.

Belongs here: choosing, naming and ordering what `milestone_candidates` and `stage_design_review` hold; pure. Not here:
any lift or finding, nor the funnel file that a proposal is (`stageproof propose-funnel`).
"""

from collections.abc import Mapping, Sequence

import polars as pl

from orchestration.publishing.insights_page.names import MILESTONE_VERDICTS, NOTHING, QUESTIONS
from orchestration.publishing.insights_page.ordering import place

SHARE_PLACES = 6


def milestones(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame, funnels: Sequence[str]) -> pl.DataFrame:
    """`Tables.milestones`: found ones first, the largest difference first."""
    usual = places.select("funnel", pl.col("stage").alias("usual_stage"), "stage_place")
    return (
        _viewed(tables["milestone_candidates"], funnels)
        .join(usual, on=["funnel", "usual_stage"], how="left", maintain_order="left")
        .with_columns(place=place("verdict", MILESTONE_VERDICTS))
        .sort(
            "view",
            "place",
            pl.col("win_rate_difference").is_null(),
            -pl.col("win_rate_difference"),
            "milestone",
        )
        .select(
            "view",
            *("milestone", "subject", "subject_key", "contact_role", "verdict", "asked_by"),
            pl.col("won_deals").alias("won"),
            pl.col("won_with_deals").alias("won_with"),
            pl.col("lost_deals").alias("lost"),
            pl.col("lost_with_deals").alias("lost_with"),
            *(
                pl.col(f"{side}_share{end}").round(SHARE_PLACES)
                for side in ("won", "lost")
                for end in ("", "_low", "_high")
            ),
            pl.col("win_rate_difference").round(SHARE_PLACES).alias("difference"),
            pl.col("win_rate_difference_low").round(SHARE_PLACES).alias("low"),
            pl.col("win_rate_difference_high").round(SHARE_PLACES).alias("high"),
            pl.col("win_rate_with").round(SHARE_PLACES).alias("rate_with"),
            pl.col("win_rate_without").round(SHARE_PLACES).alias("rate_without"),
            pl.col("compared_deals").alias("n"),
            pl.col("lift", "lift_low", "lift_high", "naive_lift").round(3),
            *(pl.col(f"days_before_close_{point}").round(1).alias(f"days_{point}") for point in ("p25", "p50", "p75")),
            pl.col("stage_place").alias("stage"),
            pl.col("usual_stage_share").round(SHARE_PLACES).alias("stage_share"),
            pl.col("order_stability").round(SHARE_PLACES),
            pl.col("ordered_pairs"),
        )
    )


def changes(tables: Mapping[str, pl.DataFrame], places: pl.DataFrame, funnels: Sequence[str]) -> pl.DataFrame:
    """`Tables.changes`: what the funnel should do otherwise first, then by question, in the order of the funnel."""
    stage = places.select("funnel", "stage", "stage_place")
    criteria = tables["criterion_efficacy"].select("criterion_id", "wording_en", "wording_zh").sort(pl.all())
    return (
        _viewed(tables["stage_design_review"], funnels)
        .join(stage, on=["funnel", "stage"], how="left", maintain_order="left")
        .join(
            stage.rename({"stage": "other_stage", "stage_place": "other_place"}),
            on=["funnel", "other_stage"],
            how="left",
            maintain_order="left",
        )
        .join(
            criteria.unique("criterion_id", keep="first", maintain_order=True),
            on="criterion_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            is_proposed=pl.col("is_proposed").fill_null(value=False),
            place=place("question", QUESTIONS),
            is_nothing=pl.col("finding") == NOTHING,
        )
        .sort("view", ~pl.col("is_proposed"), "is_nothing", "place", "stage_place", "finding", "subject")
        .select(
            "view",
            *("question", "finding", "is_proposed", "subject"),
            pl.coalesce("wording_en", "criterion_id").alias("wording_en"),
            pl.coalesce("wording_zh", "criterion_id").alias("wording_zh"),
            *("milestone", "gate"),
            pl.col("stage_place").alias("stage"),
            pl.col("other_place").alias("other_stage"),
            pl.col("deals").alias("n"),
            pl.col("win_rate_with").round(SHARE_PLACES).alias("rate_with"),
            pl.col("win_rate_without").round(SHARE_PLACES).alias("rate_without"),
            pl.col("win_rate_difference").round(SHARE_PLACES).alias("difference"),
            pl.col("win_rate_difference_low").round(SHARE_PLACES).alias("low"),
            pl.col("win_rate_difference_high").round(SHARE_PLACES).alias("high"),
            pl.col("lift", "lift_low", "lift_high").round(3),
            "dropoff_deals",
            pl.col(
                *("dropoff_share", "dropoff_share_low", "dropoff_share_high"),
                *("visited_share", "other_visited_share", "milestone_share"),
            ).round(SHARE_PLACES),
            pl.col("median_stay_days").round(4).alias("stay_days"),
            pl.col("other_median_stay_days").round(4).alias("other_stay_days"),
            "gate_criteria",
            pl.col("median_days_before_milestone").round(1).alias("days_before"),
            pl.col("median_days_after_milestone").round(1).alias("days_after"),
            "examined",
            pl.col("examined_without_history").alias("untold"),
            "traced_by",
        )
    )


def _viewed(rows: pl.DataFrame, funnels: Sequence[str]) -> pl.DataFrame:
    """Rows of the funnels that are shown, with the view of each."""
    return rows.filter(pl.col("funnel").is_in(list(funnels))).with_columns(view=place("funnel", funnels))
