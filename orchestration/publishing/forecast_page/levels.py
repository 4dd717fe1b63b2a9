"""The forecast by team, owner, segment and funnel.

Belongs here: choosing and naming the rows; pure. Not here: the sums, which the served tables hold.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from orchestration.publishing.forecast_page.content import Period
from orchestration.publishing.forecast_page.names import NOBODY, NOBODY_OF, SCOPES
from orchestration.publishing.forecast_page.periods import DATED
from orchestration.publishing.forecast_page.reading import ALL
from orchestration.publishing.wording import Text

_MONEY = pl.Decimal(38, 2)
# In forecast_period, under the name that the page uses.
_AMOUNTS = {
    "total": "total_amount",
    "low": "p10_amount",
    "high": "p90_amount",
    "won": "won_amount",
    "open": "open_amount",
    "new": "new_business_amount",
    "target": "target_amount",
    "gap": "gap_amount",
}
_RATIOS = {"coverage": "coverage", "required": "required_coverage"}
TERMS = ("running", "next")
SCHEMA = {
    "view": pl.Int64(),
    "scope": pl.String(),
    "name_en": pl.String(),
    "name_zh": pl.String(),
    "is_named": pl.Boolean(),
    **{
        f"{term}_{name}": kind
        for term in TERMS
        for names, kind in ((_AMOUNTS, _MONEY), (_RATIOS, pl.Float64()))
        for name in names
    },
}


def levels(
    view: int,
    rows: pl.DataFrame,
    coverage: pl.DataFrame,
    *,
    shown: Sequence[Period | None],
    owners: Mapping[str, str],
    funnels: Mapping[str, Text],
) -> pl.DataFrame:
    """`Tables.levels` of one view.

    rows, coverage: forecast_period of the method and forecast_coverage, of the funnel in all scopes; for the view of
    all funnels also scope all of each, whose funnel is then told as scope `funnel`. shown: the running and the next
    quarter. funnels: names of the funnels to be told apart; none where there is only one.
    """
    known = [
        *rows.filter(pl.col("scope").is_in(["team", "owner", "segment"]))
        .select("scope", "scope_value")
        .unique()
        .rows(),
        *(("funnel", funnel) for funnel in funnels),
    ]
    order = list(SCOPES)
    made = []
    placed = _by_place(rows), _by_place(coverage)
    for scope, value in sorted(known, key=lambda each: (order.index(each[0]), each[1] == NOBODY, each[1] or "")):
        name, is_named = _name(scope, value, owners, funnels)
        line: dict[str, object] = {
            "view": view,
            "scope": scope,
            "name_en": name.en,
            "name_zh": name.zh,
            "is_named": is_named,
        }
        for term, period in zip(TERMS, shown, strict=True):
            place = (scope, value, period.start if period else None)
            said, asked = (found.get(place, {}) for found in placed)
            line |= {f"{term}_{name}": said.get(column) for name, column in _AMOUNTS.items()}
            line |= {f"{term}_{name}": asked.get(column) for name, column in _RATIOS.items()}
        made.append(line)
    frame = pl.DataFrame(made, schema=SCHEMA)
    rank = pl.col("scope").replace_strict(order, list(range(len(order))), return_dtype=pl.Int64)
    return frame.sort(rank, pl.col("running_total").is_null(), -pl.col("running_total"), "name_en", maintain_order=True)


def _by_place(rows: pl.DataFrame) -> dict[tuple[str, str | None, object], dict[str, object]]:
    """Rows of quarters by scope, value and first day; those of a whole funnel by the funnel."""
    quarters = rows.filter(pl.col("period_kind") == "quarter")
    if "period_status" in rows.columns:
        quarters = quarters.filter(pl.col("period_status") == DATED)
    return {
        (
            ("funnel", row["funnel"], row["period_start"])
            if row["scope"] == ALL
            else (row["scope"], row["scope_value"], row["period_start"])
        ): row
        for row in quarters.iter_rows(named=True)
    }


def _name(scope: str, value: str, owners: Mapping[str, str], funnels: Mapping[str, Text]) -> tuple[Text, bool]:
    if scope == "funnel":
        return funnels[value], True
    if value == NOBODY or value is None:
        return NOBODY_OF[scope], True
    name = owners.get(value, value) if scope == "owner" else value
    return Text(name, name), False
