"""Keeps what really was beside the extracts, as Parquet, so that tests can compare what the pipeline finds with it.

The nightly pipeline never reads it. Files: `deals` (latent values and what became of each deal in the end),
`gates` (each passage of a gate and whether its proof was there in time), `parameters`, `transitions` and `hazards`
(of the true model, for a deal whose facts are all average).
"""

from pathlib import Path

import polars as pl

from orchestration.demo import hazards
from orchestration.demo.files import replace_atomically
from orchestration.demo.render import DEAL_ID
from orchestration.demo.world import World

# Two years of weeks: longer visits are too few for a hazard to be told from chance.
HAZARD_WEEKS = 104
MOST_UNPROVEN = 3


def truth_tables(world: World) -> dict[str, pl.DataFrame]:
    """The tables of truth by name; `unproven` counts the criteria that a deal passed without proof."""
    unproven = range(MOST_UNPROVEN + 1)
    return {
        "deals": world.truth.select(DEAL_ID, pl.exclude("deal")),
        "gates": world.gates.select(DEAL_ID, pl.exclude("deal")),
        "parameters": hazards.parameters(),
        "transitions": pl.concat(hazards.transitions(count) for count in unproven),
        "hazards": pl.concat(hazards.weekly_hazards(HAZARD_WEEKS, count) for count in unproven),
    }


def write_truth(world: World, folder: Path) -> None:
    """Write one Parquet file for each table of truth, replacing what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in truth_tables(world).items():
        replace_atomically(folder / f"{name}.parquet", table.write_parquet)
