import dagster as dg
import polars as pl
import pytest
from worlds import deal, history

from orchestration.defs.forecast.columns import MEANINGS, described, meaning
from orchestration.forecasting.coverage import coverage
from orchestration.forecasting.forecast import forecast
from orchestration.forecasting.forecast_movement import SUMS
from orchestration.forecasting.methods import crm_probability
from orchestration.forecasting.targets import unplaced_targets
from orchestration.forecasting.track_record import track_record
from orchestration.forecasting.widening import widened_tonight


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    company = history(deals=[deal("d")])
    made, record = (
        forecast(company.inputs(), [crm_probability], draws=10),
        track_record(company, None, [crm_probability]),
    )
    return {
        "forecast_deal": made.deals,
        "forecast_deal_period": made.deal_periods,
        "forecast_period": widened_tonight(made.periods, record.width_factors).with_columns(is_first_word=True),
        "forecast_quality": made.quality,
        "forecast_reasons": made.reasons,
        "forecast_coverage": coverage(company.inputs()),
        "forecast_unplaced_targets": unplaced_targets(company.inputs()),
        "forecast_movement": pl.DataFrame(schema=SUMS),
        **record.tables,
    }


def test_every_column_of_every_forecast_table_has_its_sentence(tables: dict[str, pl.DataFrame]) -> None:
    silent = [
        (table, column) for table, frame in tables.items() for column in frame.columns if not meaning(table, column)
    ]
    assert len(tables) == 12
    assert silent == []


def test_no_sentence_is_about_a_column_that_is_gone(tables: dict[str, pl.DataFrame]) -> None:
    assert set(MEANINGS) <= {column for frame in tables.values() for column in frame.columns}


def test_a_name_that_two_tables_share_may_mean_two_things() -> None:
    assert meaning("forecast_coverage", "coverage") != meaning("forecast_accuracy", "coverage")
    assert meaning("pipeline_movement", "opening_amount") is None


def test_the_catalogue_has_rows_types_and_meanings(tables: dict[str, pl.DataFrame]) -> None:
    metadata = described("forecast_deal", tables["forecast_deal"])
    assert metadata["dagster/row_count"] == 1
    schema = metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    columns = schema.columns
    assert (columns[0].name, columns[0].type, columns[0].description) == (
        "business_date",
        "Date",
        "The night that says so.",
    )
