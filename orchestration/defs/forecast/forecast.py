"""The forecast methods run on the inputs that dbt prepared."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.forecasting.forecast import forecast
from orchestration.forecasting.inputs import INPUT_TABLES, read_inputs
from orchestration.publishing.archive import history

DEALS = dg.AssetKey("forecast_deal")
PERIODS = dg.AssetKey("forecast_period")


def is_mart(table: str) -> bool:
    return table.startswith("forecast_")


def input_keys() -> list[dg.AssetKey]:
    return [dg.AssetKey(table if is_mart(table) else ["standards", table]) for table in INPUT_TABLES]


@dg.multi_asset(
    name="forecast",
    specs=[
        dg.AssetSpec(
            DEALS,
            deps=input_keys(),
            group_name="forecast",
            kinds={"polars"},
            description="One row per method and open deal: its chance, and what that chance is worth.",
        ),
        dg.AssetSpec(
            PERIODS,
            deps=input_keys(),
            group_name="forecast",
            kinds={"polars"},
            description="One row per published night, method, funnel and period: won so far, open, and their sum.",
        ),
    ],
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
def forecast_assets(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    schemas = {table: "marts" if is_mart(table) else "standards" for table in INPUT_TABLES}
    inputs = read_inputs(
        {table: warehouse.read(f"{schema}.{table}") for table, schema in schemas.items()}, night.business_date
    )
    made = forecast(inputs)
    earlier = history(night.earlier_archives(), "forecast_period")
    periods = pl.concat([earlier, made.periods], how="diagonal_relaxed") if earlier is not None else made.periods
    warehouse.write(
        "forecast",
        {"forecast_deal": made.deals, "forecast_period": periods, "forecast_period_tonight": made.periods},
    )
    yield dg.MaterializeResult(asset_key=DEALS, metadata={"dagster/row_count": made.deals.height})
    yield dg.MaterializeResult(asset_key=PERIODS, metadata={"dagster/row_count": periods.height})
