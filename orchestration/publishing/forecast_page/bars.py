"""Where the parts of a bar lie, in per cent of its length.

Belongs here: geometry of the bars that the template draws; pure. Not here: the amounts, the looks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestration.publishing.forecast_page.content import Expected, ProofPeriod

# Room to the right of the largest mark, so that it can be seen whole.
_ROOM = Decimal("1.02")


@dataclass(frozen=True)
class Part:
    """One stretch of a bar. `at`, `width` and `middle` are per cent as SVG takes them; share: of the whole length."""

    name: str
    at: str
    width: str
    middle: str
    share: float


@dataclass(frozen=True)
class Bar:
    """Stretches end to end, and marks over them; a mark is None where there is nothing to mark."""

    parts: tuple[Part, ...]
    total: str | None
    low: str | None
    high: str | None
    target: str | None


def scale(periods: Iterable[Expected]) -> Decimal:
    """What the whole length stands for, so that bars of several periods can be held against each other."""
    marks = [
        mark
        for each in periods
        for mark in (each.total, each.high if each.has_interval else None, each.target, _length(each))
        if mark is not None
    ]
    return max([*marks, Decimal(0)]) * _ROOM


def bar(expected: Expected, length: Decimal) -> Bar:
    """What a period is made of: won so far, open deals, new business; its interval and target. Negative is nothing."""
    amounts = (("won", expected.won), ("open", expected.open), ("new", expected.new_business))
    return Bar(
        _parts(amounts, length),
        *(
            _share(mark, length) if mark is not None and length else None
            for mark in (
                expected.total,
                expected.low if expected.has_interval else None,
                expected.high if expected.has_interval else None,
                expected.target,
            )
        ),
    )


def proof_bar(period: ProofPeriod) -> tuple[Part, ...]:
    """The states of proof of a period, the worst first, over the whole length."""
    amounts = [(line.state, line.expected) for line in period.lines]
    return _parts(amounts, sum((max(amount, Decimal(0)) for _, amount in amounts if amount is not None), Decimal(0)))


def _length(expected: Expected) -> Decimal:
    known = (expected.won, expected.open, expected.new_business)
    return sum((max(amount, Decimal(0)) for amount in known if amount is not None), Decimal(0))


def _parts(amounts: Sequence[tuple[str, Decimal | None]], length: Decimal) -> tuple[Part, ...]:
    made, at = [], Decimal(0)
    for name, amount in amounts:
        if amount is None or amount <= 0 or not length:
            continue
        made.append(
            Part(
                name,
                at=_share(at, length),
                width=_share(amount, length),
                middle=_share(at + amount / 2, length),
                share=float(amount / length),
            )
        )
        at += amount
    return tuple(made)


def _share(amount: Decimal, length: Decimal) -> str:
    return f"{max(Decimal(0), 100 * amount / length):.2f}%"
