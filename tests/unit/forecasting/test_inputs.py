from datetime import date

import polars as pl
import pytest
from worlds import BUSINESS_DATE, deal, tables

from orchestration.forecasting.inputs import ForecastInputsError, read_inputs


def refused(made: dict[str, pl.DataFrame], business_date: date = BUSINESS_DATE) -> str:
    with pytest.raises(ForecastInputsError) as refusal:
        read_inputs(made, business_date)
    return str(refusal.value)


def test_a_missing_table_is_named() -> None:
    made = tables()
    del made["forecast_won_amounts"]
    assert "forecast_won_amounts is missing" in refused(made)


def test_a_missing_column_is_named() -> None:
    made = tables()
    made["forecast_open_deals"] = made["forecast_open_deals"].drop("segment")
    assert refused(made) == "forecast_open_deals has no column segment; the model must select it"


def test_a_column_of_another_type_is_named() -> None:
    made = tables(deals=[deal("d1")])
    made["forecast_open_deals"] = made["forecast_open_deals"].with_columns(expected_close_date=pl.lit("soon"))
    assert refused(made).startswith("forecast_open_deals.expected_close_date cannot be read as Date")


def test_a_deal_that_stands_twice_is_refused() -> None:
    assert "more than one row for d1" in refused(tables(deals=[deal("d1"), deal("d1", stage="contact")]))


def test_a_null_key_is_refused() -> None:
    assert "forecast_open_deals.segment is null in 1 rows" in refused(tables(deals=[deal("d1", segment=None)]))


def test_a_negative_count_is_refused() -> None:
    counts = [{"funnel": "direct", "segment": "all", "from_stage": "contact", "to_state": "won", "visits": -1}]
    assert "forecast_transition_counts.visits is negative" in refused(tables(counts=counts))


def test_a_funnel_called_all_is_refused() -> None:
    assert "rename it" in refused(tables(funnels=["all"]))


def test_a_business_date_outside_the_fiscal_periods_is_refused() -> None:
    assert "0 rows of kind month that hold 2031-01-01" in refused(tables(), date(2031, 1, 1))
