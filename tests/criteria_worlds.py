"""Companies made for the tests of gates: their standards, their deals as the lake would show them, no expectation.

Whether a criterion was met is given and not judged here: the marts under test begin where that is known.
"""

import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import criteria_reference as reference
import polars as pl
import yaml
from clones import COMPANIES
from compiled_models import CompiledModels
from criteria_reference import Criterion, World
from funnel_reference import Deal, Place
from funnel_reference import World as FunnelWorld

BUSINESS_DATE = date(2026, 6, 30)
AS_OF = datetime(2026, 6, 30, 16, tzinfo=UTC)
START = datetime(2025, 9, 1, tzinfo=UTC)
SECOND_VERSION_FROM = date(2026, 2, 1)
OUTCOMES = ("won", "lost", "nurtured")
MARTS = ("criterion_efficacy", "criterion_compliance", "deal_compliance", "stage_ambiguity", "stage_ambiguity_owners")
SEGMENTS = ("lead_source", "team")


@dataclass(frozen=True)
class Funnel:
    """Open stages in order; criteria of each version as (stage, gate, name, severity)."""

    name: str
    stages: Sequence[str]
    versions: Sequence[Sequence[tuple[str, str, str, str]]] = ((),)

    def places(self) -> dict[str, Place]:
        names = {f"{self.name} {each}": Place(self.name, each, n, None) for n, each in enumerate(self.stages, start=1)}
        return names | {f"{self.name} {each}": Place(self.name, each, None, each) for each in OUTCOMES}

    def criteria(self) -> list[Criterion]:
        latest: dict[str, tuple[str, str, str, int, int]] = {}
        for number, version in enumerate(self.versions, start=1):
            for stage, gate, name, severity in version:
                key = f"{self.name}.{stage}.{name}"
                latest[key] = (stage, gate, severity, number, latest.get(key, ("", "", "", 0, 0))[4] + 1)
        return [
            Criterion(key, stage, gate, severity, number == len(self.versions), versions)
            for key, (stage, gate, severity, number, versions) in latest.items()
        ]

    def asked(self, version: int) -> set[str]:
        return {f"{self.name}.{stage}.{name}" for stage, _, name, _ in self.versions[version - 1]}


@dataclass
class Made:
    """A company while it is being made."""

    funnels: Sequence[Funnel]
    minimum_n: int = 4
    shrinkage: int = 5
    deals: list[Deal] = field(default_factory=list)
    status: dict[tuple[str, str, int], str] = field(default_factory=dict)
    owner: dict[str, str | None] = field(default_factory=dict)
    users: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    band: dict[str, str] = field(default_factory=dict)

    def world(self) -> World:
        places = {name: place for funnel in self.funnels for name, place in funnel.places().items()}
        base = FunnelWorld(
            self.deals,
            places,
            {f.name: list(f.stages) for f in self.funnels},
            AS_OF,
            self.minimum_n,
            self.shrinkage,
            365,
        )
        criteria = [criterion for funnel in self.funnels for criterion in funnel.criteria()]
        return World(base, criteria, self.status, self.owner, self.users, self.band)

    def deal(self, funnel: str, steps: Sequence[tuple[float, str]], owner: str | None, source: str, band: str) -> Deal:
        """A deal of the funnel that went through these (day, stage), of which those before as-of are known."""
        named = [
            (START + timedelta(minutes=round(day * 1440)), f"{funnel} {stage}" if " " not in stage else stage)
            for day, stage in steps
        ]
        known = [name for at, name in named if at < AS_OF]
        number = f"{len(self.deals):05d}"
        team = self.users.get(owner or "", ("", None))[1]
        deal = Deal(
            deal_id=number,
            funnel=funnel,
            stage_name=known[-1],
            created=named[0][0],
            modified=named[-1][0],
            amount=None,
            segments={"lead_source": source, "team": team or ""},
            changes=[(at, f"{place:03d}", name) for place, (at, name) in enumerate(named)],
        )
        self.deals.append(deal)
        self.owner[number], self.band[number] = owner, band
        return deal


def write_standards(made: Made, folder: Path) -> None:
    """The standards of the company, in a folder of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(COMPANIES / "maven" / "standards", folder)
    shutil.rmtree(folder / "funnels")
    (folder / "funnels").mkdir()
    company = yaml.safe_load((folder / "company.yml").read_text(encoding="utf-8"))
    company |= {
        "time_zone": "Asia/Shanghai",
        "segments": list(SEGMENTS),
        "forecast_segment": "team",
        "minimum_n": made.minimum_n,
        "shrinkage_deals": made.shrinkage,
    }
    (folder / "company.yml").write_text(yaml.safe_dump(company), encoding="utf-8")
    rules = yaml.safe_load((folder / "rules.yml").read_text(encoding="utf-8"))
    rules["rules"] = [rule for rule in rules["rules"] if "from_stage" not in rule]
    (folder / "rules.yml").write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    for place, funnel in enumerate(made.funnels):
        starts = [date(2000, 1, 1), SECOND_VERSION_FROM]
        written = {
            "funnel": funnel.name,
            "name": {"en": funnel.name, "zh": funnel.name},
            "is_default": place == 0,
            "crm_names": {"generic": [funnel.name]},
            "versions": [
                {"valid_from": starts[number], "stages": _stages(funnel, criteria)}
                for number, criteria in enumerate(funnel.versions)
            ],
        }
        text = yaml.safe_dump(written, allow_unicode=True, sort_keys=False)
        (folder / "funnels" / f"{funnel.name}.yml").write_text(text, encoding="utf-8")


def _stages(funnel: Funnel, criteria: Iterable[tuple[str, str, str, str]]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for stage in (*funnel.stages, *OUTCOMES):
        one: dict[str, Any] = {
            "stage": stage,
            "name": {"en": stage, "zh": stage},
            "crm_names": {"generic": [f"{funnel.name} {stage}"]},
        }
        if stage in OUTCOMES:
            one["outcome"] = stage
        for where, gate, name, severity in criteria:
            if where == stage:
                one.setdefault(gate, []).append(
                    {
                        "criterion": name,
                        "kind": "recorded_event",
                        "severity": severity,
                        "wording": {"en": f"{name}?", "zh": f"{name}？"},
                        "advice": {"en": name, "zh": name},
                        "needs": {"all": [{"evidence": [name]}]},
                    }
                )
        listed.append(one)
    return listed


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=None) if at else None


def raw_rows(world: World) -> dict[str, list[dict[str, Any]]]:
    """The world's deals, their changes and their owners as rows of the neutral layout."""
    deals = [
        {
            "deal_id": deal.deal_id,
            "funnel": deal.funnel,
            "stage": deal.stage_name,
            "owner_id": world.owner[deal.deal_id],
            "created_at": _utc(deal.created),
            "modified_at": _utc(deal.modified),
            "lead_source": deal.segments["lead_source"] or None,
        }
        for deal in world.base.deals
    ]
    changes = [
        {"change_id": f"{deal.deal_id}-{number}", "deal_id": deal.deal_id, "stage": name, "changed_at": _utc(at)}
        for deal in world.base.deals
        for at, number, name in deal.changes
    ]
    users = [{"user_id": key, "user_name": name, "team": team} for key, (name, team) in world.users.items()]
    return {"deals": deals, "stage_changes": changes, "users": users}


def serve(models: CompiledModels, world: World) -> dict[str, list[dict[str, Any]]]:
    """The marts over this world, the standards of which the models must hold already."""
    models.write_raw(raw_rows(world))
    models.rebuild({"int_gate_evaluations": evaluations(world), "int_icp_scores": scores(world)})
    return {name: models.rows(name) for name in MARTS}


def evaluations(world: World) -> pl.DataFrame:
    rows = []
    for (criterion_id, deal_id), told in reference.asked(world).items():
        for passage, status in told:
            at = passage.passed_at
            rows.append(
                {
                    "criterion_id": criterion_id,
                    "deal_key": f"generic:{deal_id}",
                    "visit_id": f"generic:{deal_id}/{passage.number}",
                    "funnel": passage.run.place.funnel,
                    "funnel_version": version(at) if criterion_id.startswith("sales.") else 1,
                    "stage": passage.stage,
                    "gate": passage.gate,
                    "passed_at": _utc(at),
                    "to_stage": passage.run.place.stage,
                    "outcome": "missing" if status == "late" else status,
                    "is_late": status == "late",
                    "status": status,
                }
            )
    types = {"funnel_version": pl.Int64, "passed_at": pl.Datetime("us"), "is_late": pl.Boolean}
    names = [
        "criterion_id", "deal_key", "visit_id", "funnel", "funnel_version", "stage", "gate", "passed_at", "to_stage",
        "outcome", "is_late", "status",
    ]  # fmt: skip
    return pl.DataFrame(rows, {name: types.get(name, pl.String) for name in names})


def scores(world: World) -> pl.DataFrame:
    keys = [f"generic:{deal.deal_id}" for deal in world.base.deals]
    bands = [world.band[deal.deal_id] for deal in world.base.deals]
    scores = pl.DataFrame(
        {"deal_key": keys, "icp_band": bands, "icp_band_at_creation": bands},
        schema_overrides=dict.fromkeys(("deal_key", "icp_band", "icp_band_at_creation"), pl.String),
    )
    unknown = pl.lit(None, pl.Float64)
    return scores.with_columns(
        *(
            unknown.alias(f"icp_{name}")
            for name in ("score", "completeness", "score_at_creation", "completeness_at_creation")
        ),
        pl.lit("known_then").alias("creation_basis"),
    )


def version(at: datetime | None) -> int:
    return 1 if at is None or at.date() < SECOND_VERSION_FROM else 2


_KEPT = (("s2", "entry", "c", "block"), ("s3", "exit", "d", "block"))
SALES = Funnel(
    "sales",
    ["s1", "s2", "s3"],
    (
        (("s1", "exit", "a", "block"), ("s1", "exit", "b", "warn"), *_KEPT),
        (("s1", "exit", "a", "warn"), ("s1", "exit", "e", "block"), *_KEPT),
    ),
)
OTHER = Funnel("other", ["t1", "t2"], ((("t1", "exit", "f", "warn"), ("t2", "exit", "g", "block")),))
BARE = Funnel("bare", ["u1"])
RANDOM_FUNNELS = (SALES, OTHER, BARE)

WEIGHTS: Mapping[str, Sequence[float]] = {
    # met, late, waived, missing, failed, not_evaluated
    "mixed": (6, 1, 1, 2, 1, 1),
    "all_met": (1, 0, 0, 0, 0, 0),
    "none_met": (0, 1, 1, 2, 2, 0),
    "not_evaluated": (2, 0, 0, 1, 0, 6),
}


def random_world(seed: int) -> World:
    """Deals of three funnels with every flaw: no owner, no history, moves back, two moves at one instant, reopened.

    In every eighth world what is proven goes with how the deal ends, for the better or for the worse, and in another
    with its owner, who also takes longer.
    """
    draw = random.Random(seed)
    made = Made(RANDOM_FUNNELS)
    owners = ["one"] if seed % 8 == 3 else ["ann", "bob", "cyd", "unlisted", None]
    made.users = {"ann": ("Ann", "east"), "bob": ("Bob", "west"), "cyd": ("Cyd", None), "one": ("One", "east")}
    for _ in range(draw.choice([0, 20, 60, 120]) if seed % 8 not in (0, 7) else 150):
        funnel = draw.choice([SALES, SALES, SALES, OTHER, BARE])
        steps = _walk(draw, funnel, never_closes=seed % 8 == 4, backward=0.4 if seed % 8 == 6 else 0.12)
        if draw.random() < 0.05 and funnel is SALES:
            steps = [(steps[0][0] - 3.0, "other t1"), (steps[0][0] - 1.0, "other t2"), *steps]
        owner = draw.choice(owners)
        if seed % 8 == 7:
            stretch = 4.0 if owner == "ann" else 1.0
            steps = [(steps[0][0] + (day - steps[0][0]) * stretch, stage) for day, stage in steps]
            steps = [(float(int(day)), stage) for day, stage in steps]
        if len(set(steps)) < len(steps) or steps[0][0] * 1.0 >= (AS_OF - START).days:
            continue
        deal = made.deal(funnel.name, steps, owner, draw.choice(["ad", "web", ""]), draw.choice("AB"))
        if made.world().base.places[deal.stage_name].funnel != funnel.name:
            made.deals.pop()
            continue
        gap = draw.random()
        if gap < 0.06:
            deal.changes = []
        elif gap < 0.12:
            deal.changes = deal.changes[:-1]
        elif gap < 0.16:
            deal.changes, deal.created, deal.modified = [], None, None
    _draw_statuses(draw, made, seed)
    return made.world()


def _draw_statuses(draw: random.Random, made: Made, seed: int) -> None:
    weights = WEIGHTS[{1: "all_met", 2: "none_met", 5: "not_evaluated"}.get(seed % 8, "mixed")]
    base = made.world().base
    for deal in base.deals:
        drawn: dict[tuple[str, datetime | None], str] = {}
        is_good = (base.places[deal.stage_name].outcome == "won") == (seed % 16 == 0)
        if seed % 8 == 7:
            is_good = made.owner[deal.deal_id] == "ann"
        for passage in reference.passages(deal, base):
            at = passage.passed_at
            of = next(funnel for funnel in RANDOM_FUNNELS if funnel.name == passage.run.place.funnel)
            for criterion_id in sorted(of.asked(min(version(at), len(of.versions)))):
                status = draw.choices(reference.STATUSES, weights)[0]
                if seed % 8 in (0, 7) and draw.random() < 0.8:
                    status = "met" if is_good else "missing"
                # At one instant the same is known, however often the gate is passed at it.
                status = drawn.setdefault((criterion_id, at), status)
                made.status[criterion_id, deal.deal_id, passage.number] = "not_evaluated" if at is None else status


def _walk(draw: random.Random, funnel: Funnel, *, never_closes: bool, backward: float) -> list[tuple[float, str]]:
    day, rank, steps = draw.uniform(0, 280), 1 if draw.random() < 0.85 else draw.randint(1, len(funnel.stages)), []
    while len(steps) < 15:
        steps.append((day, funnel.stages[rank - 1]))
        gap = draw.choice([0.0, 1.0, 4.0]) if draw.random() < 0.3 else draw.expovariate(1 / 20)
        day += gap
        choice = draw.random()
        if choice < 0.6 and rank < len(funnel.stages):
            rank = min(len(funnel.stages), rank + draw.choice([1, 1, 2]))
        elif choice < 0.6 + backward and rank > 1:
            rank -= draw.randint(1, rank - 1)
        elif never_closes:
            return steps
        else:
            day += 0.5
            steps.append((day, draw.choice(["won", "won", "lost", "nurtured"])))
            if draw.random() < 0.9:
                return steps
            day, rank = day + draw.uniform(1, 20), draw.randint(1, len(funnel.stages))
    return steps


@dataclass(frozen=True)
class Plant:
    """What is true of the deals of a funnel with stages s1 (exit criterion `proof`) and s2, out of which it is decided.

    By ICP band: the chance to meet the criterion and to win where it is not met; `effect` is what meeting it adds.
    By number of the owner: what is added to the chance to meet it, to that to win, and what days are multiplied by.
    """

    met: Mapping[str, float] = field(default_factory=lambda: {"A": 0.7, "B": 0.7})
    won: Mapping[str, float] = field(default_factory=lambda: {"A": 0.5, "B": 0.3})
    effect: float = 0.0
    met_by_owner: Sequence[float] = (0.0,)
    won_by_owner: Sequence[float] = (0.0,)
    days_by_owner: Sequence[float] = (1.0,)
    won_by_source: Mapping[str, float] = field(default_factory=dict)
    # The share of an owner's deals that come from the source that the owner is best known for.
    specialised: float = 0.5
    # Proof that was not there at the gate comes after so many days, where the deal is still open by then.
    late_after_days: float | None = None


def planted(plants: Mapping[str, Plant], deals: int, owners: int = 6) -> Made:
    """A company with a funnel for each plant."""
    draw = random.Random(2026)
    made = Made([Funnel(name, ["s1", "s2"], ((("s1", "exit", "proof", "block"),),)) for name in plants], 20, 20)
    made.users = {f"o{number}": (f"Owner {number}", "team") for number in range(owners)}
    for name, plant in plants.items():
        for _ in range(deals):
            number = draw.randrange(owners)
            source = ("ad", "fair")[(number % 2) ^ (draw.random() >= plant.specialised)]
            band = draw.choice("AB")
            slower = plant.days_by_owner[number % len(plant.days_by_owner)]
            left = draw.uniform(0, 200)
            steps = [(left, "s1")]
            left += draw.lognormvariate(2.2, 0.7) * slower
            if draw.random() < 0.2:
                made.deal(name, [*steps, (left, "lost")], f"o{number}", source, band)
                continue
            is_met = draw.random() < plant.met[band] + plant.met_by_owner[number % len(plant.met_by_owner)]
            chance = plant.won[band] + plant.won_by_owner[number % len(plant.won_by_owner)]
            chance += plant.effect * is_met + plant.won_by_source.get(source, 0.0)
            is_won = draw.random() < chance
            # Winning takes longer than losing, as it does everywhere.
            stay = draw.lognormvariate(2.9 if is_won else 2.2, 0.7) * slower
            deal = made.deal(
                name, [*steps, (left, "s2"), (left + stay, "won" if is_won else "lost")], f"o{number}", source, band
            )
            status = "met" if is_met else "missing"
            known_days = min(left + stay, (AS_OF - START) / timedelta(days=1)) - left
            if not is_met and plant.late_after_days is not None and known_days > plant.late_after_days:
                status = "late"
            made.status[f"{name}.s1.proof", deal.deal_id, 1] = status
    return made
