"""`stageproof propose-funnel`: from what a night served to a funnel file that loads as it is.

Belongs here: which night and which file are meant, and the proof that the standards with the proposal load. Not here:
what is proposed and how it is written (`insights.proposal`), where the text goes (the command line).
"""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from orchestration.insights.proposal import Evidence, Proposal, ProposalRefused, propose
from orchestration.night import Home
from orchestration.warehouse import read_served
from quality.standards import Standards, load


@dataclass(frozen=True)
class Proposed:
    """A proposal with where it belongs. `file`: the funnel file. `valid_from`: the first day of the new version."""

    funnel: str
    file: Path
    night: date
    valid_from: date
    proposal: Proposal


def propose_funnel(home: Home, standards: Path, funnel: str | None, night: date | None) -> Proposed:
    """What a published night would change of a funnel, by default of the default funnel and by the newest night.

    Raises:
        ProposalRefused: there is no such night, funnel, or file that a version can be added to.
        StandardsRefused: the standards are refused already, or with the proposal in them.
    """
    known = load(standards)
    name = funnel or next(each.funnel for each in known.funnels if each.is_default)
    if name not in {each.funnel for each in known.funnels}:
        names = ", ".join(each.funnel for each in known.funnels)
        raise ProposalRefused(f"{name} is no funnel; there are {names}.")
    served, asked = _served(home, night)
    evidence = _evidence(served, name, asked)
    file = standards / "funnels" / f"{name}.yml"
    # Nights that have been run stay as they were: the new version begins on the business date behind the evidence.
    valid_from = asked + timedelta(days=1)
    made = propose(
        file.read_text(encoding="utf-8-sig"), evidence, valid_from, known.evidence.contact_roles, _named_stages(known)
    )
    if made.text is not None:
        _prove(standards, file, made.text)
    return Proposed(name, file, asked, valid_from, made)


def _served(home: Home, night: date | None) -> tuple[Path, date]:
    current = home.served_file
    if not current.exists():
        raise ProposalRefused("No night has been published yet, so there is nothing to propose a funnel from.")
    newest: date = read_served(current, "nights")["business_date"].max()  # type: ignore[assignment]
    if night is None or night == newest:
        return current, newest
    found = home.served / "nights" / f"{night}.duckdb"
    if not found.exists():
        raise ProposalRefused(f"The tables of {night} are not kept; run the night again, or ask for {newest}.")
    return found, night


def _evidence(served: Path, funnel: str, night: date) -> Evidence:
    review, candidates = (
        read_served(served, table).filter(pl.col("funnel") == funnel)
        for table in ("stage_design_review", "milestone_candidates")
    )
    return Evidence(night, review.to_dicts(), {row["milestone"]: row for row in candidates.to_dicts()})


def _named_stages(standards: Standards) -> set[str]:
    return {rule.from_stage for rule in standards.rules if rule.from_stage}


def _prove(standards: Path, file: Path, text: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "standards"
        shutil.copytree(standards, copy)
        (copy / file.relative_to(standards)).write_text(text, encoding="utf-8")
        load(copy)
