"""Criterion efficacy, compliance and stage ambiguity once more, slowly and plainly: loops over deals, no SQL.

Independent of the product on purpose: it starts from histories of deals and from what each passage of a gate showed,
and shares no code with what it checks.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor, log, sqrt

import funnel_reference as funnels
from funnel_reference import Cells, Deal, Run, aalen_johansen, days, kaplan_meier, runs_of, wilson

Z = 1.959963984540054
STATUSES = ("met", "late", "waived", "missing", "failed", "not_evaluated")


@dataclass(frozen=True)
class Criterion:
    """As its latest version has it."""

    criterion_id: str
    stage: str
    gate: str
    severity: str
    is_in_force: bool
    versions: int

    @property
    def funnel(self) -> str:
        return self.criterion_id.split(".")[0]


@dataclass(frozen=True)
class Passage:
    """A gate passed by a deal: `number` is that of the run in which the deal came, among all its runs."""

    deal: Deal
    stage: str
    gate: str
    number: int
    run: Run

    @property
    def passed_at(self) -> datetime | None:
        return self.run.entered


@dataclass(frozen=True)
class World:
    """What the funnel's reference knows, and the status of each criterion at each passage."""

    base: funnels.World
    criteria: Sequence[Criterion]
    status: Mapping[tuple[str, str, int], str]  # (criterion, deal, number of the run in which it came)
    owner: Mapping[str, str | None]  # owner of a deal
    users: Mapping[str, tuple[str, str | None]]  # name and team of an owner
    band: Mapping[str, str]  # ICP band of a deal at its creation


def passages(deal: Deal, world: funnels.World) -> list[Passage]:
    runs, found = runs_of(deal, world), []
    for number, run in enumerate(runs):
        if run.place.outcome not in (None, "won"):
            continue
        stages = world.funnels[run.place.funnel]
        start = 0
        if number and runs[number - 1].place.funnel == run.place.funnel:
            before = runs[number - 1].place
            start = before.rank or max(
                (r.place.rank or 0 for r in runs[:number] if r.place.funnel == run.place.funnel), default=0
            )
        end = len(stages) + 1 if run.place.outcome else (run.place.rank or 0)
        for rank, stage in enumerate(stages, start=1):
            if start <= rank < end:
                found.append(Passage(deal, stage, "exit", number, run))
            if start < rank <= end:
                found.append(Passage(deal, stage, "entry", number, run))
    return found


def asked(world: World) -> dict[tuple[str, str], list[tuple[Passage, str]]]:
    """By criterion and deal: its passages in their order, each with its status, where the criterion was asked."""
    at_gate: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for criterion in world.criteria:
        at_gate[criterion.funnel, criterion.stage, criterion.gate].append(criterion.criterion_id)
    found: dict[tuple[str, str], list[tuple[Passage, str]]] = defaultdict(list)
    for deal in world.base.deals:
        for passage in passages(deal, world.base):
            for criterion_id in at_gate[passage.run.place.funnel, passage.stage, passage.gate]:
                status = world.status.get((criterion_id, deal.deal_id, passage.number))
                if status:
                    found[criterion_id, deal.deal_id].append((passage, status))
    return found


@dataclass(frozen=True)
class First:
    """A deal at its first passage of a criterion's gate."""

    deal: Deal
    status: str
    is_into_won: bool
    outcome: str | None
    followed: float | None
    onward: tuple[float, bool] | None
    stratum: tuple[object, ...]

    @property
    def side(self) -> str:
        if self.is_into_won:
            return "into_won"
        return self.status if self.status in ("met", "not_evaluated") else "not_met"


def firsts(world: World) -> dict[str, list[First]]:
    base, everything = world.base, asked(world)
    deals = {deal.deal_id: deal for deal in base.deals}
    places = {criterion.criterion_id: criterion for criterion in world.criteria}
    met_at_gate: Counter[tuple[str, str, str, str]] = Counter()
    for (criterion_id, deal_id), told in everything.items():
        if told[0][1] == "met":
            each = places[criterion_id]
            met_at_gate[deal_id, each.funnel, each.stage, each.gate] += 1
    found: dict[str, list[First]] = defaultdict(list)
    for (criterion_id, deal_id), told in everything.items():
        deal, criterion = deals[deal_id], places[criterion_id]
        if deal.funnel != criterion.funnel:
            continue
        passage, status = told[0]
        runs = runs_of(deal, base)
        outcome = base.places[deal.stage_name].outcome
        end = runs[-1].entered if outcome else base.as_of
        others = met_at_gate[deal_id, criterion.funnel, criterion.stage, criterion.gate] - (status == "met")
        begun = [r for r in runs if r.place.outcome is None and r.entered == passage.passed_at is not None]
        stays = [days(run.entered, run.left or base.as_of) or 0.0 for run in begun]
        found[criterion_id].append(
            First(
                deal,
                status,
                passage.run.place.outcome == "won",
                outcome,
                days(passage.passed_at, end),
                (max(stays), all(run.left is not None for run in begun)) if begun else None,
                (world.band[deal_id], deal.segments["lead_source"], others),
            )
        )
    return found


def median_interval(rows: Sequence[tuple[float, bool]]) -> tuple[float | None, float | None]:
    """Where the curve passes one half, moved up and down by 1.96 standard errors; ends of one day one at a time."""
    at_risk, still, variance = len(rows), 1.0, 0.0
    for _, ended in sorted(rows, key=lambda row: (row[0], not row[1])):
        if ended:
            if at_risk == 1:
                return None, None
            still *= 1 - 1 / at_risk
            variance += 1 / (at_risk * (at_risk - 1))
            if still <= 0.5 + 1e-9:
                break
        at_risk -= 1
    else:
        return None, None
    error = Z * still * sqrt(variance)
    low = kaplan_meier(rows, [0.5 - error])[0] if 0.5 + error < 1 else None
    high = kaplan_meier(rows, [0.5 + error])[0] if 0.5 - error > 0 else None
    return low, high


def rate(won: int, decided: int) -> float | None:
    return won / decided if decided else None


def interval(won: float, n: float) -> tuple[float | None, float | None]:
    return wilson(won, n) if n else (None, None)


def newcombe(won1: int, n1: int, won0: int, n0: int) -> tuple[float | None, float | None, float | None]:
    if not n1 or not n0:
        return None, None, None
    (low1, high1), (low0, high0) = wilson(won1, n1), wilson(won0, n0)
    p1, p0 = won1 / n1, won0 / n0
    return (
        p1 - p0,
        p1 - p0 - sqrt((p1 - low1) ** 2 + (high0 - p0) ** 2),
        p1 - p0 + sqrt((high1 - p1) ** 2 + (p0 - low0) ** 2),
    )


def klingenberg(strata: Sequence[tuple[int, int, int, int]]) -> tuple[float | None, float | None, float | None]:
    """Of strata (won1, n1, won0, n0): the pooled difference, and the ends of the set of differences not refused.

    The ends are sought by bisection, where the product solves the quadratic equation.
    """
    weight = sum(n1 * n0 / (n1 + n0) for _, n1, _, n0 in strata)
    p = q = excess = 0.0
    for won1, n1, won0, n0 in strata:
        n = n1 + n0
        excess += (won1 / n1 - won0 / n0) * n1 * n0 / n
        p += (n1**2 * won0 - n0**2 * won1 + n1 * n0 * (n0 - n1) / 2) / n**2
        q += (won1 * (n0 - won0) + won0 * (n1 - won1)) / (2 * n)
    if q == 0:
        return None, None, None
    difference = excess / weight

    def is_refused(candidate: float) -> bool:
        return (difference - candidate) ** 2 > Z * Z * (candidate * p + q) / weight**2

    ends = []
    for outside in (-10.0, 10.0):
        inner, outer = difference, outside
        for _ in range(200):
            middle = (inner + outer) / 2
            inner, outer = (inner, middle) if is_refused(middle) else (middle, outer)
        ends.append(inner)
    return difference, ends[0], ends[1]


def segments_of(deal: Deal) -> list[tuple[str, str]]:
    return [("all", "all"), *((name, value or "(none)") for name, value in deal.segments.items())]


def efficacy(world: World) -> Cells:
    base, found = world.base, firsts(world)
    cells: Cells = {}
    for criterion in world.criteria:
        rows = found[criterion.criterion_id]
        keys = {("all", "all")} | {segment for row in rows for segment in segments_of(row.deal)}
        decided = [row for row in rows if row.side in ("met", "not_met") and row.outcome]
        overall = rate(sum(row.outcome == "won" for row in decided), len(decided))
        parents: dict[str, float | None] = {}
        for side in ("met", "not_met"):
            of_side = [row for row in decided if row.side == side]
            won = sum(row.outcome == "won" for row in of_side)
            parents[side] = (
                None if overall is None else (won + base.shrinkage * overall) / (len(of_side) + base.shrinkage)
            )
        for segment in keys:
            here = [row for row in rows if segment in segments_of(row.deal)]
            cells[criterion.criterion_id, *segment] = _efficacy(
                world, criterion, here, parents, overall, is_all=segment[0] == "all"
            )
    return cells


def _efficacy(
    world: World,
    criterion: Criterion,
    rows: list[First],
    parents: Mapping[str, float | None],
    overall: float | None,
    *,
    is_all: bool,
) -> dict[str, object]:
    base = world.base
    cell: dict[str, object] = {
        "gate": criterion.gate,
        "severity": criterion.severity,
        "is_in_force": criterion.is_in_force,
        "versions": criterion.versions,
        "deals": len(rows),
        "passed_by_winning_deals": sum(row.side == "into_won" for row in rows),
        "not_evaluated_deals": sum(row.side == "not_evaluated" for row in rows),
    }
    for status in ("missing", "failed", "waived", "late"):
        cell[f"{status}_deals"] = sum(row.side == "not_met" and row.status == status for row in rows)
    won, decided, expected = {}, {}, {}
    for side in ("met", "not_met"):
        of_side = [row for row in rows if row.side == side]
        closed = [row for row in of_side if row.outcome]
        won[side], decided[side] = sum(row.outcome == "won" for row in closed), len(closed)
        parent = overall if is_all else parents[side]
        low, high = interval(won[side], decided[side])
        cell |= {
            f"{side}_deals": len(of_side),
            f"{side}_open_deals": len(of_side) - len(closed),
            f"{side}_decided_deals": decided[side],
            f"{side}_won_deals": won[side],
            f"{side}_win_rate": rate(won[side], decided[side]),
            f"{side}_win_rate_low": low,
            f"{side}_win_rate_high": high,
            f"{side}_win_rate_parent": parent,
            f"{side}_win_rate_shrunk": None
            if parent is None
            else (won[side] + base.shrinkage * parent) / (decided[side] + base.shrinkage),
        }
        curve = [
            (row.followed, "event" if row.outcome == "won" else "other" if row.outcome else "censored")
            for row in of_side
            if row.followed is not None
        ]
        stays = [row.onward for row in of_side if row.onward is not None]
        expected[side], undecided, followed = aalen_johansen(curve) if is_all else (None, None, 0)
        cell[f"{side}_win_rate_expected"] = expected[side]
        cell[f"{side}_win_rate_expected_undecided"] = undecided if followed else None
        quantiles = kaplan_meier(stays, [0.25, 0.5, 0.75]) if is_all else [None] * 3
        for level, day in zip((25, 50, 75), quantiles, strict=True):
            cell[f"{side}_onward_p{level}_days"] = day
        low, high = median_interval(stays) if is_all else (None, None)
        cell |= {f"{side}_onward_p50_low_days": low, f"{side}_onward_p50_high_days": high}
    late = [row for row in rows if row.side == "not_met" and row.status == "late" and row.outcome]
    late_won = sum(row.outcome == "won" for row in late)
    low, high = interval(late_won, len(late))
    cell |= {
        "late_decided_deals": len(late),
        "late_won_deals": late_won,
        "late_win_rate": rate(late_won, len(late)),
        "late_win_rate_low": low,
        "late_win_rate_high": high,
    }
    plain = newcombe(won["met"], decided["met"], won["not_met"], decided["not_met"])
    counts: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        if row.side in ("met", "not_met") and row.outcome:
            place = 0 if row.side == "met" else 2
            counts[row.stratum][place] += row.outcome == "won"
            counts[row.stratum][place + 1] += 1
    strata = [(a, n1, b, n0) for a, n1, b, n0 in counts.values() if n1 and n0]
    adjusted = klingenberg(strata) if strata else (None, None, None)
    all_won, all_decided = won["met"] + won["not_met"], decided["met"] + decided["not_met"]
    is_insufficient = min(decided.values()) < base.minimum_n or all_won in (0, all_decided)
    bounds = plain if adjusted[0] is None else adjusted
    if rows and all(row.side == "into_won" for row in rows):
        verdict = "passed_by_winning_alone"
    elif is_insufficient:
        verdict = "insufficient_history"
    elif bounds[1] is not None and bounds[1] > 0:
        verdict = "supported"
    elif bounds[2] is not None and bounds[2] < 0:
        verdict = "contradicted"
    else:
        verdict = "not_supported"
    for name, values in (("", plain), ("_adjusted", adjusted)):
        for end, value in zip(("", "_low", "_high"), values, strict=True):
            cell[f"win_rate_difference{name}{end}"] = value
    both = (expected["met"], expected["not_met"])
    has_effect = {"supported": True, "contradicted": True, "not_supported": False}
    return cell | {
        "is_adjusted": adjusted[0] is not None,
        "adjusted_deals": sum(n1 + n0 for _, n1, _, n0 in strata) if adjusted[0] is not None else 0,
        "adjusted_strata": len(strata) if adjusted[0] is not None else 0,
        "win_rate_difference_expected": None if None in both else both[0] - both[1],  # type: ignore[operator]
        "is_insufficient_history": is_insufficient,
        "has_effect": has_effect.get(verdict),
        "verdict": verdict,
    }


def compliance(world: World) -> Cells:
    places = {criterion.criterion_id: criterion for criterion in world.criteria}
    members: dict[tuple[object, ...], dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for (criterion_id, deal_id), told in asked(world).items():
        criterion, statuses = places[criterion_id], [status for _, status in told]
        owner = world.owner[deal_id]
        team = world.users.get(owner or "", ("", None))[1]
        cluster = (deal_id, criterion.funnel)
        scopes = [("all", "all"), ("owner", f"generic:{owner}" if owner else "(none)"), ("team", team or "(none)")]
        for scope in scopes:
            for severity in ("all", criterion.severity):
                for funnel, stage in (
                    ("all", "all"), (criterion.funnel, "all"), (criterion.funnel, criterion.stage)
                ):  # fmt: skip
                    members[funnel, stage, *scope, severity][cluster] += statuses
        key = (criterion.funnel, criterion.stage, "criterion", criterion_id, criterion.severity)
        members[key][cluster] += statuses
    cells: Cells = {}
    for key, deals in members.items():
        counts = Counter(status for statuses in deals.values() for status in statuses)
        cells[key] = _compliance(world, deals, counts)
    for key, cell in cells.items():
        parent = cells[key[0], key[1], "all", "all", key[4]]["compliance"]
        k, p, m = cell["evaluated_deals"], cell["compliance"], world.base.shrinkage
        cell["compliance_parent"] = parent
        cell["compliance_shrunk"] = None if parent is None else (k * (p or 0.0) + m * parent) / (k + m)  # type: ignore[operator]
    return cells


def _compliance(
    world: World, deals: Mapping[tuple[str, str], list[str]], counts: Mapping[str, int]
) -> dict[str, object]:
    each = [(statuses.count("met"), len(statuses) - statuses.count("not_evaluated")) for statuses in deals.values()]
    judged = [(met, n) for met, n in each if n]
    n, met, k = sum(n for _, n in judged), sum(met for met, _ in judged), len(judged)
    share = met / n if n else None
    if share is None or k < 2 or share in (0, 1):
        effective = float(k)
    else:
        of_ratio = k / (k - 1) * sum((met - share * n) ** 2 for met, n in judged) / n**2
        effective = n / max(1.0, of_ratio / (share * (1 - share) / n))
    low, high = wilson((share or 0.0) * effective, effective) if effective else (None, None)
    return {
        **{status: counts.get(status, 0) for status in STATUSES},
        "deals": len(deals),
        "evaluated_deals": k,
        "asked": sum(counts.values()),
        "evaluated": n,
        "compliance": share,
        "effective_n": effective,
        "compliance_low": low,
        "compliance_high": high,
        "proven_by_now_share": (met + counts.get("late", 0)) / n if n else None,
        "is_insufficient_history": k < world.base.minimum_n,
    }


def deal_compliance(world: World) -> Cells:
    severity = {criterion.criterion_id: criterion.severity for criterion in world.criteria}
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (criterion_id, deal_id), found in asked(world).items():
        told[deal_id] += [(severity[criterion_id], status) for _, status in found]

    def state(statuses: list[str]) -> str:
        if not statuses:
            return "none_asked"
        if "missing" in statuses or "failed" in statuses:
            return "violated"
        return next((word for word in ("waived", "not_evaluated") if word in statuses), "met")

    def share(statuses: list[str]) -> float | None:
        judged = [status for status in statuses if status != "not_evaluated"]
        return judged.count("met") / len(judged) if judged else None

    cells: Cells = {}
    for deal in world.base.deals:
        both = [status for _, status in told[deal.deal_id]]
        cell: dict[str, object] = {
            "criteria_state": state(both),
            "compliance": share(both),
            "has_late_proof": "late" in both,
            "asked": len(both),
        }
        for name in ("block", "warn"):
            own = [status for severity, status in told[deal.deal_id] if severity == name]
            cell |= {f"{name}_compliance": share(own), f"{name}_asked": len(own)}
            cell |= {f"{name}_{status}": own.count(status) for status in STATUSES}
            if name == "block":
                cell["block_criteria_state"] = state(own)
        cells[(f"generic:{deal.deal_id}",)] = cell
    return cells


MEASURES = ("criteria_met", "dwell", "conversion")
Values = dict[tuple[str, str, str], list[tuple[Deal, float]]]


def horizons(world: World) -> dict[tuple[str, str], float | None]:
    stays: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
    for deal in world.base.deals:
        for run in runs_of(deal, world.base):
            lasted = days(run.entered, run.left or world.base.as_of)
            if run.place.rank and lasted is not None:
                stays[run.place.funnel, run.place.stage].append((lasted, run.left is not None))
    return {
        place: next((day for day in kaplan_meier(rows, [0.9, 0.8, 0.75, 0.5, 0.25]) if day is not None), None)
        for place, rows in stays.items()
    }


def rounded(value: float, places: int) -> float:
    """Halves upwards, as databases do."""
    return floor(value * 10**places + 0.5) / 10**places


def values(world: World) -> Values:
    """By funnel, stage and measure: deals of the funnel with what is measured of them."""
    base, within, found = world.base, horizons(world), defaultdict(list)
    places = {criterion.criterion_id: criterion for criterion in world.criteria}
    proofs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (criterion_id, deal_id), told in asked(world).items():
        proofs[deal_id, places[criterion_id].funnel + "/" + places[criterion_id].stage] += [s for _, s in told]
    for deal in base.deals:
        runs = [run for run in runs_of(deal, base) if run.place.funnel == deal.funnel]
        for rank, stage in enumerate(base.funnels[deal.funnel], start=1):
            judged = [s for s in proofs[deal.deal_id, f"{deal.funnel}/{stage}"] if s != "not_evaluated"]
            if judged:
                share = rounded(judged.count("met") / len(judged), 6)
                found[deal.funnel, stage, "criteria_met"].append((deal, share))
            horizon = within.get((deal.funnel, stage))
            visit = next((run for run in runs if run.place.stage == stage), None)
            if visit is None or horizon is None:
                continue
            watched = days(visit.entered, base.as_of)
            if watched is not None and watched >= horizon:
                stay = days(visit.entered, visit.left or base.as_of) or 0.0
                found[deal.funnel, stage, "dwell"].append((deal, rounded(min(stay, horizon), 4)))
            far = next(run for run in runs if run.place.outcome == "won" or (run.place.rank or 0) >= rank)
            further = [run for run in runs if run.place.outcome == "won" or (run.place.rank or 0) > rank]
            watched = days(far.entered, base.as_of)
            if watched is not None and watched >= horizon:
                took = days(far.entered, further[0].entered) if further else None
                found[deal.funnel, stage, "conversion"].append((deal, float(took is not None and took <= horizon)))
    return found


@dataclass
class Compared:
    """An owner beside all others: sums over the strata in which there are others."""

    deals: int = 0
    total: float = 0.0
    comparable: int = 0
    weight: float = 0.0
    excess: float = 0.0
    by_chance: float = 0.0
    of_deals: float = 0.0


Row = tuple[str | None, object, float]  # owner, mix, value of a deal


def compared(rows_of_all: Sequence[Row]) -> dict[str | None, Compared]:
    strata: dict[object, list[tuple[str | None, float]]] = defaultdict(list)
    for owner, mix, value in rows_of_all:
        strata[mix].append((owner, value))
    owners: dict[str | None, Compared] = defaultdict(Compared)
    for rows in strata.values():
        n, mean = len(rows), sum(value for _, value in rows) / len(rows)
        for owner in {owner for owner, _ in rows}:
            own = [value for who, value in rows if who == owner]
            others = [value for who, value in rows if who != owner]
            one = owners[owner]
            one.deals += len(own)
            one.total += sum(own)
            if others:
                variance = sum((value - mean) ** 2 for _, value in rows) / (n - 1)
                one.comparable += len(own)
                # n1 n0 / n times the difference of the two means: Mantel and Haenszel's numerator.
                weight = len(own) * len(others) / n
                one.weight += weight
                one.excess += weight * (sum(own) / len(own) - sum(others) / len(others))
                one.by_chance += weight * variance
                one.of_deals += len(own) * variance
    return owners


def chi_squared(probability_z: float, freedom: float) -> float | None:
    root = 1 - 2 / (9 * freedom) + probability_z * sqrt(2 / (9 * freedom))
    return freedom * root**3 if root > 0 else None


def ambiguity(world: World) -> tuple[Cells, Cells]:
    """The stages and measures, and the owners in each."""
    base, found, within = world.base, values(world), horizons(world)
    stages, owners = {}, {}
    for funnel, names in base.funnels.items():
        for stage in names:
            for measure in MEASURES:
                measured = [
                    (world.owner[deal.deal_id], (world.band[deal.deal_id], deal.segments["lead_source"]), value)
                    for deal, value in found.get((funnel, stage, measure), [])
                ]
                all_owners = compared(measured)
                horizon = None if measure == "criteria_met" else within.get((funnel, stage))
                cell = spread_of(measured, all_owners, base.minimum_n) | {"horizon_days": horizon}
                stages[funnel, stage, measure] = cell
                for owner, one in all_owners.items():
                    if owner is not None:
                        owners[funnel, stage, measure, f"generic:{owner}"] = _owner(one, cell, base.minimum_n)
            rows = [stages[funnel, stage, measure] for measure in MEASURES]
            known = [row for row in rows if not row["is_insufficient_history"]]
            answer = any(
                (row["chance_z"] or 0) > 2.128045 and (row["owner_variance_share"] or 0) >= 0.06 for row in known
            )  # type: ignore[operator]
            for row in rows:
                row["is_ambiguous"] = answer if known else None
    return stages, owners


def spread_of(measured: Sequence[Row], owners: Mapping[str | None, Compared], minimum_n: int) -> dict[str, object]:
    enough = [one for owner, one in owners.items() if owner is not None and one.comparable >= minimum_n]
    cell: dict[str, object] = {
        "deals": len(measured),
        "mean_value": sum(value for *_, value in measured) / len(measured) if measured else None,
        "owners": sum(owner is not None for owner in owners),
        "compared_owners": len(enough),
        "comparable_deals": sum(one.comparable for one in enough),
        "is_insufficient_history": len(enough) < 2,
    }
    empty = ("spread_observed", "spread_by_chance", "spread", "spread_low", "spread_high", "owner_variance_share")
    cell |= dict.fromkeys((*empty, "chance_z", "has_owner_spread"))
    if len(enough) < 2:
        return cell
    varying = [one for one in enough if one.of_deals > 1e-9]
    if not varying:
        nothing = dict.fromkeys(("spread_observed", "spread_by_chance", "spread", "spread_low"), 0.0)
        return cell | nothing | {"has_owner_spread": False}
    q = sum(one.excess**2 / one.of_deals for one in varying)
    freedom = sum(one.by_chance / one.of_deals for one in varying)
    per_variance = sum(one.comparable * one.weight / one.of_deals for one in varying)
    variance = max(0.0, (q - freedom) / per_variance)
    z = ((q / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / sqrt(2 / (9 * freedom))
    ends = [
        None if quantile is None else sqrt(max(0.0, (q / quantile - 1) * freedom / per_variance))
        for quantile in (chi_squared(Z, freedom), chi_squared(-Z, freedom))
    ]
    of_deals = sum(one.of_deals for one in enough) / sum(one.comparable for one in enough)
    return cell | {
        "spread_observed": sqrt(q / per_variance),
        "spread_by_chance": sqrt(freedom / per_variance),
        "spread": sqrt(variance),
        "spread_low": ends[0],
        "spread_high": ends[1],
        "owner_variance_share": min(1.0, variance / of_deals),
        "chance_z": z,
        "has_owner_spread": z > Z,
    }


def _owner(one: Compared, stage: Mapping[str, object], minimum_n: int) -> dict[str, object]:
    difference = one.excess / one.weight if one.weight else None
    error = sqrt(one.by_chance) / one.weight if one.weight and one.by_chance > 1e-9 else None
    spread: float | None = stage["spread"]  # type: ignore[assignment]
    shrunk = None
    if difference is not None and error is not None and spread is not None:
        shrunk = difference * spread**2 / (spread**2 + error**2)
    is_beyond = None
    if one.comparable >= minimum_n:
        owners: int = stage["compared_owners"]  # type: ignore[assignment]
        is_beyond = (
            difference is not None and error is not None and abs(difference) > sqrt(2 * log(2 * owners / 0.05)) * error
        )
    return {
        "deals": one.deals,
        "comparable_deals": one.comparable,
        "mean_value": one.total / one.deals,
        "difference_from_others": difference,
        "difference_from_others_low": None if error is None or difference is None else difference - Z * error,
        "difference_from_others_high": None if error is None or difference is None else difference + Z * error,
        "difference_from_others_shrunk": shrunk,
        "is_insufficient_history": one.comparable < minimum_n,
        "is_beyond_chance": is_beyond,
    }
