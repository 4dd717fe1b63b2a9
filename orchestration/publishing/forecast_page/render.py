"""The forecast page as one HTML document.

Belongs here: which data the scripts of the page get, under which names; pure. Not here: what the page says (`compose`),
how any page is put together (`pages`).
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

import polars as pl

from orchestration.publishing.embedding import embed
from orchestration.publishing.forecast_page import bars
from orchestration.publishing.forecast_page.compose import compose
from orchestration.publishing.forecast_page.content import ForecastPage, View
from orchestration.publishing.forecast_page.names import (
    BUCKETS,
    EXCLUSIONS,
    MEASURES,
    METHOD_MEANINGS,
    OUTSIDE,
    QUESTIONS,
    SCOPES,
    SPANS,
    STATES,
)
from orchestration.publishing.forecast_page.sentences import headline
from orchestration.publishing.pages import render_page
from orchestration.publishing.review.names import CRMS, METHODS
from orchestration.publishing.wording import Text


def forecast_page(
    served: Mapping[str, pl.DataFrame], standards: Mapping[str, pl.DataFrame], business_date: date
) -> str:
    """The forecast page of a night, one HTML document that needs no other file and no network.

    Equal input gives equal text.

    Links to `review.html` beside it, as the review links to `forecast.html`.

    Args:
        served: the tables of `reading.READ` by name, as served: nights, deals_current, forecast_period, forecast_deal,
            forecast_deal_period, forecast_reasons, forecast_quality, forecast_coverage, forecast_backtest,
            forecast_record, forecast_accuracy, forecast_calibration, forecast_movement, pipeline_movement. One that is
            not there counts as empty; `nights` has the row of `business_date`. Of tables by business_date, that date's
            rows are read.
        standards: company, criteria, funnels, funnel_stages, record_links, as `quality.standards.tables` gives them;
            and periods, which name the fiscal periods of movements where given.

    Raises:
        ForecastPageRefusedError: `nights` has no row for the business date, or a table lacks a column that says which
            row it is or how much.
    """
    return render(compose(served, standards, business_date))


def render(page: ForecastPage) -> str:
    """The page as one HTML document. Equal pages give equal text."""
    return render_page(
        "forecast.html.j2",
        language=page.language,
        data=_data(page),
        styles=["views.css", "forecast.css"],
        scripts=[
            "review_pieces.js",
            "views.js",
            "forecast_months.js",
            "forecast_record.js",
            "forecast_movement.js",
            "forecast_levels.js",
            "forecast_deals.js",
            "forecast.js",
        ],
        page=page,
        headlines=[headline(view, page.currency) for view in page.views],
        quarter_bars=[_bars(view) for view in page.views],
        proof_bars=[[bars.proof_bar(period) for period in view.proof] for view in page.views],
        method_meanings=METHOD_MEANINGS,
        outside_names=OUTSIDE,
        state_names=STATES,
    )


def _bars(view: View) -> list[bars.Bar]:
    """One bar per quarter shown in the head, all on one scale."""
    shown = [period.expected for period in (view.running, view.next) if period]
    length = bars.scale(shown)
    return [bars.bar(each, length) for each in shown]


def _data(page: ForecastPage) -> dict[str, Any]:
    return {
        "company": page.company,
        "night": str(page.business_date),
        "currency": page.currency,
        "links": page.record_links,
        "views": [
            {
                "key": view.key,
                "name": _pair(view.name),
                "method": page.methods.index(view.method),
            }
            for view in page.views
        ],
        "methods": list(page.methods),
        "months": list(page.months),
        "quarters": list(page.quarter_labels),
        "names": {
            "crms": _pairs(CRMS),
            "methods": _pairs(METHODS),
            "scopes": _pairs(SCOPES),
            "outside": _pairs(OUTSIDE),
            "states": _pairs(STATES),
            "exclusions": _pairs(EXCLUSIONS),
            "buckets": _pairs(BUCKETS),
            "spans": _pairs(SPANS),
            "measures": _pairs(MEASURES),
            "questions": _pairs(QUESTIONS),
        },
        "tables": {field.name: embed(getattr(page.tables, field.name)) for field in fields(page.tables)},
    }


def _pair(text: Text) -> tuple[str, str]:
    return text.en, text.zh


def _pairs(names: Mapping[str, Text]) -> dict[str, tuple[str, str]]:
    return {key: _pair(text) for key, text in names.items()}
