"""The morning review as one HTML document.

Belongs here: which data the scripts of the page get, under which names; pure. Not here: what the page says (`compose`),
how any page is put together (`pages`).
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from orchestration.publishing.embedding import embed
from orchestration.publishing.pages import render_page
from orchestration.publishing.review.content import ReviewPage
from orchestration.publishing.review.headline import headline
from orchestration.publishing.review.names import CRMS, RECOMMENDATIONS, STATUSES
from orchestration.publishing.wording import Text


def render(page: ReviewPage) -> str:
    """The page as one HTML document that needs no other file and no network. Equal pages give equal text."""
    return render_page(
        "review.html.j2",
        language=page.language,
        data=_data(page),
        scripts=["review_pieces.js", "review_violations.js", "review_stalled.js", "review_quarantine.js", "review.js"],
        page=page,
        headline=headline(page),
    )


def _data(page: ReviewPage) -> dict[str, Any]:
    return {
        "company": page.company,
        "night": str(page.business_date),
        "currency": page.currency,
        "links": page.record_links,
        "names": {
            "crms": _pairs(CRMS),
            "statuses": _pairs(STATUSES),
            "recommendations": _pairs(RECOMMENDATIONS),
        },
        "tables": {field.name: embed(getattr(page.tables, field.name)) for field in fields(page.tables)},
    }


def _pairs(names: Mapping[str, Text]) -> dict[str, tuple[str, str]]:
    return {key: (text.en, text.zh) for key, text in names.items()}
