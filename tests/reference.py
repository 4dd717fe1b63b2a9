"""The metrics once more, slowly and plainly: loops over deals, no SQL, no frames.

Independent of the product on purpose: it reads the extracts themselves and shares no code with what it checks.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

STAGES = ["初步接洽", "资格确认", "需求分析", "方案演示", "方案报价", "商务谈判"]
IDS = ["initial_contact", "qualification", "needs_analysis", "solution_demo", "proposal", "negotiation"]
WON = "赢单"
CLOSED = {WON, "输单", "长期培育"}


@dataclass
class Stay:
    """One unbroken stay in a stage, terminal ones too."""

    stage: str
    entered: datetime
    left: datetime | None = None


@dataclass
class Deal:
    deal_id: str
    stage: str
    stays: list[Stay] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.stage not in CLOSED


def read_deals(folders: Iterable[Path]) -> dict[str, Deal]:
    """Deals and their stays, from extract folders in the order they were taken."""
    deals: dict[str, Deal] = {}
    changes: dict[tuple[str, str, str], tuple[datetime, str]] = {}
    for folder in folders:
        for row in rows(folder / "deals.csv"):
            if row["is_deleted"] == "true":
                deals.pop(row["deal_id"], None)
            else:
                deals[row["deal_id"]] = Deal(row["deal_id"], row["stage"])
        for row in rows(folder / "stage_changes.csv"):
            at = datetime.fromisoformat(row["changed_at"])
            changes[row["deal_id"], row["stage"], row["changed_at"]] = (at, row["change_id"])
    by_deal: dict[str, list[tuple[datetime, str, str]]] = defaultdict(list)
    for (deal_id, stage, _), (at, change_id) in changes.items():
        by_deal[deal_id].append((at, change_id, stage))
    for deal_id, deal in deals.items():
        for at, _, stage in sorted(by_deal[deal_id]):
            if deal.stays and deal.stays[-1].stage == stage:
                continue
            if deal.stays:
                deal.stays[-1].left = at
            deal.stays.append(Stay(stage, at))
        assert deal.stays[-1].stage == deal.stage
    return deals


def conversion(deals: Iterable[Deal]) -> dict[str, dict[str, int]]:
    """For each stage: reached, visited, advanced, lost, still_open."""
    counts = {name: dict.fromkeys(["reached", "visited", "advanced", "lost", "still_open"], 0) for name in IDS}
    for deal in deals:
        visited = [STAGES.index(stay.stage) for stay in deal.stays if stay.stage in STAGES]
        was_won = any(stay.stage == WON for stay in deal.stays)
        furthest = len(STAGES) if was_won else max(visited, default=-1)
        for rank, name in enumerate(IDS):
            if furthest < rank:
                continue
            counts[name]["reached"] += 1
            counts[name]["visited"] += rank in visited
            if furthest > rank:
                counts[name]["advanced"] += 1
            elif deal.is_open:
                counts[name]["still_open"] += 1
            else:
                counts[name]["lost"] += 1
    return counts


def median_dwell(deals: Iterable[Deal], as_of: datetime) -> dict[str, float | None]:
    """Kaplan-Meier median days of each stage, by walking the ordered ages one at a time."""
    ages: dict[str, list[tuple[float, bool]]] = {name: [] for name in IDS}
    for deal in deals:
        for stay in deal.stays:
            if stay.stage in STAGES:
                days = ((stay.left or as_of) - stay.entered).total_seconds() / 86400
                ages[IDS[STAGES.index(stay.stage)]].append((days, stay.left is not None))
    medians: dict[str, float | None] = {}
    for name, seen in ages.items():
        still, medians[name] = 1.0, None
        for day in sorted({days for days, ended in seen if ended}):
            at_risk = sum(1 for days, _ in seen if days >= day)
            ended = sum(1 for days, has_ended in seen if has_ended and days == day)
            still *= 1 - ended / at_risk
            if still <= 0.5 + 1e-12:
                medians[name] = day
                break
    return medians


def icp_band(account: dict[str, str] | None, profile: dict[str, Any]) -> str:
    """The band of an account by the profile of icp.yml; blanks are not known and weigh nothing."""
    weights = known = matched = 0.0
    for attribute in profile["attributes"]:
        weight, text = attribute["weight"], (account or {}).get(attribute["attribute"], "")
        weights += weight
        if not text:
            continue
        known += weight
        if "fits" in attribute:
            matched += weight if text in attribute["fits"] else 0
        else:
            low, high = attribute.get("at_least", float("-inf")), attribute.get("at_most", float("inf"))
            matched += weight if low <= float(text) <= high else 0
    if known / weights < profile["minimum_completeness"]:
        return "unknown"
    return next(band for band, start in profile["bands"].items() if 100 * matched / known >= start)


def rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
