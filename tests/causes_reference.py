"""What may have decided whether deals went on from a stage, once more, slowly and plainly: loops over deals, no SQL.

Independent of the product on purpose: it starts from histories of deals, what each passage of a gate showed and what
was done on each deal, and shares no code with what it checks.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import log

import criteria_reference as criteria
from funnel_reference import Cells, Deal, Run, days, runs_of

TIME_ZONE = timedelta(hours=8)
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Activity:
    deal_id: str
    activity_id: str
    at: datetime
    direction: str | None
    status: str
    is_customer_present: bool

    @property
    def is_touch(self) -> bool:
        return self.status == "held" and self.direction != "internal"

    @property
    def is_by_customer(self) -> bool:
        return self.status == "held" and (self.is_customer_present or self.direction == "inbound")


@dataclass(frozen=True)
class World:
    """Besides what the criteria's reference knows: when a late proof came, and what was done on the deals."""

    base: criteria.World
    proven_at: Mapping[tuple[str, str, int], datetime | None]
    activities: Sequence[Activity]
    follow_up_days: int
    early_days: int
    early_touches: int
    of_some_versions: frozenset[str] = frozenset()


def touches_of(world: World) -> dict[str, list[Activity]]:
    as_of = world.base.base.as_of
    found: dict[str, list[Activity]] = defaultdict(list)
    for each in sorted(world.activities, key=lambda each: (each.at, each.activity_id)):
        if each.is_touch and each.at < as_of:
            found[each.deal_id].append(each)
    return found


def first_touch(world: World) -> datetime | None:
    return min((each.at for of_deal in touches_of(world).values() for each in of_deal), default=None)


def follow_up(world: World) -> Cells:
    touches, funnels = touches_of(world), world.base.base
    cells: Cells = {}
    for deal in funnels.deals:
        is_open = funnels.places[deal.stage_name].outcome is None
        ended = funnels.as_of if is_open else runs_of(deal, funnels)[-1].entered
        mine = []
        if deal.created is not None and ended is not None:
            mine = [each for each in touches[deal.deal_id] if deal.created <= each.at <= ended]
        first = first_touch(world)
        is_known = first is not None and deal.created is not None and deal.created >= first
        mine = mine if is_known else []
        times = [each.at for each in mine]
        marks = [deal.created, *times, ended]
        gaps = [days(a, b) for a, b in itertools.pairwise(marks)]
        directed = [each for each in mine if each.direction is not None]
        by_customer = [each.at for each in mine if each.is_by_customer]
        followed = days(deal.created, ended)
        cells[f"generic:{deal.deal_id}",] = {
            "is_activity_known": is_known,
            "followed_days": followed,
            "touches": len(mine) if is_known else None,
            "touches_per_week": len(mine) * 7 / followed if is_known and followed and followed >= 1 else None,
            "days_to_first_customer_activity": days(deal.created, by_customer[0]) if by_customer else None,
            "inbound_share": sum(e.direction == "inbound" for e in directed) / len(directed) if directed else None,
            "longest_gap_days": max(g for g in gaps if g is not None) if is_known and None not in gaps else None,
            "mean_gap_days": (days(times[0], times[-1]) or 0.0) / (len(times) - 1) if len(times) >= 2 else None,
        }
    return cells


@dataclass
class Entry:
    deal: Deal
    stage: str
    rank: int
    run: Run
    after: Run | None
    left: datetime
    dwell: float
    is_advanced: bool
    horizon: float

    @property
    def place(self) -> tuple[str, str]:
        return self.deal.funnel, self.stage


def entries(world: World) -> list[Entry]:
    funnels, found = world.base.base, []
    horizons = criteria.horizons(world.base)
    for deal in funnels.deals:
        runs = runs_of(deal, funnels)
        for rank, stage in enumerate(funnels.funnels[deal.funnel], start=1):
            own = [run for run in runs if run.place.funnel == deal.funnel]
            far = [run for run in own if run.place.outcome == "won" or (run.place.rank or 0) >= rank]
            further = [run for run in own if run.place.outcome == "won" or (run.place.rank or 0) > rank]
            visits = [run for run in own if run.place.stage == stage]
            horizon = horizons.get((deal.funnel, stage))
            horizon = None if horizon is None else max(horizon, 7.0)
            if not visits or horizon is None or visits[0].entered is None or visits[0].entered != far[0].entered:
                continue
            run = visits[0]
            place = next(number for number, each in enumerate(runs) if each is run)
            after = runs[place + 1] if place + 1 < len(runs) else None
            left = after.entered if after and after.entered else funnels.as_of
            dwell, followed = days(run.entered, left), days(run.entered, funnels.as_of)
            assert dwell is not None
            assert followed is not None
            if dwell < 0 or followed < horizon:
                continue
            taken = days(run.entered, further[0].entered) if further else None
            is_advanced = taken is not None and taken <= horizon
            found.append(Entry(deal, stage, rank, run, after, left, dwell, is_advanced, horizon))
    return found


def closed_early(world: World, entry: Entry) -> bool:
    first = first_touch(world)
    assert entry.run.entered
    if first is None or entry.run.entered < first or entry.dwell > world.early_days:
        return False
    if entry.after is None or entry.after.place.outcome not in ("lost", "nurtured"):
        return False
    tried = [t for t in touches_of(world)[entry.deal.deal_id] if entry.run.entered <= t.at <= entry.left]
    return len(tried) <= world.early_touches


def unproven(world: World, entry: Entry) -> tuple[set[str], set[str]]:
    """Criteria passed without proof that had none by the entry, and such of which nobody can say."""
    by_criterion: dict[str, list[tuple[criteria.Passage, str]]] = defaultdict(list)
    for (criterion_id, deal_id), told in criteria.asked(world.base).items():
        if deal_id == entry.deal.deal_id:
            by_criterion[criterion_id] += told
    missed, unknown = set(), set()
    assert entry.run.entered
    for criterion_id, told in by_criterion.items():
        behind, is_proven = [], False
        for passage, status in told:
            at = passage.passed_at
            if at is None or at <= entry.run.entered:
                behind.append(status)
            if status == "met":
                is_proven |= at is None or at <= entry.run.entered
            else:
                proven_at = world.proven_at.get((criterion_id, entry.deal.deal_id, passage.number))
                is_proven |= proven_at is not None and proven_at <= entry.run.entered
        if is_proven or not set(behind) - {"met"}:
            continue
        if set(behind) & {"late", "waived", "missing", "failed"}:
            missed.add(criterion_id)
        else:
            unknown.add(criterion_id)
    return missed, unknown


def not_asked(world: World, entry: Entry) -> set[str]:
    """Criteria that only some versions of the funnel ask for, at this stage or before, and that this deal never met."""
    asked = criteria.asked(world.base)
    ranks = world.base.base.funnels[entry.deal.funnel]
    found = set()
    for criterion in world.base.criteria:
        is_of_some = criterion.criterion_id in world.of_some_versions
        if criterion.funnel != entry.deal.funnel or not is_of_some:
            continue
        if ranks.index(criterion.stage) + 1 > entry.rank:
            continue
        told = asked.get((criterion.criterion_id, entry.deal.deal_id), [])
        assert entry.run.entered
        if not any(passage.passed_at is None or passage.passed_at <= entry.run.entered for passage, _ in told):
            found.add(criterion.criterion_id)
    return found


def slow_after(world: World, entry: Entry) -> float | None:
    """What four of five visits of won deals took; the companies of this test have no caps."""
    funnels, lasted = world.base.base, []
    for deal in funnels.deals:
        if funnels.places[deal.stage_name].outcome != "won":
            continue
        runs = runs_of(deal, funnels)
        for run, after in itertools.pairwise(runs):
            if (run.place.funnel, run.place.stage) == entry.place:
                took = days(run.entered, after.entered)
                if took is not None:
                    lasted.append(took)
    return next((day for day in sorted(lasted) if sum(d <= day for d in lasted) >= 0.8 * len(lasted) - 1e-9), None)


@dataclass
class Followed:
    """What was done on a deal in its first weeks in a stage, and how long it was watched and waited for an answer."""

    touches: int
    touch_days: int
    days_to_answer: float | None
    weeks: float
    waited: float


def cadences(watched: Mapping[int, Followed]) -> dict[int, float]:
    """How closely each was followed up: the mean logarithm of three shrunken rates as times of the stage's own."""
    weeks, waited = sum(f.weeks for f in watched.values()), sum(f.waited for f in watched.values())
    found = dict.fromkeys(watched, 0.0)
    for counts, spans, all_spans in (
        ({k: f.touches for k, f in watched.items()}, {k: f.weeks for k, f in watched.items()}, weeks),
        ({k: f.touch_days for k, f in watched.items()}, {k: f.weeks for k, f in watched.items()}, weeks),
        (
            {k: int(f.days_to_answer is not None) for k, f in watched.items()},
            {k: f.waited for k, f in watched.items()},
            waited,
        ),
    ):
        usual = sum(counts.values()) / all_spans if all_spans else 0.0
        if usual:
            for key in found:
                found[key] += log((counts[key] + 2 * usual) / (spans[key] + 2) / usual) / 3
    return found


def third(below: float, n: int, names: Sequence[str]) -> str:
    return names[0] if 3 * below < n else names[1] if 3 * below < 2 * n else names[2]


def quarter_of(entry: Entry) -> date:
    assert entry.run.entered
    local = (entry.run.entered + TIME_ZONE).date()
    return date(local.year, (local.month - 1) // 3 * 3 + 1, 1)


def factors(world: World) -> Cells:
    found, m = entries(world), world.base.base.shrinkage
    stages, owners = criteria.ambiguity(world.base)
    touches, first = touches_of(world), first_touch(world)
    leads = {
        id(entry): (world.base.band[entry.deal.deal_id], entry.deal.segments["lead_source"] or "(none)")
        for entry in found
    }
    cells: Cells = {}
    for place in sorted({entry.place for entry in found}):
        here = [entry for entry in found if entry.place == place]
        stage_rate = (sum(e.is_advanced for e in here) + 0.5) / (len(here) + 1)

        def is_told(trait: int, names: set[str], here: list[Entry] = here) -> bool:
            """Enough deals have these values outside the quarter in which most have."""
            quarters = Counter(quarter_of(e) for e in here if leads[id(e)][trait] in names)
            return quarters.total() - max(quarters.values()) >= world.base.base.minimum_n

        def term(trait: int, value: str, here: list[Entry] = here, stage_rate: float = stage_rate) -> float:
            small = {name for name in {leads[id(e)][trait] for e in here} if not is_told(trait, {name})}
            alike = [e for e in here if leads[id(e)][trait] in (small if value in small else {value})]
            if value in small and not is_told(trait, small):
                return 0.0
            rate = (sum(e.is_advanced for e in alike) + m * stage_rate) / (len(alike) + m)
            return log(rate / (1 - rate)) - log(stage_rate / (1 - stage_rate))

        score = {id(e): round(term(0, leads[id(e)][0]) + term(1, leads[id(e)][1]), 9) for e in here}
        known = [e for e in here if leads[id(e)] != ("unknown", "(none)")]
        watched: dict[int, Followed] = {}
        for e in here:
            assert e.run.entered
            until = min(e.left, e.run.entered + timedelta(days=world.follow_up_days))
            if first is not None and e.run.entered >= first:
                tried = [t for t in touches[e.deal.deal_id] if e.run.entered <= t.at < until]
                answered = next((t.at for t in tried if t.is_by_customer), None)
                watched[id(e)] = Followed(
                    len(tried),
                    len({(t.at + TIME_ZONE).date() for t in tried}),
                    days(e.run.entered, answered),
                    (until - e.run.entered) / timedelta(days=7),
                    ((answered or until) - e.run.entered) / timedelta(days=7),
                )
        cadence = cadences(watched)
        lasting = [e for e in here if id(e) in watched and not closed_early(world, e)]
        for e in here:
            missed, unknown = unproven(world, e)
            is_early, limit = closed_early(world, e), slow_after(world, e)
            owner = world.base.owner[e.deal.deal_id]
            loose = owners.get((*place, "criteria_met", f"generic:{owner}"), {})
            is_loose = bool(
                stages.get((*place, "criteria_met"), {}).get("is_ambiguous")
                and loose.get("is_beyond_chance")
                and loose["difference_from_others"] < 0  # type: ignore[operator]
            )
            alike = sum(abs(score[id(o)] - score[id(e)]) < 5e-9 for o in known)
            below = sum(score[id(o)] < score[id(e)] - 5e-9 for o in known)
            mine = cadence.get(id(e))
            if id(e) not in watched:
                cadence_class = "not_known"
            elif is_early:
                cadence_class = "cut_short"
            else:
                assert mine is not None
                slower = sum(cadence[id(o)] < mine - 5e-10 for o in lasting)
                cadence_class = third(slower, len(lasting), ("seldom", "middle", "often"))
            is_unknown = leads[id(e)] == ("unknown", "(none)")
            cells[f"generic:{e.deal.deal_id}", *place] = {
                "stage_rank": e.rank,
                "entered_quarter": quarter_of(e),
                "owner_key": f"generic:{owner}" if owner else None,
                "team": world.base.users[owner][1] if owner in world.base.users else None,
                "horizon_days": e.horizon,
                "is_advanced": e.is_advanced,
                "quality_class": (
                    "unknown" if is_unknown else third(below + alike / 2, len(known), ("weak", "middle", "strong"))
                ),
                "unproven_criteria": len(missed),
                "unknown_criteria": len(unknown),
                "criteria_missed": ",".join(sorted(missed)),
                "criteria_not_known": ",".join(sorted(unknown | not_asked(world, e))),
                "proof_class": (
                    {1: "one", 2: "two", 3: "three"}.get(len(missed), "more")
                    if missed
                    else "not_evaluated"
                    if unknown
                    else "proven"
                ),
                "has_loose_owner": is_loose,
                "touches": watched[id(e)].touches if id(e) in watched else None,
                "touch_days": watched[id(e)].touch_days if id(e) in watched else None,
                "days_to_customer_activity": watched[id(e)].days_to_answer if id(e) in watched else None,
                "cadence_score": mine,
                "cadence_class": cadence_class,
                "dwell_days": e.dwell,
                "slow_after_days": limit,
                "pace_class": (
                    "closed_early"
                    if is_early
                    else "stalled"
                    if e.dwell > e.horizon
                    else "slow"
                    if limit is not None and e.dwell > limit
                    else "flowing"
                ),
            }
    return cells


def cells(world: World, business_date: date) -> Counter[tuple[object, ...]]:
    """Deals by (funnel, stage, scope, member, quarters back, classes, whether advanced)."""
    counted: Counter[tuple[object, ...]] = Counter()
    for (_, funnel, stage), row in factors(world).items():
        quarter = row["entered_quarter"]
        assert isinstance(quarter, date)
        horizon = row["horizon_days"]
        assert isinstance(horizon, float)
        latest = business_date.year * 4 + (business_date.month - 1) // 3
        while (business_date + timedelta(days=1) - _start(latest + 1)).days < horizon:
            latest -= 1
        back = latest - (quarter.year * 4 + (quarter.month - 1) // 3)
        if not 0 <= back <= 8:
            continue
        proof = (row["criteria_missed"], row["criteria_not_known"])
        classes = (row["quality_class"], *proof, row["cadence_class"], row["pace_class"])
        at = (funnel, stage)
        counted[*at, "quarter", quarter.isoformat(), back, row["has_loose_owner"], *classes, row["is_advanced"]] += 1
        if back < 4:
            for scope, member in (("owner", row["owner_key"]), ("team", row["team"])):
                counted[*at, scope, member or "(none)", None, False, *classes, row["is_advanced"]] += 1
    return counted


def _start(quarter: int) -> date:
    return date(quarter // 4, quarter % 4 * 3 + 1, 1)
