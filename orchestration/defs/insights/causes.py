"""Why deals go on from a stage more seldom, or more often, than they did or than those of others."""

from collections.abc import Iterator

import dagster as dg

from orchestration.components.catalogue import measured
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.defs.insights.columns import described
from orchestration.insights.causes import Settings, cause_deals, conversion_causes, criterion_wordings, stage_names
from quality.standards import tables

CAUSES = "conversion_causes"
DEALS = "conversion_cause_deals"


DESCRIPTIONS = {
    CAUSES: (
        "One row per funnel, stage, comparison, focus and cause: how much of the difference between two groups'"
        " conversion each of five causes makes, with intervals; the five add up to the difference exactly. Only"
        " what is_named can be told apart from chance. It misleads as any comparison of what was not allotted"
        " by lot does: a cause that nobody measures, and that goes with one that is, is counted as that one."
    ),
    DEALS: (
        "One row per funnel, stage, comparison, focus, cause that is named and deal behind it: the deals of the"
        " focus in the classes that speak for the cause, with what was measured of each."
    ),
}


@dg.multi_asset(
    name="causes",
    specs=[
        dg.AssetSpec(
            key,
            deps=["conversion_cells", "conversion_deals"],
            group_name="insights",
            kinds={"polars"},
            description=description,
        )
        for key, description in DESCRIPTIONS.items()
    ],
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
@measured
def cause_assets(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
    night, warehouse, standards = nightly.night(context.partition_key), nightly.warehouse(), nightly.standards()
    warehouse.require_night(night.business_date)
    company = standards.company
    decided = tables(standards)
    settings = Settings(
        company.minimum_n,
        company.shrinkage_deals,
        stage_names(decided["funnel_stages"]),
        criterion_wordings(decided["criteria"]),
    )
    causes = conversion_causes(warehouse.read("marts.conversion_cells"), settings, night.business_date)
    made = {CAUSES: causes, DEALS: cause_deals(causes, warehouse.read("marts.conversion_deals"))}
    warehouse.write("insights", made)
    for key, frame in made.items():
        yield dg.MaterializeResult(asset_key=key, metadata=described(frame))
