"""What a count usually is, from the nights before, and whether tonight's is beyond it.

Belongs here: medians and how far counts stray from them. Not here: what is counted, or what follows from a jump.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from quality.standards_models import UsualRange

# The median distance from the median of normal noise, times this, is its standard deviation.
_MAD_TO_DEVIATION = 1.4826


@dataclass(frozen=True)
class Count:
    """A count of one earlier night, and whether it was beyond its range then."""

    count: int
    is_beyond: bool


@dataclass(frozen=True)
class Verdict:
    """Tonight's count against the nights before. low and high are null where too few nights are known.

    is_incident: beyond the range, and not for so many nights in a row that it is the new state of things.
    """

    nights_compared: int
    low: int | None
    high: int | None
    is_beyond: bool
    is_incident: bool


def judge_count(count: int, earlier: Sequence[Count], usual: UsualRange) -> Verdict:
    """earlier: oldest first, nights on which there was no count left out.

    Median and median distance, because one broken night among them must not widen the range for the next one.
    """
    compared = [each.count for each in earlier[-usual.nights :]]
    if len(compared) < usual.minimum_nights:
        return Verdict(len(compared), None, None, is_beyond=False, is_incident=False)
    centre = median(compared)
    deviation = _MAD_TO_DEVIATION * median(abs(each - centre) for each in compared)
    reach = max(usual.deviations * deviation, usual.at_least, centre * usual.at_least_pct / 100)
    low, high = max(0, math.floor(centre - reach)), math.ceil(centre + reach)
    is_beyond = not low <= count <= high
    streak = next((n for n, each in enumerate(reversed(earlier)) if not each.is_beyond), len(earlier))
    return Verdict(len(compared), low, high, is_beyond, is_incident=is_beyond and streak < usual.held_nights)
