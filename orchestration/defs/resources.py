"""The resources of the night. They hand out plain objects, so that tested code never sees Dagster."""

import dagster as dg

from orchestration.components.nightly import Nightly


@dg.definitions
def resources() -> dg.Definitions:
    return dg.Definitions(resources={"nightly": Nightly()})
