"""CPU, memory and seconds of the backtest of all methods on 24 past dates, as a ratio to one forecast of one night.

Run by `make bench`. Both read all that the forecast knows from the warehouse. What methods said of past dates is not
kept from an earlier run, so all of it is worked out: the first night of a company pays that, later ones hardly.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from funnel import BUSINESS_DATE, dbt, open_night
from measuring import Bar, bench, costs, in_own_process, in_turns, write_demo

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestration.forecasting.inputs import ForecastHistory

DATES = 24
# Less than the forecasts of as many nights one after the other, and two minutes, as was promised for 100,000 deals.
BAR = Bar(cpu_ratio=DATES, memory_mb=2500, wall_seconds=120)


def compare(root: Path, deals: int, rounds: int) -> bool:
    write_demo(root, deals, until=BUSINESS_DATE)
    in_own_process(__file__, root, "opening")
    print(f"{deals:,} deals")
    return in_turns(__file__, root, ("one_night", "backtest"), rounds, BAR)


def opening(root: Path) -> None:
    open_night(root)
    dbt(root, "--select", "+stageproof.marts.forecast_inputs")


def one_night(root: Path) -> None:
    from orchestration.forecasting.backtest import DRAWS
    from orchestration.forecasting.forecast import forecast
    from orchestration.forecasting.inputs import ALL
    from orchestration.forecasting.registry import METHODS

    read = _reading(root)
    costs(lambda: forecast(read().inputs(), METHODS, draws=DRAWS, scopes=(ALL,)))


def all_dates(root: Path) -> None:
    from orchestration.forecasting.track_record import track_record

    read = _reading(root)

    def run() -> None:
        history = read()
        assert len(history.as_of_dates) == DATES
        track_record(history)

    costs(run)


def _reading(root: Path) -> "Callable[[], ForecastHistory]":
    """Reads as a night does; what that imports is imported now."""
    os.environ["STAGEPROOF_HOME"] = str(root)
    from orchestration.components.nightly import Nightly
    from orchestration.defs.forecast.forecast import known

    nightly = Nightly()
    return lambda: known(nightly.night(str(BUSINESS_DATE)), nightly.warehouse())


if __name__ == "__main__":
    sys.exit(bench(__doc__, 100_000, {"opening": opening, "one_night": one_night, "backtest": all_dates}, compare))
