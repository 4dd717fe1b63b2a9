"""Which nights are compared, and what they left: joins the archive of nights to the comparison of two of them.

For those who compare nights, in Dagster or on the command line. No arithmetic; writes nothing.
"""

from collections.abc import Sequence
from datetime import UTC, date
from pathlib import Path

import polars as pl

from orchestration.forecasting.forecast_movement import SUMS, Said, forecast_movement
from orchestration.forecasting.inputs import ALL
from orchestration.forecasting.movement import (
    EXPECTED,
    POSITIONS,
    Movement,
    NightState,
    default_pairs,
    movement,
)
from orchestration.night import Home, Night, published_archives, read_record
from orchestration.opening import InputRefused
from orchestration.publishing import archive

# What a night must have left to be compared with: its changed positions, and what its open deals were to bring.
KEPT = ("positions", "expected")
BROUGHT, LEADING = "forecast_brought", "forecast_leading"
# Nights of before they kept who led kept what this method said.
_LED_ONCE = "timed"


def movement_of_the_night(
    night: Night, positions: pl.DataFrame, expected: pl.DataFrame, config_hash: str, periods: pl.DataFrame
) -> Movement:
    """Tonight against the last night, a week ago, and the nights before the running month and quarter began."""
    closing = NightState(night.business_date, night.as_of_at.replace(tzinfo=None), config_hash, expected)
    kept = {date.fromisoformat(folder.name): folder for folder in night.earlier_archives() if _is_kept(folder)}
    running = periods.filter(pl.lit(night.business_date).is_between("period_start", "period_end"))
    starts = [(f"{kind}_to_date", start) for kind, start in running.select("period_kind", "period_start").iter_rows()]
    made = [
        movement(positions, _state(kept[opened]), closing, span)
        for span, opened in default_pairs(list(kept), night.business_date, starts)
    ]
    nothing = movement(pl.DataFrame(schema=POSITIONS), closing, closing, "none")
    return Movement(
        deals=pl.concat([nothing.deals, *(each.deals for each in made)]),
        sums=pl.concat([nothing.sums, *(each.sums for each in made)]),
    )


def forecast_movement_of_the_night(
    night: Night, brought: pl.DataFrame, leading: pl.DataFrame, moved: pl.DataFrame, periods: pl.DataFrame
) -> pl.DataFrame:
    """Why the forecast is another than on each night of `movement_of_the_night` that kept what deals were to bring.

    brought, leading: what tonight leaves under those names.
    """
    closing = Said(brought, dict(leading.select("funnel", "method").iter_rows()))
    quarters = periods.filter(pl.col("period_kind") == "quarter").select("period_start", "period_end")
    kept = {date.fromisoformat(folder.name): folder for folder in night.earlier_archives()}
    made = [pl.DataFrame(schema=SUMS)]
    for (_, opened), pair in moved.group_by("span", "opening_night", maintain_order=True):
        before = _said(kept[opened]) if isinstance(opened, date) and opened in kept else None
        if before is not None:
            made.append(forecast_movement(before, closing, pair, quarters))
    return pl.concat(made)


def _said(folder: Path) -> Said | None:
    """What a night left of what its deals were to bring; null where it left nothing."""
    brought, leading = archive.history([folder], BROUGHT), archive.history([folder], LEADING)
    if brought is None:
        return None
    if leading is None:
        funnels = [ALL, *brought["funnel"].unique()]
        return Said(brought.with_columns(method=pl.lit(_LED_ONCE)), dict.fromkeys(funnels, _LED_ONCE))
    return Said(brought, dict(leading.select("funnel", "method").iter_rows()))


def between(home: Home, opened: date, closed: date) -> Movement:
    """Any two published nights.

    Raises:
        InputRefused: one of them was not published, or the first is not before the second.
    """
    folders = published_archives(home)
    kept = {date.fromisoformat(folder.name): folder for folder in folders if _is_kept(folder)}
    for night in (opened, closed):
        if night not in kept:
            raise InputRefused(f"No night of {night} is published that can be compared; see: stageproof nights")
    if opened >= closed:
        raise InputRefused(f"--from {opened} is not before --to {closed}")
    positions = archive.history([folder for night, folder in kept.items() if night <= closed], KEPT[0])
    if positions is None:
        raise InputRefused(f"No night up to {closed} has kept a position")
    return movement(positions, _state(kept[opened]), _state(kept[closed]), "asked")


def _is_kept(folder: Path) -> bool:
    return all((folder / f"{name}.parquet").exists() for name in KEPT)


def _state(folder: Path) -> NightState:
    record = read_record(folder)
    found: Sequence[Path] = [folder]
    expected = archive.history(found, KEPT[1])
    return NightState(
        business_date=record.business_date,
        as_of_at=record.as_of_at.astimezone(UTC).replace(tzinfo=None),
        config_hash=record.config_hash,
        expected=expected if expected is not None else pl.DataFrame(schema=EXPECTED),
    )
