"""Deals with their classes for the tests of causes, and their split once more: in fractions, over all orders."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from itertools import permutations
from typing import Any

import polars as pl

QUALITY = ("weak", "middle", "strong")
PROOF = ("proven", "one", "two", "three")
CADENCE = ("seldom", "middle", "often")
PACE = ("flowing", "slow", "stalled", "closed_early")


@dataclass
class Deal:
    quality_class: str = "middle"
    proof_class: str = "proven"
    cadence_class: str = "middle"
    pace_class: str = "flowing"
    is_advanced: bool = True
    has_loose_owner: bool = False
    owner_key: str | None = "ann"
    team: str | None = "east"
    quarters_back: int = 0
    stage: str = "one"
    # Criteria besides those that make its class, which is `proof_class` where there are none.
    also_missed: tuple[str, ...] = ()
    also_not_known: tuple[str, ...] = ()
    classes: tuple[str, str, str, str, str] = field(init=False)

    def __post_init__(self) -> None:
        if self.pace_class == "closed_early":
            self.cadence_class = "cut_short"
        self.classes = (self.quality_class, self.missed, self.not_known, self.cadence_class, self.pace_class)

    @property
    def missed(self) -> str:
        count = PROOF.index(self.proof_class) if self.proof_class in PROOF else 0
        return ",".join(sorted((*("a", "b", "c")[:count], *self.also_missed)))

    @property
    def not_known(self) -> str:
        return ",".join(sorted((*(("a",) if self.proof_class == "not_evaluated" else ()), *self.also_not_known)))


def random_deals(draw: random.Random, deals: int, tilt: float = 0.0) -> list[Deal]:
    """Deals of every class, worse ones the commoner the larger `tilt`."""
    found = []
    for _ in range(deals):
        quality = draw.choices(QUALITY, (1 + tilt, 1, 1))[0]
        proof = draw.choices(PROOF, (3, 1 + tilt, 0.5, 0.3 * tilt))[0]
        cadence = draw.choices(CADENCE, (1 + tilt, 1, 1))[0]
        pace = draw.choices(PACE, (5, 1, 0.6 + tilt, 0.4 + tilt))[0]
        chance = 0.8 - 0.2 * (quality == "weak") - 0.2 * (proof != "proven") - 0.15 * (cadence == "seldom")
        advances = draw.random() < (0.02 if pace in ("closed_early", "stalled") else chance)
        found.append(Deal(quality, proof, cadence, pace, advances))
    return found


QUARTERS = [f"{2026 - (n + 3) // 4}-{(1, 10, 7, 4)[n % 4]:02d}-01" for n in range(9)]


def cells_of(deals: Sequence[Deal]) -> pl.DataFrame:
    """As `conversion_cells` counts them."""
    counted: Counter[tuple[Any, ...]] = Counter()
    for deal in deals:
        members: list[tuple[str, str, int | None]] = [("quarter", QUARTERS[deal.quarters_back], deal.quarters_back)]
        if deal.quarters_back < 4:
            members += [("owner", deal.owner_key or "(none)", None), ("team", deal.team or "(none)", None)]
        for scope, member, back in members:
            is_loose = deal.has_loose_owner and scope == "quarter"
            counted[deal.stage, scope, member, back, is_loose, *deal.classes, deal.is_advanced] += 1
    rows = []
    for key in {key[:-1] for key in counted}:
        stage, scope, member, back, is_loose, quality, missed, not_known, cadence, pace = key
        rows.append(
            {
                "funnel": "f",
                "stage": stage,
                "stage_rank": 1 if stage == "one" else 2,
                "scope": scope,
                "member": member,
                "member_name": member.title(),
                "quarters_back": back,
                "horizon_days": 30.0,
                "quality_class": quality,
                "criteria_missed": missed,
                "criteria_not_known": not_known,
                "has_loose_owner": is_loose,
                "cadence_class": cadence,
                "pace_class": pace,
                "deals": counted[*key, True] + counted[*key, False],
                "advanced": counted[*key, True],
            }
        )
    return pl.DataFrame(rows, schema_overrides={"quarters_back": pl.Int64})


def deals_of(deals: Sequence[Deal]) -> pl.DataFrame:
    """As `conversion_deals` lists them."""
    rows = [
        {
            "funnel": "f",
            "stage": deal.stage,
            "quarters_back": deal.quarters_back,
            "deal_key": f"g:{number:05d}",
            "owner_key": deal.owner_key,
            "team": deal.team,
            "entered_at": datetime(2026, 1, 1),
            "is_advanced": deal.is_advanced,
            "icp_band": "A",
            "lead_source": "web",
            "quality_score": 0.0,
            "quality_class": deal.quality_class,
            "unproven_criteria": len(deal.missed.split(",")) if deal.missed else 0,
            "criteria_missed": deal.missed,
            "criteria_not_known": deal.not_known,
            "has_loose_owner": deal.has_loose_owner,
            "touches": 1,
            "touches_per_week": 1.0,
            "gap_days_shrunk": 7.0,
            "days_to_customer_activity": 2.0,
            "cadence_class": deal.cadence_class,
            "dwell_days": 3.0,
            "next_stage": "two",
            "pace_class": deal.pace_class,
        }
        for number, deal in enumerate(deals)
        if deal.quarters_back < 4
    ]
    return pl.DataFrame(rows)


Key = Callable[[Deal], str]


def _lead(deal: Deal) -> str:
    return deal.quality_class


def _proof(deal: Deal) -> str:
    return f"{deal.proof_class}{deal.has_loose_owner}"


def _early(deal: Deal) -> str:
    return str(deal.pace_class == "closed_early")


def _cadence(deal: Deal) -> str:
    return deal.cadence_class


def _pace(deal: Deal) -> str:
    return deal.pace_class


def _advanced(deal: Deal) -> str:
    return str(deal.is_advanced)


def slow_shares(focus: Sequence[Deal], reference: Sequence[Deal], shrinkage: int) -> list[Fraction]:
    """The five shares: each of the 120 orders in which the mechanisms may be exchanged, one deal after another."""
    both = [*focus, *reference]

    def chance(
        group: Sequence[Deal], of: Key, value: str, given: Sequence[tuple[Key, str]], base: Fraction
    ) -> Fraction:
        alike = [deal for deal in group if all(key(deal) == told for key, told in given)]
        hits = sum(of(deal) == value for deal in alike)
        return (hits + shrinkage * base) / (len(alike) + shrinkage)

    def first(group: Sequence[Deal], of: Key, value: str) -> Fraction:
        return Fraction(sum(of(deal) == value for deal in group), len(group)) if group else Fraction(0)

    def chained(
        group: Sequence[Deal], of: Key, value: str, base: Fraction, given: Sequence[tuple[Key, str]]
    ) -> Fraction:
        for number in range(1, len(given) + 1):
            base = chance(group, of, value, given[:number], base)
        return base

    def conversion(taken: Sequence[Sequence[Deal]]) -> Fraction:
        leads, proofs, cadences, paces, outcomes = taken
        total = Fraction(0)
        lasting_both = [deal for deal in both if _early(deal) == "False"]
        lasting_pace = [deal for deal in paces if _early(deal) == "False"]
        lasting_cadence = [deal for deal in cadences if _early(deal) == "False"]
        lasting_outcome = [deal for deal in outcomes if _early(deal) == "False"]
        for lead in sorted({_lead(deal) for deal in both}):
            for proof in sorted({_proof(deal) for deal in both}):
                # Given the proof first: what a lead is shows in it.
                given = [(_proof, proof), (_lead, lead)]
                of_class = first(leads, _lead, lead) * chained(
                    proofs, _proof, proof, first(proofs, _proof, proof), [(_lead, lead)]
                )
                early = chained(paces, _early, "True", first(paces, _early, "True"), given)
                of_early = [deal for deal in outcomes if _early(deal) == "True"]
                early_both = [deal for deal in both if _early(deal) == "True"]
                base = chained(early_both, _advanced, "True", first(early_both, _advanced, "True"), given)
                total += of_class * early * chance(of_early, _advanced, "True", given, base)
                for cadence in sorted({_cadence(deal) for deal in lasting_both}):
                    of_cadence = chained(
                        lasting_cadence, _cadence, cadence, first(lasting_cadence, _cadence, cadence), given
                    )
                    known = [(_cadence, cadence), (_proof, proof), (_lead, lead)]
                    for pace in sorted({_pace(deal) for deal in lasting_both}):
                        of_pace = chained(lasting_pace, _pace, pace, first(lasting_pace, _pace, pace), known)
                        at_pace = [deal for deal in lasting_both if _pace(deal) == pace]
                        alike = [(_proof, proof), (_cadence, cadence), (_lead, lead)]
                        base = chained(at_pace, _advanced, "True", first(at_pace, _advanced, "True"), alike)
                        mine = [deal for deal in lasting_outcome if _pace(deal) == pace]
                        of_outcome = chance(mine, _advanced, "True", alike, base)
                        total += of_class * (1 - early) * of_cadence * of_pace * of_outcome
        return total

    values: dict[tuple[int, ...], Fraction] = {}

    def value(present: frozenset[int]) -> Fraction:
        at = tuple(sorted(present))
        if at not in values:
            values[at] = conversion([focus if number in present else reference for number in range(5)])
        return values[at]

    shares = [Fraction(0)] * 5
    orders = list(permutations(range(5)))
    for order in orders:
        present: frozenset[int] = frozenset()
        for player in order:
            shares[player] += (value(present | {player}) - value(present)) / len(orders)
            present |= {player}
    change = first(focus, _advanced, "True") - first(reference, _advanced, "True")
    return [*shares[:4], change - sum(shares[:4])]
