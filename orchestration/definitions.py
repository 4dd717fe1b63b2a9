"""The entry point of `dagster dev`, `dg` and `stageproof night`: loads defs/ and applies policy. Nothing else."""

import warnings
from functools import partial
from pathlib import Path

import dagster as dg

from orchestration.components.catalogue import catalogued, nightly_freshness
from orchestration.components.step_lines import step_lines
from orchestration.night import home_from_environment

# Set before anything is loaded, so that dbt and every asset name one home.
home_from_environment()


@dg.definitions
def defs() -> dg.Definitions:
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    with warnings.catch_warnings():
        # The function is marked as a preview; the graph's tests fail should it change.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        told = loaded.map_asset_specs(func=partial(catalogued, late=nightly_freshness()))
    # One process for a night: starting one for each step would import everything again, at ten times the cost.
    policy = dg.Definitions(
        executor=dg.in_process_executor,
        loggers={"console": dg.colored_console_logger, "step_lines": step_lines},
    )
    return dg.Definitions.merge(told, policy)
