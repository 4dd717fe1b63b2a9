"""Milestones and the review of stages once more, slowly and plainly: loops over deals, no SQL.

Independent of the product on purpose: it starts from histories of deals and from what happened in them, and shares no
code with what it checks.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from math import floor, log, log2, log10, sqrt
from statistics import NormalDist, median, quantiles

from criteria_reference import World
from funnel_reference import Cells, Deal, Run, days, runs_of, wilson

CLOSES = ("won", "lost", "nurtured", "disqualified")
ONWARD = ("start", "start_mid", "advance", "skip")
DAY = timedelta(days=1)
# As the standards of the worlds say.
DECIDED = timedelta(days=1)


@dataclass(frozen=True)
class Closed:
    """A closed deal with what is known of it: first instants by kind of milestone."""

    deal: Deal
    runs: Sequence[Run]
    is_won: bool
    closed: datetime
    firsts: Mapping[str, datetime]

    @property
    def funnel(self) -> str:
        return self.deal.funnel

    def with_kind(self, kind: str) -> bool:
        return kind in self.firsts and self.firsts[kind] <= self.closed


@dataclass(frozen=True)
class Stay:
    """A visit that is compared: how long a milestone could have come in it, and who is alike."""

    of: Closed
    stage: str
    entered: datetime
    left: datetime
    counts_until: datetime
    likeness: tuple[object, ...]


def closed_deals(world: World, happened: Mapping[str, Mapping[str, datetime]]) -> list[Closed]:
    found = []
    for deal in world.base.deals:
        runs = runs_of(deal, world.base)
        outcome = world.base.places[deal.stage_name].outcome
        if outcome and runs[-1].entered is not None:
            found.append(Closed(deal, runs, outcome == "won", runs[-1].entered, happened.get(deal.deal_id, {})))
    return found


def _prospects(world: World, closed: Sequence[Closed]) -> dict[str, int]:
    """Third of the funnel's closed deals by two shrunken log-odds, of band and of source; small ones are one."""
    m, least = world.base.shrinkage, world.base.minimum_n
    overall = (sum(each.is_won for each in closed) + 0.5) / (len(closed) + 1)
    traits = {
        each.deal.deal_id: (world.band[each.deal.deal_id], each.deal.segments["lead_source"] or "(none)")
        for each in closed
    }

    def term(trait: int, value: str) -> float:
        counts = Counter(each[trait] for each in traits.values())
        small = {name for name, n in counts.items() if n <= least}
        alike = [e for e in closed if traits[e.deal.deal_id][trait] in (small if value in small else {value})]
        if len(alike) <= least:
            return 0.0
        rate = (sum(e.is_won for e in alike) + m * overall) / (len(alike) + m)
        return log(rate / (1 - rate)) - log(overall / (1 - overall))

    terms = {
        (trait, value): term(trait, value) for trait in (0, 1) for value in {each[trait] for each in traits.values()}
    }
    scores = {deal: round(terms[0, band] + terms[1, source], 9) for deal, (band, source) in traits.items()}
    thirds = {}
    for deal, score in scores.items():
        below = sum(other < score for other in scores.values())
        middle = 3 * (below + sum(other == score for other in scores.values()) / 2)
        thirds[deal] = 0 if middle < len(closed) else 1 if middle < 2 * len(closed) else 2
    return thirds


def _class(length: float, steps: int) -> int:
    return floor(steps * log2(1 + max(length, 0.0)) + 1e-9)


def stays(world: World, closed: Sequence[Closed]) -> list[Stay]:
    """Of the closed deals of one funnel."""
    thirds = _prospects(world, closed)
    steps = max(2, floor(log10(len(closed)) + 1e-9))
    found = []
    for each in closed:
        for number, run in enumerate(each.runs[:-1]):
            place = run.place
            if place.outcome or place.funnel != each.funnel or run.entered is None or run.left is None:
                continue
            is_closing = each.runs[number + 1].place.outcome is not None
            until = min(run.left - DECIDED if is_closing else run.left, each.closed - DECIDED)
            if until <= run.entered:
                continue
            age = days(each.deal.created, run.entered)
            alike = (
                place.stage,
                run.began in ONWARD,
                _class((until - run.entered) / DAY, steps),
                _class(age or 0.0, steps - 1),
                thirds[each.deal.deal_id],
            )
            found.append(Stay(each, place.stage, run.entered, run.left, until, alike))
    return found


@dataclass(frozen=True)
class Contrast:
    compared: int
    visits: int
    weight: float
    rate_with: float
    rate_without: float
    p: float
    q: float

    def interval(self, z: float) -> tuple[float, float]:
        """All differences that lie within z of their own errors of the estimate (Klingenberg)."""
        difference, square = self.rate_with - self.rate_without, self.weight * self.weight
        middle = difference + z * z / 2 * self.p / square
        half = sqrt(max(0.0, middle * middle - difference * difference + z * z * self.q / square))
        return middle - half, middle + half


def contrast(kind: str, visits: Sequence[Stay]) -> Contrast | None:
    """Mantel and Haenszel over alike visits: those in which the kind first came, and those that ended without it."""
    groups: dict[tuple[object, ...], list[list[bool]]] = defaultdict(lambda: [[], []])
    for stay in visits:
        first = stay.of.firsts.get(kind)
        if first is not None and first < stay.entered:
            continue
        has_it = first is not None and first < stay.counts_until
        groups[stay.likeness][has_it].append(stay.of.is_won)
    weight = up = down = p = q = 0.0
    compared = others = 0
    for without, having in groups.values():
        n1, n0 = len(having), len(without)
        if not n1 or not n0:
            continue
        w1, w0, n = sum(having), sum(without), n1 + n0
        compared, others = compared + n1, others + n0
        weight += n1 * n0 / n
        up += n0 * w1 / n
        down += n1 * w0 / n
        p += (n1 * n1 * w0 - n0 * n0 * w1 + n1 * n0 * (n0 - n1) / 2) / n**2
        q += (w1 * (n0 - w0) + w0 * (n1 - w1)) / (2 * n)
    return Contrast(compared, others, weight, up / weight, down / weight, p, q) if weight else None


def _usual_stage(kind: str, world: World, closed: Sequence[Closed]) -> tuple[str | None, int]:
    """Where won deals most often first come to it, and how many do there; of equals the earlier stage."""
    ranks = {stage: rank for rank, stage in enumerate(world.base.funnels[closed[0].funnel], start=1)}
    places: Counter[str] = Counter()
    for each in closed:
        first = each.firsts.get(kind)
        if not each.is_won or first is None:
            continue
        for stay in stays_of_one(each):
            entered, left, until, stage = stay
            if until > entered and entered <= first < left:
                places[stage] += 1
    if not places:
        return None, 0
    stage = min(places, key=lambda each: (-places[each], ranks[each], each))
    return stage, places[stage]


def stays_of_one(each: Closed) -> list[tuple[datetime, datetime, datetime, str]]:
    found = []
    for number, run in enumerate(each.runs[:-1]):
        if run.place.outcome or run.place.funnel != each.funnel or run.entered is None or run.left is None:
            continue
        is_closing = each.runs[number + 1].place.outcome is not None
        until = min(run.left - DECIDED if is_closing else run.left, each.closed - DECIDED)
        found.append((run.entered, run.left, until, run.place.stage))
    return found


def candidates(
    world: World, happened: Mapping[str, Mapping[str, datetime]], asked: Mapping[tuple[str, str], str]
) -> Cells:
    """milestone_candidates. `asked`: criteria in force by funnel and milestone."""
    everything = closed_deals(world, happened)
    cells: Cells = {}
    for funnel in world.base.funnels:
        closed = [each for each in everything if each.funnel == funnel]
        if closed:
            cells |= _of_funnel(world, funnel, closed, asked)
    return cells


def _of_funnel(world: World, funnel: str, closed: Sequence[Closed], asked: Mapping[tuple[str, str], str]) -> Cells:
    least = world.base.minimum_n
    having = Counter(kind for each in closed for kind in each.firsts if each.with_kind(kind))
    kinds = sorted(kind for kind, n in having.items() if n >= least or (funnel, kind) in asked)
    visits = stays(world, closed)
    contrasts = {kind: contrast(kind, visits) for kind in kinds}
    enough = {
        kind: c is not None and c.compared >= least and c.weight >= least / 2 and c.q > 0
        for kind, c in contrasts.items()
    }
    judged = sum(enough.values())
    z = NormalDist().inv_cdf(1 - 0.05 / (2 * max(judged, 1)))
    order = _order(kinds, closed)
    won = sum(each.is_won for each in closed)
    cells: Cells = {}
    for kind in kinds:
        w1 = sum(each.is_won for each in closed if each.with_kind(kind))
        n1, lost = having[kind], len(closed) - won
        found = contrasts[kind]
        low, high = found.interval(z) if found and found.q > 0 else (None, None)
        stage, here = _usual_stage(kind, world, closed)
        before = [
            days(each.firsts[kind], each.closed) or 0.0 for each in closed if each.is_won and each.with_kind(kind)
        ]
        quartiles = quantiles(before, n=4, method="inclusive") if len(before) > 1 else before * 3
        pairs, usual = order[kind]
        naive = _naive_z(w1, n1, won, len(closed))
        verdict = "insufficient_history"
        if enough[kind] and low is not None and high is not None:
            verdict = "not_found"
            if low > 0 and naive is not None and naive > z:
                verdict = "found"
            elif high < 0 and naive is not None and naive < -z:
                verdict = "harmful"
        base = found.rate_without if found else None
        cells[funnel, kind] = {
            "won_deals": won,
            "won_with_deals": w1,
            "won_share": w1 / won if won else None,
            "won_share_low": wilson(w1, won)[0] if won else None,
            "lost_deals": lost,
            "lost_with_deals": n1 - w1,
            "lost_share_high": wilson(n1 - w1, lost)[1] if lost else None,
            "naive_lift": (w1 / n1) / ((won - w1) / (len(closed) - n1))
            if n1 < len(closed) and won > w1 and n1
            else None,
            "compared_deals": found.compared if found else 0,
            "compared_with_visits": found.visits if found else 0,
            "win_rate_with": found.rate_with if found else None,
            "win_rate_without": base,
            "win_rate_difference": found.rate_with - found.rate_without if found else None,
            "win_rate_difference_low": low,
            "win_rate_difference_high": high,
            "lift": found.rate_with / found.rate_without if found and found.rate_without else None,
            "lift_low": 1 + low / base if base and low is not None else None,
            "lift_high": 1 + high / base if base and high is not None else None,
            "judged_candidates": judged,
            "usual_stage": stage,
            "usual_stage_share": here / w1 if stage and w1 else None,
            "days_before_close_p25": quartiles[0] if before else None,
            "days_before_close_p50": median(before) if before else None,
            "days_before_close_p75": quartiles[2] if before else None,
            "order_stability": usual / pairs if pairs else None,
            "ordered_pairs": pairs,
            "asked_by": asked.get((funnel, kind)),
            "is_asked": (funnel, kind) in asked,
            "is_insufficient_history": not enough[kind],
            "is_found": verdict == "found",
            "verdict": verdict,
        }
    return cells


def _naive_z(w1: int, n1: int, won: int, n: int) -> float | None:
    rate = won / n
    if not 0 < n1 < n or not 0 < won < n:
        return None
    return (w1 / n1 - (won - w1) / (n - n1)) / sqrt(rate * (1 - rate) * (1 / n1 + 1 / (n - n1)))


def _order(kinds: Sequence[str], closed: Sequence[Closed]) -> dict[str, tuple[int, int]]:
    """By kind: pairs with each other kind in one won deal, and those of them in the usual order of the two."""
    found = dict.fromkeys(kinds, (0, 0))
    for one, other in combinations(kinds, 2):
        both = [each for each in closed if each.is_won and each.with_kind(one) and each.with_kind(other)]
        before = sum(each.firsts[one] < each.firsts[other] for each in both)
        after = sum(each.firsts[one] > each.firsts[other] for each in both)
        for kind in (one, other):
            pairs, usual = found[kind]
            found[kind] = pairs + before + after, usual + max(before, after)
    return found
