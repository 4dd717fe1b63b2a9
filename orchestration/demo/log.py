"""What the lives of deals are lived on: where each deal stands, and what is told of it. No draw, no decision."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from orchestration.demo import company
from orchestration.demo.calendar import Floats
from orchestration.demo.change import Change
from orchestration.demo.columns import Bools, Ints, Rows

NEVER = np.inf
STAGE_CHANGE, EDIT, DELETION = range(3)
CHANGE_KINDS = ("stage", "edit", "deleted")
# How a row of evidence answers: no, yes, in words, with a day, or with a number alone.
NO, YES, WORDS, DAY, NOTHING = 0, 1, 2, 3, -1


@dataclass
class Deals:
    """All deals as arrays of one length: facts that never change, and where each stands now."""

    created: Floats
    account: Ints
    is_expansion: Bools
    region: Ints
    owner: Ints
    source: Ints
    product: Ints
    is_chinese: Bools
    diligence: Floats
    cadence: Floats
    skill: Floats
    latent: Floats
    fit_score: Floats
    log_odds: Floats
    has_lead: Bools
    lead_created: Floats
    amount: Floats
    has_amount: Bools
    close_at: Floats
    rounding: Floats
    stage: Ints
    entered: Floats
    proven_at: Floats
    is_crossed: Bools
    next_step: Ints
    champion_left: Floats
    outcome: Ints
    ended: Floats


@dataclass
class Log:
    """Everything that is told of the deals while they live, up to the world's end."""

    end: float
    changes: Rows = field(default_factory=Rows)
    activities: Rows = field(default_factory=Rows)
    evidence: Rows = field(default_factory=Rows)
    gates: Rows = field(default_factory=Rows)

    def change(self, deals: Deals, at: Ints, times: Floats, kind: int, lost_reason: Any = -1) -> None:
        """One row of each deal's own log, carrying its state."""
        self.changes.add(
            times < self.end,
            deal=at.astype(np.int32),
            time=times,
            kind=np.int8(kind),
            stage=deals.stage[at].astype(np.int8),
            entered=deals.entered[at],
            amount=np.where(deals.has_amount[at], np.round(deals.amount[at] * 100), -1).astype(np.int64),
            close_at=deals.close_at[at],
            next_step=deals.next_step[at].astype(np.int8),
            lost_reason=np.asarray(lost_reason, dtype=np.int8),
        )

    def activity(
        self,
        at: Ints,
        times: Floats,
        kind: Any,
        minutes: Any,
        *,
        direction: Any = company.OUTBOUND,
        status: Any = company.HELD,
        is_present: Any = True,
        role: Any = -1,
    ) -> None:
        self.activities.add(
            times < self.end,
            deal=at.astype(np.int32),
            time=times,
            type=np.asarray(kind, dtype=np.int8),
            minutes=np.asarray(minutes, dtype=np.int16),
            direction=np.asarray(direction, dtype=np.int8),
            status=np.asarray(status, dtype=np.int8),
            is_present=np.asarray(is_present, dtype=np.bool_),
            role=np.asarray(role, dtype=np.int8),
        )

    def fact(self, at: Ints, times: Floats, key: str, number: Any, *, answer: Any, kind: Any) -> None:
        """One row of evidence. `answer`: 1 yes, 0 no, 2 a confirmation in words, 3 a date, -1 a number alone."""
        self.evidence.add(
            times < self.end,
            deal=at.astype(np.int32),
            time=times,
            key=np.int8(company.EVIDENCE_KEYS.index(key)),
            number=np.asarray(number, dtype=np.int8),
            answer=np.asarray(answer, dtype=np.int8),
            kind=np.asarray(kind, dtype=np.int8),
        )


@dataclass(frozen=True)
class Worsening:
    """A change with its day in model time, and a source of chance of its own: the others draw as if it were not."""

    change: Change
    since: float
    rng: np.random.Generator

    def from_then(self, times: Floats, amount: float) -> Floats:
        """The amount at times since the change, and 0 before."""
        return np.where(times >= self.since, amount, 0.0)


@dataclass(frozen=True)
class Life:
    """The deals with the source of chance that they are lived by and the log that tells of them."""

    rng: np.random.Generator
    deals: Deals
    log: Log
    worsening: Worsening | None = None
