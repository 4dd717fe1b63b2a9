"""Which night's warehouse or served file the methods are tried on: joins them to the track record.

For those who ask how good forecasts were on the command line. No arithmetic; writes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from orchestration.forecasting.accuracy import BACKTEST, NIGHT, reading_order
from orchestration.forecasting.inputs import INPUT_TABLES, read_history
from orchestration.forecasting.registry import METHODS
from orchestration.forecasting.track_record import track_record
from orchestration.night import Home, published_archives
from orchestration.opening import InputRefused
from orchestration.publishing import archive
from orchestration.warehouse import read_served

SHOWN = ("forecast_accuracy", "forecast_calibration")


@dataclass(frozen=True, eq=False)
class Told:
    """How good forecasts were as a night knew it: its date, and the tables of SHOWN in the order they are read in."""

    business_date: date
    accuracy: pl.DataFrame
    calibration: pl.DataFrame


def told(home: Home, business_date: date | None, begun: Callable[[date], None] = lambda _: None) -> Told:
    """Try the methods on the night that the warehouse holds; of another night, read what it published.

    Args:
        business_date: the night; the one in the warehouse by default.
        begun: is called with each past as-of date as it is tried.

    Raises:
        InputRefused: the night is neither built nor published, kept no accuracy, or has no past to try.
    """
    built = _built_night(home.warehouse)
    asked = built if business_date is None else business_date
    if asked is None:
        raise InputRefused("No night has been built yet. Run one: stageproof night")
    accuracy, calibration = _tried(home, asked, begun) if asked == built else _published(home, asked)
    names = [method.name for method in METHODS]
    return Told(
        asked, accuracy.sort(reading_order(accuracy, names)), calibration.sort(reading_order(calibration, names))
    )


def of_funnel(tables: Told, funnel: str) -> Told:
    """The rows of one funnel, or of `all`.

    Raises:
        InputRefused: there is no such funnel; the sentence names those there are.
    """
    known = tables.accuracy["funnel"].unique().sort().to_list()
    if funnel not in known:
        raise InputRefused(f"--funnel {funnel}: the night of {tables.business_date} tells of {', '.join(known)}")
    chosen = pl.col("funnel") == funnel
    return Told(tables.business_date, tables.accuracy.filter(chosen), tables.calibration.filter(chosen))


def measures(tables: Told, part: str, lead: str | None = None) -> list[tuple[str, list[dict[str, Any]]]]:
    """(title, rows of forecast_accuracy) of a part: of the backtest, and of what nights said where any of it came.

    lead: one lead bucket; all of them by default.
    """
    titles = {BACKTEST: "Backtest", NIGHT: "What published nights said"}
    rows = tables.accuracy.filter((pl.col("part") == part) & ((pl.col("source") == BACKTEST) | (pl.col("n") > 0)))
    if lead is not None:
        rows = rows.filter(pl.col("lead_bucket") == lead)
    by_source = [(title, rows.filter(pl.col("source") == source).to_dicts()) for source, title in titles.items()]
    return [(title, found) for title, found in by_source if found]


def chances(tables: Told) -> list[dict[str, Any]]:
    """Rows of forecast_calibration over all bins."""
    return tables.calibration.filter(pl.col("bin") == 0).to_dicts()


def _tried(home: Home, built: date, begun: Callable[[date], None]) -> tuple[pl.DataFrame, ...]:
    schemas = {table: "marts" if table.startswith("forecast_") else "standards" for table in INPUT_TABLES}
    history = read_history({name: _read(home.warehouse, f"{schema}.{name}") for name, schema in schemas.items()}, built)
    if not history.as_of_dates:
        raise InputRefused(f"The night of {built} knows no month before its own that forecasts could be tried on")
    folders = [folder for folder in published_archives(home) if folder.name < str(built)]
    made = track_record(history, archive.words(folders), begun=begun)
    return tuple(made.tables[name] for name in SHOWN)


def _published(home: Home, asked: date) -> tuple[pl.DataFrame, ...]:
    served = home.served / "nights" / f"{asked}.duckdb"
    if not served.exists():
        raise InputRefused(f"No night of {asked} is built or published; see: stageproof nights")
    held = set(read_served(served, "information_schema.tables", ["table_name"])["table_name"])
    if not held.issuperset(SHOWN):
        raise InputRefused(f"The night of {asked} kept no accuracy; run it again: stageproof night --date {asked}")
    return tuple(read_served(served, name) for name in SHOWN)


def _built_night(warehouse: Path) -> date | None:
    if not warehouse.exists():
        return None
    found: date = _read(warehouse, "night.clock")["business_date"].item()
    return found


def _read(warehouse: Path, table: str) -> pl.DataFrame:
    """A table of the warehouse, opened as a reader.

    Raises:
        InputRefused: a night is being built at this moment, or the warehouse is of before the table.
    """
    try:
        return read_served(warehouse, table)
    except Exception as error:
        # By name: no module but the warehouse knows the database.
        sentences = {
            "IOException": "The warehouse is in use; try again when the night has ended",
            "CatalogException": f"The warehouse holds no {table}; run the night again: stageproof night",
        }
        sentence = sentences.get(type(error).__name__)
        if sentence is None:
            raise
        raise InputRefused(sentence) from error
