"""Worlds of the demo in which something became worse: only that, only from that day on, and not by default."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from orchestration.demo import company
from orchestration.demo.change import FORTNIGHT_DAYS, Change
from orchestration.demo.world import World, simulate

SINCE, ON, DEALS = date(2023, 1, 1), date(2024, 7, 1), 4000
CHANGED_AT = datetime(2024, 7, 1, tzinfo=UTC)


def world(**worse: float) -> World:
    return simulate(5, DEALS, SINCE, Change(ON, **worse))


@pytest.fixture(scope="module")
def usual() -> World:
    return world()


def before_and_after(rows: pl.DataFrame, instant: str, value: pl.Expr) -> tuple[float, float]:
    """The mean of a value before the change and since."""
    since, mean = (pl.col(instant) >= CHANGED_AT).alias("since"), value.cast(pl.Float64).mean().alias("mean")
    found = dict(rows.group_by(since).agg(mean).iter_rows())
    return found[False], found[True]


def visits(world: World) -> pl.DataFrame:
    """First entries into open stages, with days in them and where they led."""
    moves = world.changes.filter(pl.col("kind") == "stage").select(
        "deal", pl.col("stage").to_physical().alias("stage"), "changed_at"
    )
    following = moves.with_columns(
        pl.col("changed_at").shift(-1).over("deal").alias("left_at"), pl.col("stage").shift(-1).over("deal").alias("to")
    )
    days = (pl.col("left_at") - pl.col("changed_at")).dt.total_seconds() / 86_400
    until = datetime(2025, 6, 30, tzinfo=UTC)
    return following.filter((pl.col("stage") < company.OPEN_STAGES) & (pl.col("changed_at") < until)).with_columns(
        days=days.fill_null(999.0)
    )


def poor_fit(world: World) -> tuple[float, float]:
    deals = world.truth.join(world.deals.select("deal", "lead_source"), on="deal")
    return before_and_after(deals, "created_at", (pl.col("icp_score") < 60) | (pl.col("lead_source") == "Outbound"))


def unmet(world: World) -> tuple[float, float]:
    return before_and_after(world.gates, "passed_at", ~pl.col("is_met"))


def long(world: World) -> tuple[float, float]:
    return before_and_after(visits(world), "changed_at", pl.col("days") > 60)


def given_up(world: World) -> tuple[float, float]:
    return before_and_after(visits(world), "changed_at", (pl.col("days") < 6) & (pl.col("to") == company.LOST))


def untouched(world: World) -> tuple[float, float]:
    touches = world.activities.filter(pl.col("activity_type").is_in(["call", "email"]))
    first = visits(world).filter(pl.col("days") > FORTNIGHT_DAYS + 7).with_row_index("visit")
    near = first.join(touches.select("deal", "occurred_at"), on="deal").filter(
        (pl.col("occurred_at") >= pl.col("changed_at"))
        & (pl.col("occurred_at") < pl.col("changed_at") + pl.duration(days=14))
    )
    marked = first.with_columns(pl.col("visit").is_in(near["visit"].unique().implode()).not_().alias("untouched"))
    return before_and_after(marked, "changed_at", pl.col("untouched"))


MEASURES = {
    "poor_leads": (0.7, poor_fit),
    "less_proof": (3.0, unmet),
    "more_stalls": (0.2, long),
    "more_early_closes": (0.15, given_up),
    "fewer_touches": (0.65, untouched),
}


def test_with_nothing_worse_nothing_changes_on_the_day(usual: World) -> None:
    for _, measure in MEASURES.values():
        before, after = measure(usual)
        assert after == pytest.approx(before, abs=0.03)


@pytest.mark.parametrize("worse", MEASURES)
def test_what_is_worse_is_so_from_the_day_on_and_nothing_else_is(worse: str, usual: World) -> None:
    amount, own = MEASURES[worse]
    changed = world(**{worse: amount})
    for name, (_, measure) in MEASURES.items():
        before, after = measure(changed)
        assert before == pytest.approx(measure(usual)[0], abs=0.03), name
        if measure is own:
            assert after > before + 0.1
        else:
            assert after == pytest.approx(measure(usual)[1], abs=0.05), name


def test_a_changed_world_is_the_same_whenever_it_is_asked_for() -> None:
    assert world(more_stalls=0.2).changes.equals(world(more_stalls=0.2).changes)


def test_the_company_is_the_same_with_a_change_and_without() -> None:
    ordinary, watched = simulate(5, 300, SINCE), simulate(5, 300, SINCE, Change(ON))
    assert ordinary.accounts.equals(watched.accounts)
    who = ["deal", "account", "owner", "created_at"]
    assert ordinary.deals.select(who).equals(watched.deals.select(who))
    assert not ordinary.activities.equals(watched.activities)
