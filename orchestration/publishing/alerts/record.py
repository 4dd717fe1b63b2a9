"""What became of the digests of one night, as a file that the next run of the night reads, and in sentences.

Belongs here: the file and what it says of each recipient. Not here: URLs, addresses, or anything that they could be
guessed from. No instant either: a record tells what happened, and the same happening twice writes the same bytes.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

# Of recipients with one and the same reason, as many are named in a sentence; the file has all.
MOST_NAMED = 5
# The audience of which each recipient is told of other deals.
OWNERS = "owners"
Status = Literal["delivered", "nothing_new", "failed", "not_configured", "no_address"]
# Nothing to be done about them: whoever should know does, or there is nothing to know.
SETTLED: tuple[Status, ...] = ("delivered", "nothing_new")
UNSETTLED: tuple[Status, ...] = ("failed", "not_configured", "no_address")


@dataclass(frozen=True)
class Delivery:
    """One recipient of one audience.

    recipient: the number of the URL in its variable, or an owner key; empty where an audience is meant as a whole.
    new: how much news the last digest had. told: keys of all news that reached the recipient. attempts and reason:
    of the last digest that was to be sent.
    """

    audience: str
    recipient: str
    status: Status
    new: int = 0
    told: tuple[str, ...] = ()
    attempts: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Record:
    """All recipients of a night. fault: why alerts could not be made at all, which no night fails for."""

    deliveries: tuple[Delivery, ...] = ()
    fault: str | None = None

    def of(self, audience: str, recipient: str) -> Delivery | None:
        return next(
            (each for each in self.deliveries if (each.audience, each.recipient) == (audience, recipient)), None
        )


def read(path: Path) -> Record:
    """The record of a night; an empty one where nobody was to be told yet."""
    if not path.exists():
        return Record()
    stored = json.loads(path.read_text(encoding="utf-8"))
    deliveries = tuple(Delivery(**{**each, "told": tuple(each["told"])}) for each in stored["deliveries"])
    return Record(deliveries, stored["fault"])


def content(deliveries: Sequence[Delivery], fault: str | None = None) -> bytes:
    """The bytes of a record, recipients in the order of their audiences and names."""
    ordered = sorted(deliveries, key=lambda each: (each.audience, each.recipient))
    stored = {"deliveries": [asdict(each) for each in ordered], "fault": fault}
    return (json.dumps(stored, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


# In words


def sentences(made: Record, *, about: Collection[str] | None = None, is_latest: bool = True) -> list[str]:
    """One for each audience, naming no URL and no address.

    about: only audiences with a recipient of one of these; of all where it is None. is_latest: whether the night would
    tell anybody if it were run again.
    """
    shown = [each.audience for each in made.deliveries if about is None or each.status in about]
    lines = [_sentence(name, made, is_latest=is_latest) for name in dict.fromkeys(shown)]
    if made.fault:
        lines.append(f"fault: no digest could be made, {made.fault}" + ("; run the night again" if is_latest else ""))
    return lines


def _sentence(name: str, made: Record, *, is_latest: bool) -> str:
    of_audience = [each for each in made.deliveries if each.audience == name]
    delivered = [each for each in of_audience if each.status == "delivered"]
    failed = [each for each in of_audience if each.status not in SETTLED]
    if not delivered and not failed:
        return f"{name}: nothing new"
    if not failed:
        return f"{name}: {_number(delivered)} new, delivered" + (f" to {len(delivered)}" if len(delivered) > 1 else "")
    unset = next((each.reason for each in failed if each.status == "not_configured"), None)
    if unset is not None:
        return f"{name}: not told, as {unset}"
    reached = f", {len(delivered)} of {len(delivered) + len(failed)} delivered" if delivered else ", not delivered"
    can_retry = is_latest and any(each.status == "failed" for each in failed)
    again = "; run the night again to try again" if can_retry else ""
    return f"{name}: {_number(of_audience)} new{reached}: {_reasons(failed, len(of_audience))}{again}"


def _number(deliveries: Sequence[Delivery]) -> int:
    """News of an audience: each of its URLs has the same, each owner has their own."""
    if all(each.audience == OWNERS for each in deliveries):
        return sum(each.new for each in deliveries)
    return max(each.new for each in deliveries)


def _reasons(failed: Sequence[Delivery], recipients: int) -> str:
    """Why, and for whom where that is not plain: a hundred owners without an address are one reason."""
    by_reason: dict[str, list[str]] = {}
    for each in failed:
        attempts = f" after {each.attempts} attempts" if each.attempts > 1 else ""
        by_reason.setdefault(f"{each.reason}{attempts}", []).append(each.recipient)
    if recipients == 1 and failed[0].audience != OWNERS:
        return next(iter(by_reason))
    return "; ".join(f"{reason} ({_named(who)})" for reason, who in by_reason.items())


def _named(recipients: Sequence[str]) -> str:
    named = ", ".join(recipients[:MOST_NAMED])
    left = len(recipients) - MOST_NAMED
    return f"{named} and {left} more" if left > 0 else named


def brief(made: Record) -> str:
    """A word or two."""
    failed = sum(each.status not in SETTLED for each in made.deliveries) + (made.fault is not None)
    delivered = sum(each.status == "delivered" for each in made.deliveries)
    if failed:
        return f"{failed:,} not told"
    return f"{delivered:,} told" if delivered else "nothing new"
