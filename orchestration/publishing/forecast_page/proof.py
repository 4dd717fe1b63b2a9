"""Where the number rests on deals whose gates were not proved.

Belongs here: the split by state of proof and the largest unproven deals; pure. Not here: how a criterion is judged, or
what a deal is expected to bring.
"""

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import quote

import polars as pl

from orchestration.publishing.forecast_page.content import Period, ProofPeriod, StateLine, UnprovenDeal
from orchestration.publishing.forecast_page.names import OUTSIDE, STATES
from orchestration.publishing.forecast_page.periods import DATED
from orchestration.publishing.review.names import CRMS, Names
from orchestration.publishing.wording import same

VIOLATED = "violated"
UNPROVEN_SHOWN = 20
_SUM = pl.Decimal(38, 2)
# What a browser leaves as it is in a part of an address.
_UNESCAPED = "-_.!~*'()"


def split(rows: pl.DataFrame, quarters: tuple[Period, ...]) -> tuple[ProofPeriod, ...]:
    """One entry per quarter told apart, then what stands in none. rows: forecast_quality of one funnel and method."""
    dated = rows.filter((pl.col("period_kind") == "quarter") & (pl.col("period_status") == DATED))
    parts = [
        (same(quarter.label), quarter.is_running, dated.filter(pl.col("period_start") == quarter.start))
        for quarter in quarters
    ]
    parts += [(name, False, rows.filter(pl.col("period_status") == status)) for status, name in OUTSIDE.items()]
    return tuple(
        ProofPeriod(label, is_running, lines, _total([line.expected for line in lines]))
        for label, is_running, found in parts
        if (lines := _lines(found)) and any(line.deals for line in lines)
    )


def _lines(rows: pl.DataFrame) -> tuple[StateLine, ...]:
    found = {row["criteria_state"]: row for row in rows.iter_rows(named=True)}
    total = _total([row["expected_amount"] for row in found.values()])
    return tuple(
        StateLine(
            state=state,
            name=name,
            deals=row["open_deals"] or 0,
            wins=row["open_wins"],
            expected=row["expected_amount"],
            share=float(row["expected_amount"] / total) if total and row["expected_amount"] is not None else None,
        )
        for state, name in STATES.items()
        if (row := found.get(state)) is not None
    )


def _total(amounts: list[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known or not amounts else None


def violated(
    deals: pl.DataFrame,
    chances: pl.DataFrame,
    known: pl.DataFrame,
    *,
    running: Period | None,
    names: Names,
    links: Mapping[str, str],
) -> tuple[tuple[UnprovenDeal, ...], int, Decimal | None]:
    """The largest open deals with a violated criterion, how many there are, and what they are expected to bring.

    Expected is what is expected in the running quarter; of a method that says nothing of when, at any time.

    deals, chances: forecast_deal and forecast_deal_period of one method and funnel. known: deals_current.
    """
    inside = pl.col("period_start").is_between(running.start, running.end) if running else pl.lit(value=True)
    expected = (
        chances.filter(inside)
        .group_by("deal_key")
        .agg(expected=pl.col("expected_amount").sum().cast(_SUM), chance=pl.col("chance").sum())
    )
    found = (
        deals.filter(pl.col("criteria_state") == VIOLATED)
        .join(expected, on="deal_key", how="inner")
        .filter(pl.col("expected") > 0)
        .join(known.drop("funnel", "stage", "amount_reporting"), on="deal_key", how="left")
        .sort(-pl.col("expected"), "deal_key")
    )
    largest = tuple(
        UnprovenDeal(
            name=(row["deal_name"] or "").strip() or row["deal_id"] or row["deal_key"],
            deal_id=row["deal_id"] or row["deal_key"],
            crm=CRMS.get(row["crm"], same(row["crm"] or "CRM")),
            link=record_link(links.get(row["crm"] or ""), row["deal_id"]),
            stage=names.stage(row["funnel"], row["stage"]),
            owner=row["owner_name"],
            team=row["team"],
            amount=row["amount_reporting"],
            chance=row["chance"],
            expected=row["expected"],
        )
        for row in found.head(UNPROVEN_SHOWN).iter_rows(named=True)
    )
    return largest, found.height, _total(found["expected"].to_list())


def record_link(pattern: str | None, deal_id: str | None) -> str | None:
    """The address of a deal's record in its CRM; None where the company gave none, or it is no web address."""
    if not pattern or not deal_id:
        return None
    address = pattern.replace("{deal_id}", quote(deal_id, safe=_UNESCAPED))
    return address if address.lower().startswith(("http://", "https://")) else None
