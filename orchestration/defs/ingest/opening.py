"""The first tables of a night: what the company has decided, what time it is, and what is known."""

from collections.abc import Iterator

import dagster as dg

from orchestration.components.catalogue import COLUMNS, described, measured
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.night import standards_from_environment
from orchestration.opening import clock, known_inputs, mappings, refuse_without_deals
from quality.standards import load, tables


def standards_specs() -> list[dg.AssetSpec]:
    """One asset for each table of the standards. A function, because Dagster takes a list of specs for assets."""
    return [
        dg.AssetSpec(
            ["standards", name],
            group_name="standards",
            kinds={"yaml"},
            description=f"What quality/standards says, as the table {name}.",
            metadata={COLUMNS: described(dg.AssetKey(["standards", name]), frame)[COLUMNS]},
        )
        for name, frame in tables(load(standards_from_environment())).items()
    ]


def raw_keys() -> list[dg.AssetKey]:
    return [
        dg.AssetKey([f"raw_{crm}", name]) for crm, mapping in mappings().items() for name in mapping.resolved_objects()
    ]


@dg.multi_asset(specs=standards_specs(), partitions_def=nightly_partitions(), backfill_policy=ONE_NIGHT_A_RUN)
@measured
def standards(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
    written = tables(nightly.standards())
    nightly.warehouse().write("standards", written)
    for name, frame in written.items():
        key = dg.AssetKey(["standards", name])
        yield dg.MaterializeResult(asset_key=key, metadata=described(key, frame))


@dg.multi_asset(
    name="opening",
    specs=[
        dg.AssetSpec(
            ["night", name], deps=raw_keys(), group_name="ingest", kinds={"polars", "duckdb"}, description=description
        )
        for name, description in (
            ("clock", "One row: the date and as-of of the night."),
            ("inputs", "One row per CRM, mapped object and neutral object: what was last given of it, and when."),
        )
    ],
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
@measured
def opening(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
    night = nightly.night(context.partition_key)
    refuse_without_deals(night)
    written = {"clock": clock(night), "inputs": known_inputs(night)}
    nightly.warehouse().write("night", written)
    for name, frame in written.items():
        key = dg.AssetKey(["night", name])
        yield dg.MaterializeResult(asset_key=key, metadata=described(key, frame))
