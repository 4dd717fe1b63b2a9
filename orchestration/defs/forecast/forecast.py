"""The forecast methods run on what dbt knows of tonight and of past as-of dates."""

from collections.abc import Iterator
from importlib.metadata import version

import dagster as dg
import polars as pl

from orchestration.components.catalogue import measured
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.defs.forecast.columns import described
from orchestration.forecasting import forecast_movement
from orchestration.forecasting.coverage import coverage
from orchestration.forecasting.forecast import forecast
from orchestration.forecasting.inputs import INPUT_TABLES, ForecastHistory, read_history
from orchestration.forecasting.targets import unplaced_targets
from orchestration.forecasting.track_record import KEYS, track_record
from orchestration.forecasting.widening import widened_tonight
from orchestration.night import Night, code_version
from orchestration.publishing.archive import LATER_WORD, name_of_word, words
from orchestration.publishing.leading import leading
from orchestration.warehouse import Warehouse

DESCRIPTIONS = {
    "forecast_deal": (
        "One row per method and open deal: its chance to be won, when, and what that is worth. Sum expected_amount of"
        " one method alone: methods are answers to one question. win_rate misleads where is_insufficient_history says"
        " that fell_back_to spoke for the method."
    ),
    "forecast_deal_period": (
        "One row per method, open deal and fiscal month it may be won in: the chance of it, and what it is worth."
        " Sums to the open_amount of forecast_period, to the cent."
    ),
    "forecast_period": (
        "One row per published night, method, funnel, scope and period: won so far, open, new business, their total"
        " with its 80 % interval, target and gap. Earlier nights as they first said it, without owners. Intervals are"
        " simulated at each level: that of a sum is narrower than the sum of intervals. Rows of scope all, team, owner"
        " and segment each hold the whole: filter one scope."
    ),
    "forecast_quality": (
        "One row per method, funnel, period and criteria_state: how much of the expected amount rests on deals whose"
        " criteria are met, violated, waived, not evaluated, or that were asked nothing yet."
    ),
    "forecast_coverage": (
        "One row per funnel, scope and period: target, what is to go, the open pipeline closing in the period by the"
        " CRM's dates, and the coverage that history says is required at this point of a period. Commit, best case and"
        " pipeline are rolled up: each holds the one before."
    ),
    "forecast_unplaced_targets": (
        "One row per quota whose span is no fiscal month or quarter, such as a year: nothing is held against it, as a"
        " target is never split. Give it by month or quarter to see gap and coverage."
    ),
    "forecast_reasons": (
        "One row per method that looks at a deal's own facts, open deal and reason: what moves its chance most, by how"
        " many points. Points of different facts do not add up."
    ),
    "forecast_backtest": (
        "One row per past as-of date, method, funnel, period and part: what would have been said on that day, fitted"
        " on what was known then, and what came."
    ),
    "forecast_record": (
        "One row per published night, method, funnel, period and part: what was said when the night was first"
        " published, and what came. Nothing said is ever worked out again."
    ),
    "forecast_accuracy": (
        "One row per source (backtest, or the nights themselves), method, funnel, kind of period, lead time and part:"
        " how far off forecasts were, how often the 80 % interval held, and the champion of each funnel. Few periods"
        " mislead: see is_insufficient_history."
    ),
    "forecast_calibration": (
        "One row per method, funnel, question and tenth of chance: of deals said to be won with such a chance, how many"
        " were."
    ),
}
TRACK_RECORD = tuple(KEYS)
TONIGHT = tuple(name for name in DESCRIPTIONS if name not in TRACK_RECORD)


def is_mart(table: str) -> bool:
    return table.startswith("forecast_")


def input_keys() -> list[dg.AssetKey]:
    return [dg.AssetKey(table if is_mart(table) else ["standards", table]) for table in INPUT_TABLES]


def known(night: Night, warehouse: Warehouse) -> ForecastHistory:
    """All that forecasting may know of tonight and of the past as-of dates."""
    warehouse.require_night(night.business_date)
    schemas = {table: "marts" if is_mart(table) else "standards" for table in INPUT_TABLES}
    return read_history(
        {table: warehouse.read(f"{schema}.{table}") for table, schema in schemas.items()}, night.business_date
    )


def spec(table: str, *further: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table,
        deps=[*input_keys(), *further],
        group_name="forecast",
        kinds={"polars"},
        description=DESCRIPTIONS[table],
    )


@dg.multi_asset(
    name="forecast_track_record",
    specs=[spec(table) for table in TRACK_RECORD],
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
@measured
def track_record_assets(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    made = track_record(
        known(night, warehouse),
        words(night.earlier_archives()),
        code=code_version(version("stageproof")),
        kept=warehouse.find("forecast.said_then"),
    )
    warehouse.write("forecast", {**made.tables, "width_factors": made.width_factors, "said_then": made.kept})
    for table in TRACK_RECORD:
        yield dg.MaterializeResult(asset_key=table, metadata=described(table, made.tables[table]))


@dg.multi_asset(
    name="forecast",
    specs=[spec(table, *TRACK_RECORD) for table in TONIGHT],
    partitions_def=nightly_partitions(),
    backfill_policy=ONE_NIGHT_A_RUN,
)
@measured
def forecast_assets(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
    night, warehouse = nightly.night(context.partition_key), nightly.warehouse()
    inputs = known(night, warehouse).inputs()
    made = forecast(inputs)
    tonight = widened_tonight(made.periods, warehouse.read("forecast.width_factors"))
    is_first = name_of_word(night.archive, tonight, is_published=night.is_published) != LATER_WORD
    said = [tonight.with_columns(is_first_word=pl.lit(is_first))]
    earlier = words(night.earlier_archives())
    if earlier is not None:
        said.insert(0, earlier.drop("is_republished").with_columns(is_first_word=pl.lit(value=True)))
    tables = {
        "forecast_deal": made.deals,
        "forecast_deal_period": made.deal_periods,
        "forecast_period": pl.concat(said, how="diagonal_relaxed"),
        "forecast_quality": made.quality,
        "forecast_reasons": made.reasons,
        "forecast_coverage": coverage(inputs),
        "forecast_unplaced_targets": unplaced_targets(inputs),
    }
    # Later nights tell from these why the forecast moved.
    left = {
        "forecast_period_tonight": tonight,
        "brought_tonight": forecast_movement.brought(inputs, made.deal_periods, made.periods),
        "leading_tonight": leading(tonight, warehouse.read("forecast.forecast_accuracy")),
    }
    warehouse.write("forecast", {**tables, **left})
    for table in TONIGHT:
        yield dg.MaterializeResult(asset_key=table, metadata=described(table, tables[table]))
