"""The funnel's metrics once more, slowly and plainly: loops over deals, fractions for the chain, no SQL, no frames.

Independent of the product on purpose: it starts from what the extracts say and shares no code with what it checks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import sqrt

Cells = dict[tuple[object, ...], dict[str, object]]
CLOSES = ("won", "lost", "nurtured", "disqualified")


@dataclass(frozen=True)
class Place:
    """What a name of the CRM means: a stage of a funnel, open (with a rank) or terminal (with an outcome)."""

    funnel: str
    stage: str
    rank: int | None
    outcome: str | None


@dataclass
class Deal:
    deal_id: str
    funnel: str
    stage_name: str
    created: datetime | None
    modified: datetime | None
    amount: Fraction | None
    segments: dict[str, str]
    changes: list[tuple[datetime, str, str]] = field(default_factory=list)


@dataclass
class Run:
    """One unbroken stay, terminal ones too."""

    place: Place
    entered: datetime | None
    left: datetime | None = None
    began: str = ""


@dataclass(frozen=True)
class World:
    """All deals of a company, its funnels (stages in order) and what its standards say."""

    deals: Sequence[Deal]
    places: dict[str, Place]
    funnels: dict[str, list[str]]
    as_of: datetime
    minimum_n: int
    shrinkage: int
    velocity_days: int


def days(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start) / timedelta(days=1)


def runs_of(deal: Deal, world: World) -> list[Run]:
    """What the deal went through, as known at as-of."""
    known = sorted(change for change in deal.changes if change[0] < world.as_of)
    told: list[tuple[datetime | None, str]] = [(at, name) for at, _, name in known]
    if not told or told[-1][1] != deal.stage_name:
        last = told[-1][0] if told else None
        is_open = world.places[deal.stage_name].outcome is None
        at = deal.modified if told or not is_open else deal.created
        if at is None:
            at = last
        elif at >= world.as_of:
            at = world.as_of
        elif last is not None and at < last:
            at = last
        told.append((at, deal.stage_name))
    runs: list[Run] = []
    for at, name in told:
        place = world.places[name]
        if runs and runs[-1].place == place:
            continue
        if runs:
            runs[-1].left = at
        runs.append(Run(place, at))
    for number, run in enumerate(runs):
        run.began = move(runs[:number], run)
    return runs


def move(before: list[Run], run: Run) -> str:
    place = run.place
    if place.outcome:
        return place.outcome
    if not before:
        return "start" if place.rank == 1 else "start_mid"
    last = before[-1].place
    if last.funnel != place.funnel:
        return "funnel_change"
    if last.outcome:
        return "reopen"
    rank, last_rank = place.rank or 0, last.rank or 0
    if rank < last_rank:
        return "regress"
    if any(run.place == place for run in before):
        return "re_enter"
    return "skip" if rank > last_rank + 1 else "advance"


def wilson(w: float, n: float) -> tuple[float, float]:
    z, p = 1.959963984540054, w / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def aalen_johansen(seen: Iterable[tuple[float, str]]) -> tuple[float | None, float | None, int]:
    """Of (days, event | other | censored): ultimate probability of the event, what stays undecided, and n."""
    rows = list(seen)
    if not rows:
        return None, None, 0
    undecided, probability = 1.0, 0.0
    for day in sorted({d for d, _ in rows}):
        at_risk = sum(1 for d, _ in rows if d >= day)
        events = sum(1 for d, kind in rows if d == day and kind == "event")
        others = sum(1 for d, kind in rows if d == day and kind == "other")
        probability += undecided * events / at_risk
        undecided *= 1 - (events + others) / at_risk
    decided = any(kind != "censored" for _, kind in rows)
    return (probability if decided else None), undecided, len(rows)


def kaplan_meier(seen: Iterable[tuple[float, bool]], shares: Sequence[float]) -> list[float | None]:
    """Of (days, whether it ended): the first day by which each share has ended."""
    rows, still = list(seen), 1.0
    curve = []
    for day in sorted({d for d, ended in rows if ended}):
        at_risk = sum(1 for d, _ in rows if d >= day)
        still *= 1 - sum(1 for d, ended in rows if ended and d == day) / at_risk
        curve.append((day, still))
    return [next((day for day, left in curve if left <= 1 - share + 1e-9), None) for share in shares]


def segments_of(deal: Deal) -> list[tuple[str, str]]:
    return [("all", "all"), *((name, value or "(none)") for name, value in deal.segments.items())]


def cut(world: World) -> dict[tuple[str, str], list[tuple[Deal, list[Run]]]]:
    parts: dict[tuple[str, str], list[tuple[Deal, list[Run]]]] = defaultdict(list)
    for deal in world.deals:
        runs = runs_of(deal, world)
        for segment in segments_of(deal):
            parts[segment].append((deal, runs))
    return parts


def cohorts(at: datetime | None) -> list[tuple[str, str | None]]:
    if at is None:
        return [("all", None), ("unknown", None)]
    month = at.date().replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    return [("all", None), ("month", month.isoformat()), ("quarter", quarter.isoformat())]


def conversion(world: World) -> Cells:
    members: dict[tuple[object, ...], list[dict[str, object]]] = defaultdict(list)
    for segment, deals in cut(world).items():
        for deal, runs in deals:
            own = [run for run in runs if run.place.funnel == deal.funnel]
            is_open = world.places[deal.stage_name].outcome is None
            closed_at = None if is_open else runs[-1].entered
            for rank, stage in enumerate(world.funnels[deal.funnel], start=1):
                far = [run for run in own if run.place.outcome == "won" or (run.place.rank or 0) >= rank]
                further = [run for run in own if run.place.outcome == "won" or (run.place.rank or 0) > rank]
                if not far:
                    continue
                reached = far[0].entered
                one = {
                    "visited": any(run.place.stage == stage for run in own),
                    "advanced": bool(further),
                    "lost": not further and not is_open,
                    "still_open": not further and is_open,
                    "to_advance": days(reached, further[0].entered) if further else None,
                    "to_close": days(reached, closed_at),
                    "followed": days(reached, world.as_of),
                }
                for cohort in cohorts(reached):
                    members[deal.funnel, *segment, *cohort, stage].append(one)
    cells: Cells = {}
    for key, deals_of_cell in members.items():
        n = len(deals_of_cell)
        counted = ("visited", "advanced", "lost", "still_open")
        count = {name: sum(bool(d[name]) for d in deals_of_cell) for name in counted}
        parents = members[key[0], "all", "all", "all", None, key[-1]]
        parent = sum(bool(d["advanced"]) for d in parents) / len(parents)
        curve = []
        for d in deals_of_cell:
            kind = "event" if d["advanced"] else "other" if d["lost"] else "censored"
            when = d["to_advance"] if d["advanced"] else d["to_close"] if d["lost"] else d["followed"]
            if when is not None:
                curve.append((when, kind))
        expected, undecided, followed = aalen_johansen(curve)  # type: ignore[arg-type]
        low, high = wilson(count["advanced"], n)
        cell: dict[str, object] = count | {
            "reached": n,
            "skipped": n - count["visited"],
            "conversion_to_date": count["advanced"] / n,
            "conversion_to_date_low": low,
            "conversion_to_date_high": high,
            "conversion_expected": expected,
            "conversion_expected_undecided": undecided,
            "n_expected": followed,
            "is_insufficient_history": n < world.minimum_n,
            "conversion_shrunk": (count["advanced"] + world.shrinkage * parent) / (n + world.shrinkage),
        }
        for horizon in (30, 60, 90, 180):
            matured = [d for d in deals_of_cell if d["followed"] is not None and d["followed"] >= horizon]  # type: ignore[operator]
            within = sum(1 for d in matured if d["to_advance"] is not None and d["to_advance"] <= horizon)  # type: ignore[operator]
            cell[f"n_matured_{horizon}d"] = len(matured)
            cell[f"conversion_within_{horizon}d"] = within / len(matured) if matured else None
            cell[f"conversion_within_{horizon}d_low"] = wilson(within, len(matured))[0] if matured else None
        cells[key] = cell
    return cells


QUANTILES = {25: 0.25, 50: 0.5, 75: 0.75, 80: 0.8, 90: 0.9}


def dwell(world: World) -> Cells:
    visits: dict[tuple[object, ...], list[tuple[str, float | None, bool]]] = defaultdict(list)
    for segment, deals in cut(world).items():
        for deal, runs in deals:
            for number, run in enumerate(runs):
                if run.place.rank:
                    ended = number + 1 < len(runs)
                    lasted = days(run.entered, runs[number + 1].entered if ended else world.as_of)
                    visits[run.place.funnel, *segment, run.place.stage].append((deal.deal_id, lasted, ended))
    cells: Cells = {}
    for key, rows in visits.items():
        totals = []
        for deal_id in {deal for deal, _, _ in rows}:
            mine = [(lasted, ended) for deal, lasted, ended in rows if deal == deal_id]
            if all(lasted is not None for lasted, _ in mine):
                totals.append((sum(lasted for lasted, _ in mine if lasted is not None), all(e for _, e in mine)))
        completed = [lasted for _, lasted, ended in rows if ended and lasted is not None]
        cell: dict[str, object] = {
            "visits": len(rows),
            "deals": len({deal for deal, _, _ in rows}),
            "completed_visits": sum(ended for _, _, ended in rows),
            "ongoing_visits": sum(not ended for _, _, ended in rows),
            "unknown_entry_visits": sum(lasted is None for _, lasted, _ in rows),
            "completed_mean_days": sum(completed) / len(completed) if completed else None,
        }
        of_visits = kaplan_meier(((d, e) for _, d, e in rows if d is not None), list(QUANTILES.values()))
        of_totals = kaplan_meier(totals, list(QUANTILES.values()))
        for percent, visit, total in zip(QUANTILES, of_visits, of_totals, strict=True):
            cell[f"dwell_p{percent}_days"] = visit
            cell[f"dwell_cumulative_p{percent}_days"] = total
        cells[key] = cell
    return cells


Moves = dict[tuple[str, str, str], dict[str, list[tuple[str, str, float | None]]]]


def completed_moves(world: World) -> Moves:
    """By funnel and segment, by stage left: (kind, state, days) of each completed visit."""
    moves: Moves = defaultdict(lambda: defaultdict(list))
    for segment, deals in cut(world).items():
        for _, runs in deals:
            for run, after in pairwise(runs):
                if run.place.rank:
                    if after.began == "funnel_change":
                        to = ("funnel", "funnel_change")
                    elif after.place.outcome:
                        to = ("close", after.place.outcome)
                    else:
                        to = ("stage", after.place.stage)
                    moves[run.place.funnel, *segment][run.place.stage].append((*to, days(run.entered, after.entered)))
    return moves


def transitions(world: World) -> Cells:
    moves = completed_moves(world)
    cells: Cells = {}
    for (funnel, segment, value), stages in moves.items():
        for stage, rows in stages.items():
            everybody = moves[funnel, "all", "all"][stage]
            for kind, state in {(kind, state) for kind, state, _ in everybody}:
                visits = sum((k, s) == (kind, state) for k, s, _ in rows)
                parent = sum((k, s) == (kind, state) for k, s, _ in everybody) / len(everybody)
                cells[funnel, segment, value, stage, kind, state] = {
                    "visits": visits,
                    "from_visits": len(rows),
                    "share": visits / len(rows),
                    "share_high": wilson(visits, len(rows))[1],
                    "share_shrunk": (visits + world.shrinkage * parent) / (len(rows) + world.shrinkage),
                }
    return cells


Chain = dict[str, dict[tuple[str, str], Fraction]]


def shares(stages: dict[str, list[tuple[str, str, float | None]]]) -> Chain:
    chain: Chain = {}
    for stage, rows in stages.items():
        chain[stage] = defaultdict(Fraction)
        for kind, state, _ in rows:
            chain[stage][kind, state] += Fraction(1, len(rows))
    return chain


def solve(chain: Chain, gain: Callable[[str], Fraction]) -> dict[str, Fraction | None]:
    """What a deal gains on its way from each stage, by elimination in fractions; None where it may circle for ever."""
    ends = {stage for stage, to in chain.items() if any(kind != "stage" or state not in chain for kind, state in to)}
    while True:
        more = {s for s, to in chain.items() if any(k == "stage" and state in ends for k, state in to)} - ends
        if not more:
            break
        ends |= more
    order = sorted(ends)
    rows = []
    for stage in order:
        row = [Fraction(int(stage == other)) - chain[stage].get(("stage", other), Fraction(0)) for other in order]
        rows.append([*row, gain(stage)])
    for i in range(len(order)):
        pivot = next(r for r in range(i, len(order)) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for r in range(len(order)):
            if r != i and rows[r][i]:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return dict.fromkeys(chain) | {stage: rows[i][-1] for i, stage in enumerate(order)}


def chain_won(chain: Chain) -> dict[str, tuple[Fraction | None, Fraction]]:
    """By stage: P(won) among those whose end is known, and the share whose end is not."""
    won = solve(chain, lambda stage: chain[stage].get(("close", "won"), Fraction(0)))
    closed = solve(
        chain, lambda stage: sum((share for (kind, _), share in chain[stage].items() if kind == "close"), Fraction(0))
    )
    answer: dict[str, tuple[Fraction | None, Fraction]] = {}
    for stage in chain:
        w, c = won[stage] or Fraction(0), closed[stage] or Fraction(0)
        answer[stage] = (w / c if c else None, 1 - c)
    return answer


def can_circle(chain: Chain) -> set[str]:
    """Stages from which a deal may run into a circle that nobody leaves."""
    stuck = {stage for stage, gained in solve(chain, lambda _: Fraction(1)).items() if gained is None}
    while True:
        more = {s for s, to in chain.items() if any(k == "stage" and state in stuck for k, state in to)} - stuck
        if not more:
            return stuck
        stuck |= more


def mean_days(rows: list[tuple[str, str, float | None]]) -> Fraction | None:
    known = [Fraction(lasted) for _, _, lasted in rows if lasted is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def days_to_close(chain: Chain, means: dict[str, Fraction | None]) -> dict[str, Fraction | None]:
    if any(mean is None for mean in means.values()):
        return dict.fromkeys(chain)
    lasted = solve(chain, lambda stage: means[stage] or Fraction(0))
    circling = can_circle(chain)
    return {stage: None if stage in circling else lasted[stage] for stage in chain}


def stage_to_won(world: World) -> Cells:
    followed: dict[tuple[object, ...], list[tuple[float, str]]] = defaultdict(list)
    for segment, deals in cut(world).items():
        for _, runs in deals:
            seen = set()
            for number, run in enumerate(runs):
                if run.place.rank is None or run.place in seen:
                    continue
                seen.add(run.place)
                kind, until = "censored", world.as_of
                for later in runs[number + 1 :]:
                    if later.place.outcome or later.began == "funnel_change":
                        kind = {"won": "event", None: "censored"}.get(later.place.outcome, "other")
                        until = later.entered
                        break
                lasted = days(run.entered, until)
                if lasted is not None:
                    followed[run.place.funnel, *segment, run.place.stage].append((lasted, kind))
    cells: Cells = {}
    for key, stages in completed_moves(world).items():
        for stage, (won, unresolved) in chain_won(shares(stages)).items():
            curve, undecided, n = aalen_johansen(followed[(*key, stage)])
            cells[(*key, stage)] = {
                "won_by_absorption": None if won is None else float(won),
                "unresolved_share": float(unresolved),
                "won_by_aalen_johansen": curve,
                "undecided_share": undecided,
                "deals_followed": n,
            }
    return cells


def velocity(world: World) -> Cells:
    first = {
        funnel: min((d.created for d in world.deals if d.funnel == funnel and d.created), default=None)
        for funnel in world.funnels
    }
    cells: Cells = {}
    for segment, deals in cut(world).items():
        for funnel in {deal.funnel for deal, _ in deals}:
            age = days(first[funnel], world.as_of)
            window = float(world.velocity_days) if age is None else min(age, float(world.velocity_days))
            mine = [(deal, runs) for deal, runs in deals if deal.funnel == funnel]
            closed, cycles = [], []
            for deal, runs in mine:
                outcome = world.places[deal.stage_name].outcome
                if outcome is None:
                    lasted = days(deal.created, world.as_of)
                    if lasted is not None:
                        cycles.append((lasted, False))
                    continue
                cycle = days(deal.created, runs[-1].entered)
                if cycle is not None and cycle >= 0:
                    cycles.append((cycle, True))
                since = days(runs[-1].entered, world.as_of)
                if since is not None and since <= world.velocity_days:
                    closed.append((outcome, deal.amount, cycle))
            won = [row for row in closed if row[0] == "won"]
            amounts = [amount for _, amount, _ in won if amount is not None]
            known = sum((amount for _, amount, _ in closed if amount is not None), Fraction(0))
            won_cycles = sorted(cycle for _, _, cycle in won if cycle is not None and cycle >= 0)
            half = len(won_cycles) // 2
            median = (won_cycles[half] + won_cycles[~half]) / 2 if won_cycles else None
            rate = len(won) / len(closed) if closed else None
            lost = sum(outcome == "lost" for outcome, _, _ in closed)
            open_deals = sum(world.places[deal.stage_name].outcome is None for deal, _ in mine)
            mean = float(sum(amounts)) / len(amounts) if amounts else None
            per_day = open_deals * rate * mean / median if rate is not None and mean is not None and median else None
            cell: dict[str, object] = {
                "window_days": window,
                "deals": len(mine),
                "open_deals": open_deals,
                "closed_deals": len(closed),
                "won_deals": len(won),
                "lost_deals": lost,
                "win_rate": rate,
                "win_rate_high": wilson(len(won), len(closed))[1] if closed else None,
                "win_rate_narrow": len(won) / (len(won) + lost) if len(won) + lost else None,
                "win_rate_amount_weighted": float(sum(amounts) / known) if known else None,
                "won_amount": float(sum(amounts)),
                "won_mean_amount": None if mean is None else round(mean, 2),
                "won_cycle_p50_days": median,
                "velocity_amount_per_day": None if per_day is None else round(per_day, 2),
                "observed_won_amount_per_day": round(float(sum(amounts)) / window, 2) if window else None,
            }
            for percent, day in zip(QUANTILES, kaplan_meier(cycles, list(QUANTILES.values())), strict=True):
                cell[f"sales_cycle_p{percent}_days"] = day
            cells[(funnel, *segment)] = cell
    return cells


def bottlenecks(world: World) -> Cells:
    moves = completed_moves(world)
    speed = velocity(world)
    cells: Cells = {}
    for (funnel, segment, _), stages in moves.items():
        if segment != "all":
            continue
        rank = {stage: number for number, stage in enumerate(world.funnels[funnel], start=1)}

        def is_forward(stage: str, kind: str, state: str, rank: dict[str, int] = rank) -> bool:
            return (kind, state) == ("close", "won") or (kind == "stage" and rank[state] > rank[stage])

        def forward(stage: str, rows: list[tuple[str, str, float | None]]) -> Fraction:
            return Fraction(sum(is_forward(stage, kind, state) for kind, state, _ in rows), len(rows))

        if (funnel, "all", "all") not in speed:
            continue
        starts: dict[str, int] = defaultdict(int)
        for deal in world.deals:
            begun = runs_of(deal, world)[0].place
            since = days(deal.created, world.as_of)
            if deal.funnel == begun.funnel == funnel and begun.rank and since is not None:
                starts[begun.stage] += since <= world.velocity_days
        starts = {stage: count for stage, count in starts.items() if count}  # type: ignore[assignment]
        chain, means = shares(stages), {stage: mean_days(rows) for stage, rows in stages.items()}
        won_now, days_now = chain_won(chain), days_to_close(chain, means)
        for by in world.deals[0].segments:
            for stage, rows in stages.items():
                parts = [
                    part[stage]
                    for (f, s, value), part in moves.items()
                    if (f, s) == (funnel, by) and value != "(none)" and len(part.get(stage, [])) >= world.minimum_n
                ]
                cell: dict[str, object] = {"segments_compared": len(parts), "deals_started": sum(starts.values())}
                cells[funnel, by, stage] = cell
                cell |= dict.fromkeys(("target_forward_share", "target_days", "won_deals_gained", "days_gained"))
                if not parts:
                    continue
                now = forward(stage, rows)
                best = sorted(forward(stage, part) for part in parts)[-(-3 * len(parts) // 4) - 1]
                target = max(now, best)
                timed = sorted(mean for part in parts if (mean := mean_days(part)) is not None)
                quick = min(timed[-(-len(timed) // 4) - 1], means[stage] or timed[0]) if timed else means[stage]
                better = {name: dict(to) for name, to in chain.items()}
                if target > now:
                    for kind, state in better[stage]:
                        ahead = is_forward(stage, kind, state)
                        better[stage][kind, state] *= target / now if ahead else (1 - target) / (1 - now)
                won_then, days_then = chain_won(better), days_to_close(chain, means | {stage: quick})
                gains = [
                    count * (then - before)
                    for name, count in starts.items()
                    if name in chain
                    and (before := won_now[name][0]) is not None
                    and (then := won_then[name][0]) is not None
                ]
                saved = [
                    (count, count * (before - then))
                    for name, count in starts.items()
                    if name in chain
                    and (before := days_now[name]) is not None
                    and (then := days_then[name]) is not None
                ]
                cell["target_forward_share"] = float(target)
                cell["target_days"] = None if quick is None else float(quick)
                cell["won_deals_gained"] = float(sum(gains)) if gains else None
                if saved:
                    cell["days_gained"] = float(sum(days for _, days in saved) / sum(count for count, _ in saved))
    return cells
