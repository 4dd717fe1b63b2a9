"""Gates judged once more, slowly and plainly: loops over deals, gates and facts, no SQL, no frames.

Independent of the product on purpose: it reads the worlds that the tests make and the criteria as the YAML files say
them, and shares no code with what it checks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import combinations
from typing import Any

Condition = Mapping[str, Any]
EPOCH = date(1970, 1, 1)
OPEN_STAGES = ("one", "two", "three")


@dataclass
class Activity:
    type: str
    at: datetime
    status: str = "held"
    minutes: float | None = None
    direction: str | None = None
    present: bool | None = None
    role: str | None = None

    @property
    def kind(self) -> str:
        acted = self.status == "held" and (self.present or self.direction == "inbound")
        return "customer_action" if acted else "recorded_event"


@dataclass
class Fact:
    key: str
    at: datetime
    kind: str
    number: float | None = None
    text: str | None = None


@dataclass
class Contact:
    contact_id: str
    role: str
    added: datetime | None
    removed: datetime | None = None


@dataclass
class Deal:
    """`stages`: what it was in and from when.

    `values`: of each field from when it was what, and whether that was a change or only what was seen first.
    """

    deal_id: str
    stages: list[tuple[str, datetime]]
    activities: list[Activity] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    values: dict[str, list[tuple[datetime, str | None, bool]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """A stretch of time in which something was so. `since` is null where nobody knows from when."""

    since: datetime | None
    until: datetime | None
    is_enough: bool
    is_blank: bool = False


@dataclass(frozen=True)
class Gate:
    stage: str
    gate: str
    visit: str
    entered: datetime
    passed: datetime


def gates_passed(deal: Deal) -> Iterator[Gate]:
    """Every gate, each time it was passed; a close otherwise than won passes the entry of that outcome alone."""
    rank, furthest, occurrences = 0, 0, dict.fromkeys((*OPEN_STAGES, "won", "lost"), 0)
    left: tuple[str, datetime] | None = None
    for stage, at in deal.stages:
        occurrences[stage] += 1
        visit = f"generic:{deal.deal_id}/{stage}/{occurrences[stage]}"
        about, entered = left or (visit, at)
        if stage in OPEN_STAGES:
            to = OPEN_STAGES.index(stage) + 1
            yield from _between(rank, to, about, entered, at)
            furthest = max(furthest, to)
            rank, left = to, (visit, at)
        else:
            if stage == "won":
                yield from _between(rank, len(OPEN_STAGES) + 1, about, entered, at)
            yield Gate(stage, "entry", about, entered, at)
            rank, left = furthest, None


def _between(start: int, end: int, visit: str, entered: datetime, at: datetime) -> Iterator[Gate]:
    for number, stage in enumerate(OPEN_STAGES, start=1):
        if start <= number < end:
            yield Gate(stage, "exit", visit, entered, at)
        if start < number <= end:
            yield Gate(stage, "entry", visit, entered, at)


def told_of(condition: Condition, kind: str, deal: Deal, accepts: Mapping[str, Sequence[str]]) -> list[Told]:
    """All that speaks to a condition. What is of a kind that does not count says nothing."""
    told: list[Told] = []
    if "activity" in condition:
        for each in deal.activities:
            if each.type not in condition["activity"] or each.status not in condition.get("status", ["held"]):
                continue
            if each.kind in accepts[kind]:
                told.append(Told(each.at, None, _is_activity_enough(condition, each)))
    elif "contact_role" in condition:
        named = [each for each in deal.contacts if each.role in condition["contact_role"]]
        if "recorded_event" in accepts[kind]:
            told += [Told(each.added, each.removed, is_enough=True) for each in named]
    elif "field" in condition:
        told += _told_of_field(condition, deal)
    else:
        keys = condition.get("evidence") or condition["document"]
        for fact in deal.facts:
            is_paper = "evidence" in condition or fact.kind == "document"
            if fact.key in keys and fact.kind in accepts[kind] and is_paper:
                told.append(Told(fact.at, None, _is_value_enough(condition, fact.number, fact.text)))
    return told


def _is_activity_enough(condition: Condition, each: Activity) -> bool:
    tests: list[Callable[[], bool]] = [
        lambda: "at_least_minutes" not in condition or (each.minutes or -1) >= condition["at_least_minutes"],
        lambda: "direction" not in condition or each.direction in condition["direction"],
        lambda: "customer_present" not in condition or each.present is condition["customer_present"],
        lambda: "attended_by" not in condition or each.role in condition["attended_by"],
    ]
    return all(test() for test in tests)


def _is_value_enough(condition: Condition, number: float | None, text: str | None) -> bool:
    if "at_least" in condition and (number is None or number < condition["at_least"]):
        return False
    if "at_most" in condition and (number is None or number > condition["at_most"]):
        return False
    return "equals" not in condition or (text or "").strip().lower() in [each.lower() for each in condition["equals"]]


def _told_of_field(condition: Condition, deal: Deal) -> Iterator[Told]:
    own = deal.values.get(condition["field"], [])
    others = [condition[name] for name in ("at_least_field", "at_most_field") if name in condition]
    instants = {since for since, *_ in own}
    for other in others:
        instants |= {since for since, *_ in deal.values.get(other, [])}
    ordered = sorted(instants)
    for number, since in enumerate(ordered):
        until = ordered[number + 1] if number + 1 < len(ordered) else None
        value = _value_at(own, since)
        beside = [_value_at(deal.values.get(other, []), since) for other in others]
        # Before one of them was first known there is nothing to say.
        if value is None or any(each is None for each in beside):
            continue
        changed = any(at == since and is_change for at, _, is_change in own)
        is_enough = _is_field_enough(condition, value[0], [each[0] for each in beside if each])
        if condition.get("changed_since"):
            yield Told(since, None, is_enough and changed, value[0] is None)
        else:
            yield Told(since, until, is_enough, value[0] is None)


def _value_at(values: Sequence[tuple[datetime, str | None, bool]], at: datetime) -> tuple[str | None] | None:
    known = [(value,) for since, value, _ in values if since <= at]
    return known[-1] if known else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _is_field_enough(condition: Condition, text: str | None, beside: Sequence[str | None]) -> bool:
    if "filled" in condition and (text is not None) != condition["filled"]:
        return False
    if not _is_value_enough(condition, _number(text), text):
        return False
    for name, sign in (("not_before", 1), ("not_after", -1)):
        if name in condition:
            try:
                day = date.fromisoformat(text or "")
            except ValueError:
                return False
            if sign * (day - condition[name]).days < 0:
                return False
    bounds = [name for name in ("at_least_field", "at_most_field") if name in condition]
    for name, other in zip(bounds, beside, strict=True):
        mine, theirs = _number(text), _number(other)
        if mine is None or theirs is None or (mine < theirs if name == "at_least_field" else mine > theirs):
            return False
    return True


@dataclass(frozen=True)
class Answer:
    """state: met, no, unknown. is_later: not then, but since, and still so. is_denied: what was there then says no."""

    state: str
    is_later: bool
    is_denied: bool


def answer(condition: Condition, told: Sequence[Told], gate: Gate, due: datetime, *, is_answered: bool) -> Answer:
    """What a condition comes to at a gate. `is_answered`: whether the CRM tells of such things at all, and lately."""
    needs_change = "changed_since" in condition

    def counts(each: Told) -> bool:
        return each.is_enough and each.since is not None and (not needs_change or each.since >= gate.entered)

    dated = [(each, each.since) for each in told if each.since is not None]
    then = [each for each, since in dated if since <= due and (each.until is None or each.until > gate.passed)]
    is_later = any(counts(each) and each.until is None and since > due for each, since in dated)
    is_denied = any(not counts(each) and not each.is_blank for each in then)
    if any(counts(each) for each in then):
        return Answer("met", is_later, is_denied)
    is_unknown = not is_answered or any(each.since is None and each.is_enough for each in told)
    if "field" in condition:
        seen_by = gate.entered if needs_change else gate.passed
        is_unknown = is_unknown or not any(since <= seen_by for _, since in dated)
    return Answer("unknown" if is_unknown else "no", is_later, is_denied)


def outcome(
    answers: Sequence[Sequence[Answer]], steps_needed: int, conditions_needed: Sequence[int]
) -> tuple[str, str]:
    """Outcome and status, from the answers to the conditions of each step.

    By trying: a gate is met if some choice of as many steps and conditions as are needed is.
    """

    def holds(is_good: Callable[[Answer], bool]) -> bool:
        steps = [
            any(all(is_good(each) for each in chosen) for chosen in combinations(answers[number], needed))
            for number, needed in enumerate(conditions_needed)
        ]
        return sum(steps) >= steps_needed

    if holds(lambda each: each.state == "met"):
        return "met", "met"
    if holds(lambda each: each.state in ("met", "unknown")):
        return "not_evaluated", "not_evaluated"
    is_denied = False
    for number, needed in enumerate(conditions_needed):
        if sum(each.state == "met" for each in answers[number]) < needed:
            is_denied = is_denied or any(each.state == "no" and each.is_denied for each in answers[number])
    found = "failed" if is_denied else "missing"
    return found, "late" if holds(lambda each: each.state == "met" or each.is_later) else found
