"""What became worse at the demo company from some day on, one thing at a time or several. Numbers, and no draw.

A world with a change differs from the ordinary one in two more ways, on all of its days alike, so that what a change
makes commoner was there before: a visit that hardly anybody follows up in its first fortnight goes on less often, and
a few are closed at once. With nothing worse it is the world that the others are compared with.
"""

from dataclasses import dataclass
from datetime import date

# How many times a visit's owner gets in touch in its first fortnight, in the mean.
FORTNIGHT_DAYS = 14.0
TOUCHES = 3.0
# What a visit loses of its log-odds with no touch in the fortnight, and with one; with two or more nothing.
TOUCH_PENALTY = (1.6, 0.8)
# The share of visits that are closed as lost before anybody has tried, and within how many days.
CLOSED_EARLY = 0.04
CLOSED_EARLY_DAYS = (0.5, 4.0)


@dataclass(frozen=True)
class Change:
    """What is worse from a day on (the start of `since`).

    poor_leads: the share of new customers that miss the profile, and of new deals that come from the weakest source.
    less_proof: by how much the log-odds sink that a gate's proof is brought in time.
    more_stalls: how much larger the share of visits is that stall.
    more_early_closes: how much larger the share of visits is that are closed at once.
    fewer_touches: the share of touches in the first fortnight of a visit that fall away.
    """

    since: date
    poor_leads: float = 0.0
    less_proof: float = 0.0
    more_stalls: float = 0.0
    more_early_closes: float = 0.0
    fewer_touches: float = 0.0
