"""Companies made for the tests of milestones: many worlds as many funnels, each with what is true of it.

A deal lives through stages s1, s2, s3 by hazards per day of going on and of being lost. What happens in it happens at
rates that are told here, and only what is planted changes the hazards.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from compiled_models import CompiledModels
from criteria_worlds import Funnel, Made, write_standards

START = datetime(2024, 1, 1, tzinfo=UTC)
STAGES = ("s1", "s2", "s3")
MINIMUM_N = 30
# Kinds of which nothing is true in any world, however they come to lie where won deals are.
NOISE = (
    *("activity:call", "activity:email", "activity:check_in", "activity:site_visit", "activity:site_visit:user"),
    *("activity:callback", "activity:survey", "activity:signature", "activity:goodbye", "activity:kickoff"),
    *("contact_role:user", "evidence:brochure_sent"),
)


@dataclass(frozen=True)
class Plant:
    """A kind that makes a deal go on `gain` times as fast and be lost `gain` times as slowly from when it happens."""

    kind: str
    stage: str
    rate: float
    gain: float


PLANTS = {
    "demo": Plant("activity:demo:decision_maker", "s2", 0.04, 2.0),
    "pain": Plant("evidence:pain_points", "s1", 0.05, 2.0),
    "champion": Plant("contact_role:champion", "s3", 0.05, 2.8),
}


@dataclass(frozen=True)
class Nature:
    """What is true of the deals of a world. `lingering_days`: how long a deal that is lost stays open on average."""

    plant: Plant | None = None
    lingering_days: float = 0.0
    going_on: Sequence[float] = (0.05, 0.05, 0.04)
    lost: Sequence[float] = (0.03, 0.025, 0.02)
    # Deals from fairs are lost so many times as slowly, and their customers call back so many times as often.
    better_prospects: float = 2.5
    # Every deal has a source of its own, a referral by name.
    has_one_off_sources: bool = False


NATURES = {
    "nothing": Nature(),
    "lingering": Nature(lingering_days=60),
    **{name: Nature(plant=plant) for name, plant in PLANTS.items()},
    # Of a source that one deal has, nobody knows more than how that deal ended.
    "one_off": Nature(plant=PLANTS["pain"], better_prospects=1.0, has_one_off_sources=True),
    # Deals are clicked through s2, and none ends there; then a quarter end there.
    "click": Nature(going_on=(0.05, 5.0, 0.04), lost=(0.03, 0.0, 0.02)),
    "sieve": Nature(going_on=(0.05, 5.0, 0.04), lost=(0.03, 2.0, 0.02)),
    # A long stage, of which a demo is the middle.
    "two_in_one": Nature(
        plant=Plant("activity:demo:decision_maker", "s2", 0.05, 2.2),
        going_on=(0.05, 0.02, 0.04),
        lost=(0.02, 0.015, 0.02),
    ),
}


@dataclass
class Life:
    """Days since the start of the company."""

    created: float
    source: str
    moves: list[tuple[float, str]] = field(default_factory=list)
    happened: list[tuple[float, str]] = field(default_factory=list)


def live(draw: random.Random, nature: Nature) -> Life:
    life = Life(draw.uniform(0, 300), draw.choice(["ad", "ad", "fair"]))
    day, gain = life.created, 1.0
    spans: list[tuple[str, float, float]] = []
    outcome = "won"
    for number, stage in enumerate(STAGES):
        life.moves.append((day, stage))
        begun = day
        lost = nature.lost[number] / (nature.better_prospects if life.source == "fair" else 1.0)
        happens = nature.plant is not None and nature.plant.stage == stage
        until = day + draw.expovariate(nature.plant.rate) if happens and nature.plant else float("inf")
        while True:
            onward, away = nature.going_on[number] * gain, lost / gain
            ends = day + draw.expovariate(onward + away)
            if ends < until:
                break
            assert nature.plant is not None
            life.happened.append((until, nature.plant.kind))
            day, gain, until = until, nature.plant.gain, float("inf")
        day = ends
        is_lost = draw.random() < away / (onward + away)
        if is_lost and nature.lingering_days:
            day += draw.expovariate(1 / nature.lingering_days)
        spans.append((stage, begun, day))
        if is_lost:
            outcome = "lost"
            break
    life.moves.append((day, outcome))
    _let_noise_happen(draw, life, spans, day, outcome)
    if nature.has_one_off_sources:
        life.source = f"{life.source} {draw.random()}"
    return life


def _let_noise_happen(
    draw: random.Random, life: Life, spans: Sequence[tuple[str, float, float]], closed: float, outcome: str
) -> None:
    def at_a_rate(kind: str, rate: float, begin: float, end: float) -> None:
        at = begin + draw.expovariate(rate)
        if at < end:
            life.happened.append((at, kind))

    born = life.created
    at_a_rate("activity:call", 0.03, born, closed)
    at_a_rate("activity:email", 0.08, born, closed)
    at_a_rate("contact_role:user", 0.02, born, closed)
    at_a_rate("evidence:brochure_sent", 0.03, born, closed)
    # Only deals that live long are checked upon.
    at_a_rate("activity:check_in", 0.05, born + 45, closed)
    at_a_rate("activity:callback", 0.06 if life.source == "fair" else 0.02, born, closed)
    for stage, begin, end in spans:
        if stage == "s3":
            at_a_rate("activity:site_visit:user", 0.05, begin, end)
    # Filled in afterwards: at any point of the deal's life.
    if draw.random() < 0.5:
        life.happened.append((draw.uniform(born, closed), "activity:survey"))
    if draw.random() < 0.8:
        last_hours = "activity:signature" if outcome == "won" else "activity:goodbye"
        life.happened.append((closed - min(0.4, (closed - born) / 2) * draw.random(), last_hours))
    if outcome == "won":
        life.happened.append((closed + 5, "activity:kickoff"))


def company(worlds: Mapping[str, tuple[Nature, int]], deals: int) -> dict[str, list[Life]]:
    """Lives of so many deals for each world, by its nature and seed."""
    return {
        name: [live(draw, nature) for _ in range(deals)]
        for name, (nature, seed) in worlds.items()
        for draw in [random.Random(f"{name.rpartition('_')[0]} {seed}")]
    }


def write_company(models: CompiledModels, folder: Path, lives: Mapping[str, Sequence[Life]]) -> None:
    """Put standards and extracts of the company into the warehouse."""
    made = Made([Funnel(name, list(STAGES)) for name in lives], MINIMUM_N, 20)
    write_standards(made, folder)
    company_file = folder / "company.yml"
    settings = yaml.safe_load(company_file.read_text(encoding="utf-8"))
    # Cutting every table by segment is not what is looked at.
    company_file.write_text(yaml.safe_dump(settings | {"segments": ["team"]}), encoding="utf-8")
    models.write_standards(folder)
    models.write_raw(raw_objects(lives))


def raw_objects(lives: Mapping[str, Sequence[Life]]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("deals", "stage_changes", "activities", "evidence", "contact_roles")
    }
    for funnel, of_funnel in lives.items():
        for number, life in enumerate(of_funnel):
            deal_id = f"{funnel}-{number}"
            rows["deals"].append(
                {
                    "deal_id": deal_id,
                    "funnel": funnel,
                    "stage": f"{funnel} {life.moves[-1][1]}",
                    "created_at": instant(life.created),
                    "modified_at": instant(life.moves[-1][0]),
                    "lead_source": life.source,
                }
            )
            rows["stage_changes"] += [
                {
                    "change_id": f"{deal_id}-{place}",
                    "deal_id": deal_id,
                    "stage": f"{funnel} {stage}",
                    "changed_at": instant(day),
                }
                for place, (day, stage) in enumerate(life.moves)
            ]
            for place, (day, kind) in enumerate(life.happened):
                add_milestone(rows, deal_id, f"{deal_id}-{place}", kind, instant(day))
    return rows


def add_milestone(rows: dict[str, list[dict[str, Any]]], deal_id: str, key: str, kind: str, at: datetime) -> None:
    """The record of the neutral layout from which a kind of milestone is told."""
    subject, name, *role = kind.split(":")
    if subject == "activity":
        rows["activities"].append(
            {
                "activity_id": key,
                "deal_id": deal_id,
                "activity_type": name,
                "occurred_at": at,
                "status": "held",
                "customer_present": True,
                "contact_role": role[0] if role else None,
            }
        )
    elif subject == "contact_role":
        rows["contact_roles"].append({"deal_id": deal_id, "contact_id": key, "role": name, "added_at": at})
    else:
        evidence_kind = "document" if subject == "document" else "customer_action"
        rows["evidence"].append(
            {"deal_id": deal_id, "evidence_key": name, "observed_at": at, "kind": evidence_kind, "source_id": key}
        )


def instant(day: float) -> datetime:
    return (START + timedelta(seconds=round(day * 86400))).replace(tzinfo=None)
