"""`stageproof waive`: from a violation that the last night served to an entry of waivers.yml.

Belongs here: which violation is meant, and whether there is anything to waive. Not here: the file (`quality.waiving`),
the clock (the command line hands over the day).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from orchestration.night import Home, replace_file
from orchestration.warehouse import read_served
from quality.waiving import FILE, Entry, waive


class WaiverRefused(Exception):
    """There is nothing to waive; the message is the sentence for the person."""


@dataclass(frozen=True)
class Decision:
    """Who answers for a gap, why, and on which business dates."""

    by: str
    why: str
    from_day: date
    until: date


def waive_violation(home: Home, standards: Path, violation_id: str, decision: Decision) -> Entry:
    """Waive one violation, of its one visit. Returns what was written to waivers.yml.

    Raises:
        WaiverRefused: no night served such a violation, or it is closed.
        StandardsRefused: the waiver is none that the standards allow; nothing was written.
    """
    found = _violations(home).filter(pl.col("violation_id") == violation_id)
    if found.is_empty():
        raise WaiverRefused(f"No violation {violation_id!r} was ever served; copy the id from quality_violations.")
    row = found.row(0, named=True)
    if not _is_waivable(row["state"], row["change"]):
        raise WaiverRefused(
            f"Violation {violation_id} is closed since {row['closed_on']} ({row['change']}); there is nothing to waive."
        )
    return _write(standards, row["rule_id"], row["deal_key"], row["visit_id"] or None, decision)


def waive_rule_of_deal(home: Home, standards: Path, rule_id: str, deal_key: str, decision: Decision) -> Entry:
    """Waive a rule for a deal, in all its visits. Returns and raises as `waive_violation`."""
    found = _violations(home).filter((pl.col("rule_id") == rule_id) & (pl.col("deal_key") == deal_key))
    if not any(_is_waivable(state, change) for state, change in found.select("state", "change").iter_rows()):
        raise WaiverRefused(
            f"Deal {deal_key!r} has no open violation of {rule_id!r}; quality_violations lists those there are."
        )
    return _write(standards, rule_id, deal_key, None, decision)


def _violations(home: Home) -> pl.DataFrame:
    current = home.served_file
    if not current.exists():
        raise WaiverRefused("No night has been published yet, so there is no violation to waive.")
    return read_served(current, "quality_violations")


def _is_waivable(state: str, change: str) -> bool:
    """Open, or waived already: a waiver may be renewed before it ends."""
    return state == "open" or change == "waived"


def _write(standards: Path, rule_id: str, deal_key: str, visit_id: str | None, decision: Decision) -> Entry:
    entry = Entry(rule_id, deal_key, visit_id, decision.by, decision.why, decision.from_day, decision.until)
    replace_file(standards / FILE, waive(standards, entry).encode())
    return entry
