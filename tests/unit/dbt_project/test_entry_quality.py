"""How leads are scored: a campaign that lives in one quarter is not scored by the quarter that it is to explain."""

import random
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from compiled_models import compile_models
from criteria_worlds import BUSINESS_DATE, RANDOM_FUNNELS, Made, write_standards

from orchestration.insights.causes import Settings, conversion_causes
from orchestration.insights.sentences import Stage

QUARTERS = [date(2025, 10, 1), date(2025, 7, 1)]
MINIMUM_N, SHRINKAGE = 30, 20
Deals = list[dict[str, Any]]


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Deals], pl.DataFrame]:
    """Deals with their class."""
    root = tmp_path_factory.mktemp("quality")
    write_standards(Made(RANDOM_FUNNELS, minimum_n=MINIMUM_N, shrinkage=SHRINKAGE), root / "standards")
    models = compile_models(root, root / "standards", BUSINESS_DATE, ("int_entry_quality",))
    schema = next(each.schema for each in models.models if each.name == "int_entry_quality")

    def classed(deals: Deals) -> pl.DataFrame:
        frame = pl.DataFrame(deals)
        traits = frame.select("deal_key", "icp_band_at_creation", "lead_source")
        models.rebuild({"int_stage_entries": frame, "int_compared_deals": traits})
        scored = models.warehouse.read(f"{schema}.int_entry_quality")
        return frame.join(scored, on=["funnel", "stage", "icp_band_at_creation", "lead_source"])

    return classed


def campaigns(seed: int, weak_now: float = 0.5) -> Deals:
    """Two quarters of 600 deals, each with its own campaigns of some ten deals; leads of band C go on seldom."""
    draw = random.Random(seed)
    found = []
    for back, quarter in enumerate(QUARTERS):
        luck = draw.uniform(-0.1, 0.1) if weak_now == 0.5 else 0.0
        for number in range(600):
            is_weak = draw.random() < (0.5 if back else weak_now)
            found.append(
                {
                    "deal_key": f"{back}-{number}",
                    "funnel": f"f{seed}",
                    "stage": "one",
                    "entered_quarter": quarter,
                    "icp_band_at_creation": "C" if is_weak else "A",
                    "lead_source": f"campaign {back}-{draw.randrange(60)}",
                    "is_advanced": draw.random() < (0.3 if is_weak else 0.7) + luck,
                }
            )
    return found


def named(classed: pl.DataFrame) -> dict[str, set[str]]:
    """By funnel, what is named of the latest quarter against the one before."""
    counted = classed.group_by("funnel", "entered_quarter", "quality_class").agg(
        pl.len().alias("deals"), pl.col("is_advanced").sum().alias("advanced")
    )
    member = pl.col("entered_quarter").cast(pl.String)
    cells = counted.select(
        *("funnel", "quality_class", member.alias("member"), member.alias("member_name")),
        pl.col("deals", "advanced").cast(pl.Int64),
        *(pl.lit(each).alias(name) for name, each in (("stage", "one"), ("scope", "quarter"))),
        pl.lit(1).alias("stage_rank"),
        pl.lit(30.0).alias("horizon_days"),
        (pl.col("entered_quarter") != QUARTERS[0]).cast(pl.Int64).alias("quarters_back"),
        pl.lit(False).alias("has_loose_owner"),
        *(
            pl.lit(each).alias(name)
            for name, each in (
                ("criteria_missed", ""),
                ("criteria_not_known", ""),
                ("cadence_class", "often"),
                ("pace_class", "flowing"),
            )
        ),
    )
    funnels = cells["funnel"].unique().to_list()
    stages = {(funnel, "one"): Stage("One", "一") for funnel in funnels}
    found = conversion_causes(cells, Settings(MINIMUM_N, SHRINKAGE, stages), BUSINESS_DATE)
    told: dict[str, set[str]] = {funnel: set() for funnel in funnels}
    for row in found.filter("is_named", pl.col("comparison") == "previous_quarter").iter_rows(named=True):
        told[row["funnel"]].add(row["cause"])
    return told


def test_campaigns_of_one_quarter_are_not_named_for_what_the_quarter_brought(
    classes: Callable[[Deals], pl.DataFrame],
) -> None:
    """Quarters differ by up to twenty points, for a reason that is none of the leads'."""
    told = named(classes([deal for seed in range(20) for deal in campaigns(seed)]))
    assert len(told) == 20
    assert [funnel for funnel, causes in told.items() if "lead_quality" in causes] == []
    assert any("within_segments" in causes for causes in told.values())


def test_worse_leads_are_named_among_campaigns_of_one_quarter_too(
    classes: Callable[[Deals], pl.DataFrame],
) -> None:
    told = named(classes([deal for seed in range(20) for deal in campaigns(seed, 0.9)]))
    assert set(map(frozenset, told.values())) == {frozenset({"lead_quality"})}


def test_a_source_of_both_quarters_has_a_score_of_its_own(classes: Callable[[Deals], pl.DataFrame]) -> None:
    deals = campaigns(0)
    for number, deal in enumerate(deals):
        deal["lead_source"] = ("partner" if number % 600 < 30 else "web") if number % 600 < 300 else deal["lead_source"]
        deal["is_advanced"] |= deal["lead_source"] == "partner"
    scores = classes(deals).filter(pl.col("icp_band_at_creation") == "A").group_by("lead_source").agg("score")
    of_source = {row["lead_source"]: set(row["score"]) for row in scores.iter_rows(named=True)}
    campaign = {score for source, found in of_source.items() if source.startswith("campaign") for score in found}
    assert len(campaign) == 1
    assert min(of_source["partner"]) > max(campaign)
