"""The forecast page as one HTML document.

Belongs here: which data the scripts of the page get, under which names; pure. Not here: what the page says (`compose`),
how any page is put together (`pages`).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl


def forecast_page(
    served: Mapping[str, pl.DataFrame], standards: Mapping[str, pl.DataFrame], business_date: date
) -> str:
    """The forecast page of a night, one HTML document that needs no other file and no network; equal input, equal text.

    Links to `review.html` beside it, as the review links to `forecast.html`.

    Args:
        served: the tables of `reading.READ` by name, as served: nights, deals_current, forecast_period, forecast_deal,
            forecast_deal_period, forecast_deal_reasons, forecast_quality, forecast_coverage, forecast_backtest,
            forecast_record, forecast_accuracy, forecast_calibration, pipeline_movement. One that is not given counts as
            empty; `nights` has the row of `business_date`. Of tables by business_date, the rows of that date are read.
        standards: company, funnels, funnel_stages, record_links, as `quality.standards.tables` gives them.

    Raises:
        ForecastPageRefusedError: `nights` has no row for the business date, or a table lacks a column that says which
            row it is or how much.
    """
    raise NotImplementedError
