"""What moved the pipeline and its forecast: tonight against earlier published nights."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from orchestration.components.catalogue import measured
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.defs.forecast.columns import described
from orchestration.forecasting.movement import METHOD, changed_positions, history, no_positions
from orchestration.movement import KEPT, forecast_movement_of_the_night, movement_of_the_night
from orchestration.opening import config_hash
from orchestration.publishing import archive
from quality.standards import tables

POSITIONS = dg.AssetKey("deal_positions")
MOVEMENT = dg.AssetKey("pipeline_movement")
DEALS = dg.AssetKey("pipeline_movement_deals")
FORECAST = dg.AssetKey("forecast_movement")


@dg.multi_asset(
    name="movement",
    specs=[
        dg.AssetSpec(
            key,
            deps=["pipeline_positions", "forecast_deal", "forecast_deal_period", "forecast_period"],
            group_name="forecast",
            kinds={"polars"},
            description=description,
        )
        for key, description in (
            (
                POSITIONS,
                "One row per deal and position that nights knew it in: what it was worth, where it stood, when it was"
                " to close, from the first night that knew so (valid_from) until the first that did not (valid_to,"
                " null for tonight's). Filter valid_from <= night < valid_to for the pipeline as that night knew it;"
                " it misleads where a seller is late, because it says what was known and not what was true.",
            ),
            (
                MOVEMENT,
                "One row per span, funnel, period and bucket: what it did to the open pipeline and to its expected"
                " amount between two nights. change = closing - opening, and the buckets of a period sum to the whole"
                " change, to the cent. Read pushed_out of a quarter beside created: a pipeline that only refills is"
                " not growing. It misleads because a deal has one bucket alone, the first that fits: a deal pushed out"
                " and cut shows as pushed.",
            ),
            (
                DEALS,
                "One row per span and deal in the pipeline of either night or closed between them: its bucket in all"
                " periods together, by month and by quarter, with pushes, slips and pull-ins that nights saw.",
            ),
            (
                FORECAST,
                "One row per span, funnel, period and bucket: why the forecast of the period, by the method that leads"
                " the funnel tonight, is another than on an earlier night. Its opening amounts sum to the total that"
                " led on that night, its closing amounts to tonight's, to the cent. `model` is what time and newly"
                " learned rates did to deals to which nothing happened, and what another method said otherwise where"
                " opening_method is not method. Funnel all has its own method, so funnels need not sum to it.",
            ),
        )
    ],
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
@measured
def movement_assets(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    warehouse.require_night(night.business_date)
    known = archive.history(night.earlier_archives(), KEPT[0])
    known = known if known is not None else no_positions()
    previous = warehouse.read("night.clock", ["previous_as_of_at"]).item()
    tonight = changed_positions(
        warehouse.read("marts.pipeline_positions"), known, night.business_date, previous if known.height else None
    )
    forecast = warehouse.read("forecast.forecast_deal").filter(pl.col("method") == METHOD)
    expected = forecast.select("business_date", "deal_key", "expected_amount").sort("deal_key")
    positions = pl.concat([known, tonight], how="diagonal_relaxed")
    periods = tables(nightly.standards())["periods"]
    moved = movement_of_the_night(night, positions, expected, config_hash(night), periods)
    brought, leading = (warehouse.read(f"forecast.{name}_tonight") for name in ("brought", "leading"))
    written = {
        "deal_positions": history(positions),
        "pipeline_movement": moved.sums,
        "pipeline_movement_deals": moved.deals,
        "forecast_movement": forecast_movement_of_the_night(night, brought, leading, moved.deals, periods),
    }
    left = {"positions_tonight": tonight, "expected_tonight": expected}
    warehouse.write("forecast", {**written, **left})
    for key in (POSITIONS, MOVEMENT, DEALS, FORECAST):
        table = key.to_user_string()
        yield dg.MaterializeResult(asset_key=key, metadata=described(table, written[table]))
