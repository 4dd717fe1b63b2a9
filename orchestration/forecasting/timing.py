"""When deals will be won: the multi-state model of one as-of date, asked about any rows of deals.

Belongs here: bringing counts, hazards and solution together, and looking deals up in it. Not here: how hazards are
estimated (`hazards.py`), the recursion (`multistate.py`), amounts, periods.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from orchestration.forecasting.inputs import ForecastInputs

Floats = npt.NDArray[np.float64]


def chances_by(inputs: ForecastInputs, deals: pl.DataFrame, days: Sequence[int]) -> Floats:
    """P(won by the end of the nth day after as-of) for each row of `deals` and each n of `days`.

    Args:
        inputs: what is known; only its hazard_counts, stages and minimum_n are read.
        deals: any rows with the columns funnel, segment, stage (String) and days_in_stage (Float64, null where
            unknown); open deals of tonight or past ones. Never reordered.
        days: offsets in days from 0 (won by as-of: 0 for what is open) on, in any order.

    Returns:
        Float64 of shape (rows of deals, len(days)), 0 to 1, never falling in the day; NaN in a row whose funnel or
        stage has too little history to tell (see `Timing.win_rates`).
    """
    raise NotImplementedError
