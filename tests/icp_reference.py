"""Fit, lift, weights, bands, leads and BANT once more, slowly and plainly: loops over deals, no SQL, no frames.

Independent of the product on purpose: it reads a world of plain objects and shares no code with what it checks.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
Z = 1.959963984540054
PRIOR = 0.5

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Account:
    """An account as each extract that told something new of it had it; None where it was gone."""

    account_id: str
    seen: Sequence[tuple[datetime, Attributes | None]]

    def tonight(self) -> Attributes:
        return self.seen[-1][1] or {}

    def then(self, at: datetime) -> Attributes:
        known = self.seen[0][1]
        for seen_at, attributes in self.seen[1:]:
            if seen_at <= at:
                known = attributes
        return known or {}


@dataclass(frozen=True)
class Deal:
    deal_id: str
    created_at: datetime | None
    account_id: str | None
    outcome: str | None
    lead_source: str | None
    # (part of BANT, when, kind of evidence, what it says)
    words: Sequence[tuple[str, datetime, str, str]] = ()

    @property
    def is_won(self) -> bool:
        return self.outcome == "won"


@dataclass(frozen=True)
class Lead:
    lead_id: str
    created_at: datetime
    lead_source: str | None
    attributes: Attributes
    converted_at: datetime | None
    deal_id: str | None


@dataclass(frozen=True)
class Profile:
    """weights by attribute; fits: a set of values, or (at_least, at_most); cuts: {attribute: starts}."""

    weights: Mapping[str, float]
    fits: Mapping[str, Any]
    cuts: Mapping[str, Sequence[float]]
    bands: Mapping[str, float]
    floor: float
    minimum_n: int


@dataclass(frozen=True)
class World:
    as_of: datetime
    profile: Profile
    accounts: Mapping[str, Account]
    deals: Sequence[Deal]
    leads: Sequence[Lead]
    fresh: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


def fits(profile: Profile, attribute: str, value: Any) -> bool:
    wanted = profile.fits[attribute]
    if isinstance(wanted, set):
        return value in wanted
    low, high = wanted
    return (low is None or value >= low) and (high is None or value <= high)


def score(profile: Profile, attributes: Attributes) -> tuple[float | None, float, str]:
    known = [name for name in profile.weights if attributes.get(name) is not None]
    weight = sum(profile.weights[name] for name in known)
    matched = sum(profile.weights[name] for name in known if fits(profile, name, attributes[name]))
    completeness = weight / sum(profile.weights.values())
    if not known:
        return None, 0.0, "unknown"
    percent = 100 * matched / weight
    band = "unknown"
    if round(completeness, 9) >= profile.floor:
        band = max((start, name) for name, start in profile.bands.items() if round(percent, 9) >= start)[1]
    return percent, completeness, band


def at_creation(world: World, deal: Deal) -> Attributes:
    account = world.accounts.get(deal.account_id or "")
    if deal.created_at is None or account is None:
        return {}
    return account.then(deal.created_at)


def fit(world: World) -> dict[str, dict[str, Any]]:
    rows = {}
    for deal in world.deals:
        account = world.accounts.get(deal.account_id or "")
        now = score(world.profile, account.tonight() if account else {})
        then = score(world.profile, at_creation(world, deal))
        if deal.created_at is None:
            basis = "no_creation_date"
        elif account is None:
            basis = "no_account"
        else:
            basis = "known_then" if account.seen[0][0] <= deal.created_at else "first_known_later"
        outcomes = {part: bant(world, deal, part) for part in ("budget", "authority", "need", "timeline")}
        met = sum(outcome == "met" for outcome in outcomes.values())
        judged = sum(outcome != "not_evaluated" for outcome in outcomes.values())
        rows[deal.deal_id] = {
            "icp_score": now[0],
            "icp_completeness": now[1],
            "icp_band": now[2],
            "icp_score_at_creation": then[0],
            "icp_completeness_at_creation": then[1] if deal.created_at else None,
            "icp_band_at_creation": then[2],
            "creation_basis": basis,
            "bant_parts_met": met,
            "bant_parts_evaluated": judged,
            "bant_completeness": met / judged if judged else None,
            **{f"bant_{part}": outcome for part, outcome in outcomes.items()},
        }
    return rows


def bant(world: World, deal: Deal, part: str) -> str:
    """A customer's last word on a part; sellers' opinions do not count but show that the CRM has a place for it."""
    said = [word for word in deal.words if word[0] == part and word[2] == "customer_action" and word[1] < world.as_of]
    if said:
        last = max(at for _, at, _, _ in said)
        if any(text == "yes" for _, at, _, text in said if at == last):
            return "met"
    anywhere = any(word[0] == part and word[1] < world.as_of for each in world.deals for word in each.words)
    if not (world.fresh and anywhere):
        return "not_evaluated"
    return "failed" if said else "missing"


def told(profile: Profile, attribute: str, value: Any) -> str:
    """A value, or the range in which a number lies."""
    numeric = attribute in ("employees", "annual_revenue")
    if not numeric:
        return str(value)
    low, high = profile.fits.get(attribute, (None, None))
    starts = sorted({*profile.cuts.get(attribute, ()), *([low] if low is not None else [])})
    marks = sorted([(start, 0) for start in starts] + ([(high, 1)] if high is not None else []))
    text_low, text_high = "", ""
    for number, after in marks:
        if value > number or (value == number and not after):
            text_low = f"{'above' if after else 'from'} {number:.15g}"
    for number, after in reversed(marks):
        if value < number or (value == number and after):
            text_high = f"{'up to' if after else 'below'} {number:.15g}"
    return ", ".join(part for part in (text_low, text_high) if part) or "any number"


def wilson(k: int, n: int) -> tuple[float | None, float | None]:
    if n == 0:
        return None, None
    p = k / n
    middle, half = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return (middle - half) / (1 + Z * Z / n), (middle + half) / (1 + Z * Z / n)


def odds(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Log-odds ratio and variance, half a deal added to each count."""
    cells = [x + 0.5 for x in (a, b, c, d)]
    return math.log(cells[0] * cells[3] / cells[1] / cells[2]), sum(1 / x for x in cells)


def shrink(estimate: float, variance: float) -> tuple[float, float]:
    """Precision-weighted mean of the estimate and of zero; its standard error."""
    precision = 1 / variance + 1 / PRIOR
    return estimate / variance / precision, math.sqrt(1 / precision)


def lift(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    closed = [deal for deal in world.deals if deal.outcome]
    known = {deal.deal_id: {**at_creation(world, deal), "lead_source": deal.lead_source} for deal in closed}
    names = {name for each in known.values() for name, value in each.items() if value is not None}
    rows = {}
    for attribute in names | set(world.profile.weights):
        values = {
            deal.deal_id: told(world.profile, attribute, known[deal.deal_id][attribute])
            for deal in closed
            if known[deal.deal_id].get(attribute) is not None
        }
        counts = Counter(values.values())
        if len(counts) > 50:
            keep = world.profile.fits.get(attribute, set())
            values = {
                deal_id: "(rare)" if counts[value] < world.profile.minimum_n and value not in keep else value
                for deal_id, value in values.items()
            }
        for value in sorted({*values.values(), "(unknown)"}):
            here = [deal for deal in closed if values.get(deal.deal_id, "(unknown)") == value]
            if not here:
                continue
            rest = [deal for deal in closed if deal.deal_id in values and values[deal.deal_id] != value]
            n, won = len(here), sum(deal.is_won for deal in here)
            m, rest_won = len(rest), sum(deal.is_won for deal in rest)
            all_known = [deal for deal in closed if deal.deal_id in values]
            overall = sum(deal.is_won for deal in all_known) / len(all_known) if all_known else None
            row: dict[str, Any] = {
                "closed_deals": n,
                "won_deals": won,
                "win_rate": won / n,
                "rest_deals": m,
                "rest_won_deals": rest_won,
                "rest_win_rate": rest_won / m if m else None,
                "lift": won / n / overall if overall else None,
                "log_odds": None,
                "log_odds_low": None,
                "log_odds_high": None,
                "is_insufficient_history": True,
            }
            row["win_rate_low"], row["win_rate_high"] = wilson(won, n)
            if m and 0 < won + rest_won < n + m:
                mean, error = shrink(*odds(won, n - won, rest_won, m - rest_won))
                row |= {"log_odds": mean, "log_odds_low": mean - Z * error, "log_odds_high": mean + Z * error}
                row["is_insufficient_history"] = n < world.profile.minimum_n or m < world.profile.minimum_n
            rows[attribute, value] = row
    return rows


def weight_review(world: World) -> dict[str, dict[str, Any]]:
    profile = world.profile
    closed = [(deal, at_creation(world, deal)) for deal in world.deals if deal.outcome]
    judged: dict[str, dict[str, Any]] = {}
    for attribute in profile.weights:
        cells: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        whole = [0, 0, 0, 0]
        for deal, attributes in closed:
            if attributes.get(attribute) is None:
                continue
            others = [name for name in profile.weights if name != attribute and attributes.get(name) is not None]
            stratum = tuple((name, fits(profile, name, attributes[name])) for name in others)
            place = (0 if fits(profile, attribute, attributes[attribute]) else 2) + (not deal.is_won)
            cells[stratum][place] += 1
            whole[place] += 1
        a, b, c, d = whole
        has_contrast = a + b > 0 and c + d > 0 and a + c > 0 and b + d > 0
        r = sum(x[0] * x[3] / sum(x) for x in cells.values())
        s = sum(x[1] * x[2] / sum(x) for x in cells.values())
        row: dict[str, Any] = {"fit_deals": a + b, "fit_won_deals": a, "other_deals": c + d, "other_won_deals": c}
        row["is_adjusted"] = r > 0 and s > 0
        row |= {"log_odds": None, "log_odds_low": None, "log_odds_high": None, "error": None}
        if has_contrast:
            if row["is_adjusted"]:
                estimate, variance = math.log(r / s), 0.0
                for x in cells.values():
                    n = sum(x)
                    p, q = (x[0] + x[3]) / n, (x[1] + x[2]) / n
                    up, down = x[0] * x[3] / n, x[1] * x[2] / n
                    variance += p * up / (2 * r * r) + (p * down + q * up) / (2 * r * s) + q * down / (2 * s * s)
            else:
                estimate, variance = odds(*whole)
            mean, error = shrink(estimate, variance)
            row |= {"log_odds": mean, "error": error}
            row |= {"log_odds_low": mean - Z * error, "log_odds_high": mean + Z * error}
        row["enough"] = has_contrast and min(a + b, c + d) >= profile.minimum_n
        judged[attribute] = row
    usable = [name for name, row in judged.items() if row["enough"]]
    slope = None
    if usable:
        slope = sum(profile.weights[n] * judged[n]["log_odds"] / judged[n]["error"] ** 2 for n in usable) / sum(
            profile.weights[n] ** 2 / judged[n]["error"] ** 2 for n in usable
        )
    for attribute, row in judged.items():
        weight = profile.weights[attribute]
        row["log_odds_by_weight"] = None if slope is None else weight * slope
        by_history = max(row["log_odds"], 0.0) / slope if slope and slope > 0 and row["enough"] else None
        row["weight_by_history"] = by_history
        row["verdict"] = _verdict(row, weight, by_history)
    return judged


def _verdict(row: Mapping[str, Any], weight: float, by_history: float | None) -> str:
    if not row["enough"]:
        return "insufficient_history"
    if row["log_odds_high"] < 0:
        return "contradicted"
    if row["log_odds_low"] <= 0:
        return "not_supported"
    if by_history is not None and row["log_odds_by_weight"] > row["log_odds_high"] and by_history < 0.75 * weight:
        return "too_high"
    if by_history is not None and row["log_odds_by_weight"] < row["log_odds_low"] and by_history > 1.25 * weight:
        return "too_low"
    return "supported"


def unweighed(world: World) -> dict[str, tuple[str | None, str]]:
    """(telling value, verdict) of each attribute without a weight, from its rows of lift."""
    by_attribute: dict[str, list[tuple[float, str]]] = defaultdict(list)
    names = set()
    for (attribute, value), row in lift(world).items():
        if attribute in world.profile.weights:
            continue
        names.add(attribute)
        if value != "(unknown)" and not row["is_insufficient_history"]:
            error = (row["log_odds_high"] - row["log_odds_low"]) / (2 * Z)
            by_attribute[attribute].append((abs(row["log_odds"]) / error, value))
    found: dict[str, tuple[str | None, str]] = dict.fromkeys(names, (None, "insufficient_history"))
    for attribute, distances in by_attribute.items():
        distance, value = max(distances)
        bound = math.sqrt(2 * math.log(2 * len(distances) / 0.05))
        found[attribute] = (value, "telling_without_weight" if distance > bound else "rightly_without_weight")
    return found


def band_win_rates(world: World) -> dict[str, dict[str, Any]]:
    counts = {band: [0, 0] for band in [*world.profile.bands, "unknown"]}
    for deal in world.deals:
        if deal.outcome:
            band = score(world.profile, at_creation(world, deal))[2]
            counts[band][0] += 1
            counts[band][1] += deal.is_won
    rows: dict[str, dict[str, Any]] = {}
    for band, (n, won) in counts.items():
        enough = n >= world.profile.minimum_n
        order, by, clearest = "in_order", None, 0.0
        compared = False
        for other in [name for name, start in world.profile.bands.items() if start < world.profile.bands.get(band, -1)]:
            m, other_won = counts[other]
            if not enough or m < world.profile.minimum_n:
                continue
            compared = True
            pooled = (won + other_won) / (n + m)
            if other_won / m > won / n:
                z = (other_won / m - won / n) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
                if z > clearest:
                    by, clearest = other, z
        if band == "unknown":
            order = "not_ranked"
        elif not enough:
            order = "insufficient_history"
        elif by:
            order = "out_of_order" if clearest > 1.6448536269514722 else "out_of_order_within_noise"
        elif not compared and world.profile.bands[band] > 0:
            order = "nothing_to_compare"
        rows[band] = {"closed_deals": n, "won_deals": won, "outwon_by_band": by, "band_order": order}
    return rows


def kaplan_meier(observed: Sequence[tuple[int, bool]], share: float) -> int | None:
    """The first day by which this share has ended."""
    still = 1.0
    for day in sorted({day for day, _ in observed}):
        at_risk = sum(each >= day for each, _ in observed)
        still *= 1 - sum(each == day and ended for each, ended in observed) / at_risk
        if still <= 1 - share + 1e-9:
            return day
    return None


def lead_conversion(world: World) -> dict[tuple[str, str, str, date | None], dict[str, Any]]:
    deals = {deal.deal_id for deal in world.deals}
    groups: dict[tuple[str, str, str, date | None], list[Lead]] = defaultdict(list)
    for lead in world.leads:
        if lead.created_at >= world.as_of:
            continue
        band = score(world.profile, lead.attributes)[2]
        month = (lead.created_at.astimezone(ZONE)).date().replace(day=1)
        for source in {lead.lead_source or "(none)"} | {"all"}:
            for cut in (band, "all"):
                groups[source, cut, "month", month].append(lead)
                groups[source, cut, "all", None].append(lead)
    return {key: _converted(world, leads, deals) for key, leads in groups.items()}


def _converted(world: World, leads: Iterable[Lead], deals: set[str]) -> dict[str, Any]:
    leads = list(leads)
    created = {deal.deal_id: deal.created_at for deal in world.deals}
    days: dict[str, int | None] = {}
    for lead in leads:
        at = lead.converted_at or created.get(lead.deal_id or "")
        if lead.converted_at is None and lead.deal_id is None:
            continue
        if at is not None and at >= world.as_of:
            continue
        days[lead.lead_id] = (at - lead.created_at) // timedelta(days=1) if at and at >= lead.created_at else None
    age = {lead.lead_id: (world.as_of - lead.created_at) // timedelta(days=1) for lead in leads}
    observed = [
        (days.get(lead.lead_id, age[lead.lead_id]), lead.lead_id in days)
        for lead in leads
        if days.get(lead.lead_id, 0) is not None
    ]
    row: dict[str, Any] = {
        "leads": len(leads),
        "converted": len(days),
        "converted_to_unknown_deal": sum(
            lead.lead_id in days and lead.deal_id is not None and lead.deal_id not in deals for lead in leads
        ),
        "converted_undated": sum(day is None for day in days.values()),
        "conversion_to_date": len(days) / len(leads),
        "is_insufficient_history": len(leads) < world.profile.minimum_n,
    }
    row["conversion_to_date_low"], row["conversion_to_date_high"] = wilson(len(days), len(leads))
    for horizon in (30, 90):
        matured = [lead for lead in leads if age[lead.lead_id] >= horizon and days.get(lead.lead_id, 0) is not None]
        done = sum(days.get(lead.lead_id, horizon) < horizon for lead in matured)  # type: ignore[operator]
        row[f"n_matured_{horizon}d"] = len(matured)
        row[f"conversion_within_{horizon}d"] = done / len(matured) if matured else None
    for share in (25, 50, 75):
        row[f"days_to_conversion_p{share}"] = kaplan_meier(observed, share / 100)  # type: ignore[arg-type]
    ended = sorted(day for day in days.values() if day is not None)
    row["completed_median_days"] = ended[(len(ended) - 1) // 2] if ended else None
    return row
