"""The insights page as one HTML document.

Belongs here: which data the scripts of the page get, under which names; pure. Not here: what the page says (`compose`),
how any page is put together (`pages`).
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any

import polars as pl

from orchestration.publishing.embedding import embed
from orchestration.publishing.insights_page import names
from orchestration.publishing.insights_page.compose import compose
from orchestration.publishing.insights_page.content import InsightsPage
from orchestration.publishing.insights_page.sentences import headline, points
from orchestration.publishing.pages import render_page
from orchestration.publishing.review.names import CRMS
from orchestration.publishing.wording import Text


def insights_page(
    served: Mapping[str, pl.DataFrame], standards: Mapping[str, pl.DataFrame], business_date: date
) -> str:
    """The insights page of a night, one HTML document that needs no other file and no network.

    Equal input gives equal text.

    Links to `review.html` and `forecast.html` beside it.

    Args:
        served: the tables of `reading.READ` by name, as served. One that is not there counts as empty; `nights` has the
            row of `business_date`.
        standards: company, criteria, funnels, funnel_stages, record_links, as `quality.standards.tables` gives them;
            and periods, which name the fiscal quarters where given.

    Raises:
        InsightsPageRefusedError: `nights` has no row for the business date, or a table lacks a column that says which
            row it is or how much.
    """
    return render(compose(served, standards, business_date))


def render(page: InsightsPage) -> str:
    """The page as one HTML document. Equal pages give equal text."""
    return render_page(
        "insights.html.j2",
        language=page.language,
        data=_data(page),
        styles=["views.css", "insights.css"],
        scripts=[
            "review_pieces.js",
            "views.js",
            "insights_pieces.js",
            "insights_funnel.js",
            "insights_causes.js",
            "insights_people.js",
            "insights_gates.js",
            "insights_design.js",
            "insights_reasons.js",
            "insights_deals.js",
            "insights.js",
        ],
        page=page,
        headlines=[headline(view, page.currency) for view in page.views],
        points=points,
        comparisons=names.COMPARISONS,
    )


def _data(page: InsightsPage) -> dict[str, Any]:
    return {
        "company": page.company,
        "night": str(page.business_date),
        "currency": page.currency,
        "minimum_n": page.minimum_n,
        "links": page.record_links,
        "views": [
            {
                "key": view.key,
                "name": _pair(view.name),
                # The comparison that the head tells of is the one that opens.
                "opens": view.causes[0].split if view.causes else None,
            }
            for view in page.views
        ],
        "names": {
            "crms": _pairs(CRMS),
            "comparisons": _pairs(names.COMPARISONS),
            "people": _pairs(names.PEOPLE),
            "causes": _pairs(names.CAUSES),
            "meanings": _pairs(names.CAUSE_MEANINGS),
            "segments": _pairs(names.SEGMENTS),
            "verdicts": _pairs(names.VERDICTS),
            "measures": _pairs(names.MEASURES),
            "outcomes": _pairs(names.OUTCOMES),
            "untold": _pairs(names.UNTOLD),
            "subjects": _pairs(names.SUBJECTS),
            "milestones": _pairs(names.MILESTONE_VERDICTS),
            "questions": _pairs(names.QUESTIONS),
            "findings": _pairs(names.FINDINGS),
            "unproposed": _pairs(names.UNPROPOSED),
            "classes": {kind: _pairs(words) for kind, words in names.CLASSES.items()},
        },
        "tables": {field.name: embed(getattr(page.tables, field.name)) for field in fields(page.tables)},
    }


def _pair(text: Text) -> tuple[str, str]:
    return text.en, text.zh


def _pairs(names_: Mapping[str, Text]) -> dict[str, tuple[str, str]]:
    return {key: _pair(text) for key, text in names_.items()}
