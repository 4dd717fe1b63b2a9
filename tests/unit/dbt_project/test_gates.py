"""Gates of random funnels over random worlds, from raw tables to findings, against a slow reference."""

import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import gate_reference as reference
import pytest
import yaml
from compiled_models import compile_models
from gate_reference import OPEN_STAGES, Activity, Contact, Deal, Fact, Gate

from orchestration.night import PROJECT

SEEDS = 10
AS_OF = datetime(2026, 3, 31, 16, tzinfo=UTC)
SHIPPED = PROJECT / "quality" / "standards"
MODELS = ("quality_findings", "deals_next_gate")
CRM_NAMES = {"one": "One", "two": "Two", "three": "Three", "won": "Won", "lost": "Lost"}
CRM_TYPES = {"demo": "Product Demo", "call": "电话", "site tour": "Site Tour"}
WORDING = {"en": "x", "zh": "x"}
# Fields whose changes the CRM records, those that only extracts tell, and an attribute of the company's own.
RECORDED, OBSERVED, ATTRIBUTE = "product", ("amount", "next_step", "expected_close_date"), "x_limit"

Standards = dict[str, Any]


@dataclass
class World:
    deals: list[Deal]
    raw: dict[str, list[dict[str, Any]]]
    fresh: dict[str, bool]


Judged = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Standards, World], Judged]:
    """Gives standards and a world to the models, and their tables back. dbt compiles once."""
    root = tmp_path_factory.mktemp("gates")
    models = compile_models(root, SHIPPED, date(2026, 3, 31), MODELS)

    def run(standards: Standards, world: World) -> Judged:
        folder = root / "standards"
        shutil.rmtree(folder, ignore_errors=True)
        _write(folder, standards)
        models.write_standards(folder)
        models.write_raw(world.raw)
        models.write_inputs(
            {
                "crm": "generic",
                "feeds": name,
                "last_extracted_at": (AS_OF - timedelta(days=0 if fresh else 30)).replace(tzinfo=None),
            }
            for name, fresh in world.fresh.items()
        )
        models.rebuild()
        return {name: models.rows(name) for name in MODELS}

    return run


def _write(folder: Path, standards: Standards) -> None:
    shutil.copytree(SHIPPED, folder)
    for path in (folder / "funnels").glob("*.yml"):
        path.unlink()
    rules = yaml.safe_load((folder / "rules.yml").read_text(encoding="utf-8"))
    rules |= {"rules": [], "stalls": {**rules["stalls"], "reasons": []}}
    (folder / "rules.yml").write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    (folder / "funnels" / "f.yml").write_text(yaml.safe_dump(standards, allow_unicode=True), encoding="utf-8")


# Random funnels


def random_standards(draw: random.Random) -> Standards:
    """A funnel with criteria of every form at every gate, the entries of won and lost included."""
    numbers = iter(range(1000))

    def criteria() -> list[dict[str, Any]]:
        return [_criterion(draw, f"c{next(numbers)}") for _ in range(draw.choice([1, 1, 2]))]

    stages: list[dict[str, Any]] = [
        {
            "stage": stage,
            "name": WORDING,
            "crm_names": {"generic": [CRM_NAMES[stage]]},
            "entry": criteria(),
            "exit": criteria(),
        }
        for stage in OPEN_STAGES
    ]
    stages += [
        {
            "stage": stage,
            "name": WORDING,
            "outcome": stage,
            "crm_names": {"generic": [CRM_NAMES[stage]]},
            "entry": criteria(),
        }
        for stage in ("won", "lost")
    ]
    versions = [{"valid_from": date(2000, 1, 1), "stages": stages}]
    return {"funnel": "f", "name": WORDING, "is_default": True, "versions": versions}


def _criterion(draw: random.Random, name: str) -> dict[str, Any]:
    kind = draw.choice(["customer_action", "recorded_event", "document", "field", "field"])
    steps: list[dict[str, Any]] = []
    for _ in range(draw.choice([1, 1, 2, 3])):
        inner = [_condition(draw, kind) for _ in range(2)]
        steps.append(draw.choice([inner[0], inner[0], {"any_of": inner}, {"all_of": inner}]))
    way = draw.choice(["all", "any", "at_least"])
    needs = {way: {"k": draw.randint(1, len(steps)), "of": steps} if way == "at_least" else steps}
    return {
        "criterion": name,
        "kind": kind,
        "severity": draw.choice(["block", "warn"]),
        "grace_days": draw.choice([0, 0, 2]),
        "wording": WORDING,
        "advice": WORDING,
        "needs": needs,
    }


def _condition(draw: random.Random, kind: str) -> dict[str, Any]:
    subjects = {
        "customer_action": ["activity", "evidence"],
        "recorded_event": ["activity", "evidence", "contact_role"],
        "document": ["document", "evidence"],
        "field": ["activity", "evidence", "document", "contact_role", "field", "field", "field", "field"],
    }
    return {
        "activity": lambda draw, _: _activity_condition(draw, kind),
        "evidence": _evidence_condition,
        "document": _evidence_condition,
        "contact_role": lambda draw, _: {"contact_role": draw.choice([["champion"], ["champion", "user"]])},
        "field": lambda draw, _: _field_condition(draw),
    }[subject := draw.choice(subjects[kind])](draw, subject)


def _some(draw: random.Random, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if draw.random() < 0.35}


def _activity_condition(draw: random.Random, kind: str) -> dict[str, Any]:
    # What was not held is no act of the customer; a file that asks for it is refused.
    not_held = [] if kind == "customer_action" else [["planned", "cancelled"]]
    return {
        "activity": draw.choice([["demo"], ["demo", "call"], ["site tour"]]),
        **_some(
            draw,
            {
                "at_least_minutes": draw.choice([20, 30]),
                "status": draw.choice([["held"], *not_held, ["held", "planned"]]),
                "direction": draw.choice([["inbound"], ["inbound", "outbound"]]),
                "customer_present": draw.choice([True, False]),
                "attended_by": draw.choice([["champion"], ["champion", "decision_maker"]]),
            },
        ),
    }


def _evidence_condition(draw: random.Random, subject: str) -> dict[str, Any]:
    bounds = {"at_least": draw.choice([1, 3]), "at_most": 4, "equals": draw.choice([["Yes"], ["yes", "是"]])}
    return {subject: draw.choice([["a"], ["a", "b"]]), **_some(draw, bounds)}


def _field_condition(draw: random.Random) -> dict[str, Any]:
    return draw.choice(
        [
            {"field": draw.choice([*OBSERVED, RECORDED, ATTRIBUTE]), "filled": True},
            {"field": draw.choice([*OBSERVED, RECORDED, ATTRIBUTE]), "filled": False},
            {"field": draw.choice([*OBSERVED, RECORDED, ATTRIBUTE]), "changed_since": "stage_entered"},
            {"field": "amount", "at_least": 50, **_some(draw, {"changed_since": "stage_entered"})},
            {"field": ATTRIBUTE, "at_most": 60},
            {"field": "expected_close_date", "not_before": date(2026, 3, 10)},
            {"field": "expected_close_date", "not_before": date(2026, 3, 5), "not_after": date(2026, 3, 20)},
            {"field": RECORDED, "equals": ["suite", "CORE"]},
            {"field": "amount", "at_least_field": ATTRIBUTE},
            {"field": ATTRIBUTE, "at_most_field": "amount", "at_least": 10},
            {"field": ATTRIBUTE, "at_least_field": "amount", "at_most_field": "amount"},
        ]
    )


# Random worlds


def random_world(draw: random.Random) -> World:
    fresh = {name: draw.random() < 0.85 for name in ("activities", "evidence", "contact_roles")} | {"deals": True}
    names = (
        *("deals", "deals_observed", "deals_attributes_observed", "stage_changes", "field_changes"),
        *("activities", "evidence", "contact_roles"),
    )
    world = World([], {name: [] for name in names}, fresh)
    # What some CRMs never tell of any activity or contact.
    silent = {name for name in ("minutes", "direction", "customer_present", "contact_role") if draw.random() < 0.15}
    has_contacts = draw.random() < 0.85
    changes: dict[str, list[tuple[datetime, str | None, str | None]]] = {}
    for number in range(40):
        deal = Deal(str(number), list(_stages(draw)))
        world.deals.append(deal)
        created = deal.stages[0][1] - timedelta(hours=draw.choice([0, 5]))
        deal_id = {"deal_id": deal.deal_id}
        stage_now = CRM_NAMES[deal.stages[-1][0]]
        world.raw["deals"].append({**deal_id, "stage": stage_now, "created_at": _utc(created)})
        world.raw["stage_changes"] += [
            {**deal_id, "change_id": f"{number}-{n}", "stage": CRM_NAMES[stage], "changed_at": _utc(at)}
            for n, (stage, at) in enumerate(deal.stages)
        ]
        _add_activities(draw, world, deal, silent)
        _add_evidence(draw, world, deal)
        if has_contacts:
            _add_contacts(draw, world, deal)
        changes[deal.deal_id] = list(_recorded_changes(draw, created))
        world.raw["field_changes"] += [
            {**deal_id, "field": RECORDED, "old_value": old, "new_value": new, "changed_at": _utc(at)}
            for at, old, new in changes[deal.deal_id]
        ]
        _add_observations(draw, world, deal, created, stage_now)
    tracked_from = min((each[0][0] for each in changes.values() if each), default=None)
    for deal, row in zip(world.deals, world.raw["deals"], strict=True):
        _value_recorded(deal, changes[deal.deal_id], tracked_from, row["created_at"].replace(tzinfo=UTC))
    return world


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=None) if at else None


def _instant(draw: random.Random) -> datetime:
    # Few days and hours, so that facts and gates often meet at one instant.
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=draw.randint(0, 29), hours=draw.choice([0, 6, 12]))


def _stages(draw: random.Random) -> Iterator[tuple[str, datetime]]:
    instants = sorted({_instant(draw) for _ in range(draw.randint(1, 6))})
    before = ""
    for at in instants:
        names = [*OPEN_STAGES, *OPEN_STAGES, "won", "lost"]
        stage = draw.choice([name for name in names if name != before])
        yield stage, at
        before = stage


def _add_activities(draw: random.Random, world: World, deal: Deal, silent: set[str]) -> None:
    for n in range(draw.randint(0, 4)):
        each = Activity(
            type=draw.choice(list(CRM_TYPES)),
            at=_instant(draw) + timedelta(days=draw.choice([0, 0, 0, 2])),
            status=draw.choice(["held", "held", "held", "planned", "cancelled"]),
            minutes=None if "minutes" in silent else draw.choice([None, 10, 20, 30, 45]),
            direction=None if "direction" in silent else draw.choice([None, "inbound", "outbound", "internal"]),
            present=None if "customer_present" in silent else draw.choice([None, True, True, False]),
            role=None if "contact_role" in silent else draw.choice([None, "champion", "decision_maker", "user"]),
        )
        world.raw["activities"].append(
            {
                "activity_id": f"{deal.deal_id}-{n}",
                "deal_id": deal.deal_id,
                "activity_type": CRM_TYPES[each.type],
                "occurred_at": _utc(each.at),
                "minutes": each.minutes,
                "direction": each.direction,
                "status": each.status,
                "customer_present": each.present,
                "contact_role": each.role,
            }
        )
        if each.at < AS_OF:
            deal.activities.append(each)


def _add_evidence(draw: random.Random, world: World, deal: Deal) -> None:
    for n in range(draw.randint(0, 4)):
        each = Fact(
            key=draw.choice(["a", "b"]),
            at=_instant(draw) + timedelta(days=draw.choice([0, 0, 0, 2])),
            kind=draw.choice(["customer_action", "recorded_event", "document", "seller_opinion"]),
            number=draw.choice([None, 0, 1, 3, 5]),
            text=draw.choice([None, "yes", " YES", "no", "是"]),
        )
        world.raw["evidence"].append(
            {
                "deal_id": deal.deal_id,
                "evidence_key": each.key,
                "observed_at": _utc(each.at),
                "number": each.number,
                "text": each.text,
                "kind": each.kind,
                "source_id": f"{deal.deal_id}-{n}",
            }
        )
        if each.at < AS_OF:
            deal.facts.append(each)


def _add_contacts(draw: random.Random, world: World, deal: Deal) -> None:
    for n in range(draw.randint(0, 2)):
        added = draw.choice([None, _instant(draw), _instant(draw)])
        removed = None if added is None else draw.choice([None, None, added + timedelta(days=draw.randint(0, 9))])
        role = draw.choice(["champion", "user", "decision_maker"])
        world.raw["contact_roles"].append(
            {
                "deal_id": deal.deal_id,
                "contact_id": f"{deal.deal_id}-{n}",
                "role": role,
                "added_at": _utc(added),
                "removed_at": _utc(removed),
            }
        )
        is_gone = removed is not None and removed < AS_OF
        deal.contacts.append(Contact(f"{deal.deal_id}-{n}", role, added, removed if is_gone else None))


def _recorded_changes(draw: random.Random, created: datetime) -> Iterator[tuple[datetime, str | None, str | None]]:
    before = draw.choice([None, "suite", "core"])
    for at in sorted({_instant(draw) for _ in range(draw.choice([0, 0, 1, 2]))}):
        after = draw.choice([each for each in (None, "suite", "core", "other") if each != before])
        if at > created:
            yield at, before, after
            before = after


def _value_recorded(
    deal: Deal,
    changes: list[tuple[datetime, str | None, str | None]],
    tracked_from: datetime | None,
    created: datetime,
) -> None:
    """A recorded field is known from when the CRM began to keep it; one without changes always was what it is."""
    values = deal.values.get(RECORDED, [])
    if changes and tracked_from is not None:
        first = max(created, tracked_from)
        values = [(first, changes[0][1], False)] if first < changes[0][0] else []
        values += [(at, after, True) for at, _, after in changes]
    elif values and tracked_from is not None:
        values = [(min(values[0][0], max(created, tracked_from)), values[0][1], False)]
    deal.values[RECORDED] = values


def _add_observations(draw: random.Random, world: World, deal: Deal, created: datetime, stage_now: str) -> None:
    """Extracts of some nights: a standard field is dated by the record's last change, an attribute by the extract."""
    constant = draw.choice([None, "suite", "core"])
    now = {"amount": None, "next_step": None, "expected_close_date": None, RECORDED: constant}
    seen: datetime | None = None
    deal.values |= {name: [] for name in (*OBSERVED, RECORDED)}
    for modified in sorted({_instant(draw) for _ in range(draw.randint(1, 4))}):
        observed = modified + timedelta(hours=2)
        if modified < created or (seen is not None and modified <= seen):
            continue
        now |= {
            "amount": draw.choice([None, 40, 60, 80]),
            "next_step": draw.choice([None, " ", "call", "visit"]),
            "expected_close_date": draw.choice([None, date(2026, 3, 5), date(2026, 3, 15), date(2026, 4, 1)]),
        }
        mark = {"modified_at": _utc(modified), "observed_at": _utc(observed), "previous_observed_at": _utc(seen)}
        row = {"deal_id": deal.deal_id, "stage": stage_now, "is_present": True}
        world.raw["deals_observed"].append({**row, **mark, **now})
        for name in (*OBSERVED, RECORDED):
            value = str(now[name]).strip() or None if now[name] is not None else None
            if not deal.values[name] or deal.values[name][-1][1] != value:
                deal.values[name].append((modified, value, bool(deal.values[name])))
        seen = observed
    deal.values[ATTRIBUTE] = []
    before: datetime | None = None
    for observed in sorted({_instant(draw) + timedelta(hours=3) for _ in range(draw.randint(0, 3))}):
        value = draw.choice([None, "30", "60", "70", "much"])
        world.raw["deals_attributes_observed"].append(
            {
                "record_id": deal.deal_id,
                "attribute": ATTRIBUTE.removeprefix("x_"),
                "attribute_value": value,
                "is_present": True,
                "observed_at": _utc(observed),
                "previous_observed_at": _utc(before),
            }
        )
        # The business date begins at 16:00 UTC of the day before.
        day = (observed - timedelta(hours=16, microseconds=1)).replace(hour=16, minute=0, second=0, microsecond=0)
        values = deal.values[ATTRIBUTE]
        if not values:
            values.append((observed, value, False))
        elif values[-1][1] != value:
            assert before is not None
            values.append((max(day, before), value, True))
        before = observed


# Expectations


def _steps(criterion: Mapping[str, Any]) -> tuple[int, list[tuple[int, list[Mapping[str, Any]]]]]:
    """How many steps are needed, and of each how many of which conditions."""
    ((way, said),) = criterion["needs"].items()
    steps = said["of"] if way == "at_least" else said
    needed = {"all": len(steps), "any": 1}.get(way, said["k"] if way == "at_least" else 0)
    shaped = []
    for step in steps:
        inner = step.get("any_of") or step.get("all_of") or [step]
        shaped.append((len(inner) if "all_of" in step else 1, inner))
    return needed, shaped


def _is_answered(condition: Mapping[str, Any], kind: str, world: World) -> bool:
    activities = [each for deal in world.deals for each in deal.activities]
    if "activity" in condition:
        told = {
            "at_least_minutes": any(each.minutes is not None for each in activities),
            "direction": any(each.direction is not None for each in activities),
            "customer_present": any(each.present is not None for each in activities),
            "attended_by": any(each.role is not None for each in activities),
        }
        acted = kind != "customer_action" or any(each.kind == "customer_action" for each in activities)
        return world.fresh["activities"] and acted and all(told[name] for name in told if name in condition)
    if "contact_role" in condition:
        return world.fresh["contact_roles"] and any(deal.contacts for deal in world.deals)
    if "field" in condition:
        return any(value is not None for deal in world.deals for _, value, _ in deal.values.get(condition["field"], []))
    return world.fresh["evidence"]


def expected(standards: Standards, world: World) -> tuple[dict[tuple[str, str, str], tuple[str, str]], dict[Any, str]]:
    """(criterion, deal, visit) -> outcome and status of every gate passed; (criterion, deal) -> outcome ahead."""
    accepts = yaml.safe_load((SHIPPED / "evidence.yml").read_text(encoding="utf-8"))["accepts"]
    stages = {stage["stage"]: stage for stage in standards["versions"][0]["stages"]}
    passed, ahead = {}, {}
    for deal in world.deals:
        for gate, is_ahead in [*((gate, False) for gate in reference.gates_passed(deal)), *_gates_ahead(deal)]:
            for criterion in stages[gate.stage].get(gate.gate, []):
                due = gate.passed + timedelta(days=criterion["grace_days"])
                needed, steps = _steps(criterion)
                answers = [
                    [
                        reference.answer(
                            condition,
                            reference.told_of(condition, criterion["kind"], deal, accepts),
                            gate,
                            due,
                            # Extracts reach to the end of the night; what comes within the grace may still count.
                            is_answered=(is_ahead or due <= AS_OF)
                            and _is_answered(condition, criterion["kind"], world),
                        )
                        for condition in conditions
                    ]
                    for _, conditions in steps
                ]
                found = reference.outcome(answers, needed, [k for k, _ in steps])
                key = (f"f.{gate.stage}.{criterion['criterion']}", f"generic:{deal.deal_id}")
                if is_ahead:
                    ahead[key] = found[0]
                else:
                    assert (*key, gate.visit) not in passed
                    passed[(*key, gate.visit)] = found
    return passed, ahead


def _gates_ahead(deal: Deal) -> Iterator[tuple[Gate, bool]]:
    stage, entered = deal.stages[-1]
    if stage in OPEN_STAGES:
        yield Gate(stage, "exit", "", entered, AS_OF), True
        following = OPEN_STAGES[OPEN_STAGES.index(stage) + 1 :]
        for each in following[:1]:
            yield Gate(each, "entry", "", entered, AS_OF), True


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_gate_of_a_random_funnel_is_judged_as_by_hand(
    seed: int, judged: Callable[[Standards, World], Judged]
) -> None:
    draw = random.Random(seed)
    standards, world = random_standards(draw), random_world(draw)
    found = judged(standards, world)
    passed, ahead = expected(standards, world)
    findings = {
        (row["rule_id"], row["deal_key"], row["visit_id"]): (row["outcome"], row["status"])
        for row in found["quality_findings"]
    }
    next_gates = {(row["criterion_id"], row["deal_key"]): row["outcome"] for row in found["deals_next_gate"]}
    assert {key: (findings.get(key), value) for key, value in passed.items() if findings.get(key) != value} == {}
    assert set(findings) == set(passed)
    assert next_gates == ahead


def test_the_random_worlds_hold_every_outcome_many_times() -> None:
    counted: dict[str, int] = {}
    for seed in range(SEEDS):
        draw = random.Random(seed)
        standards, world = random_standards(draw), random_world(draw)
        for _, status in expected(standards, world)[0].values():
            counted[status] = counted.get(status, 0) + 1
    assert set(counted) == {"met", "late", "missing", "failed", "not_evaluated"}
    assert min(counted.values()) > 100
