"""Stalled deals against a plain reference, cell by cell, over random worlds put into the warehouse as a CRM would."""

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from compiled_models import run_dbt

from orchestration.ingest.load import raw_objects
from orchestration.night import PROJECT, Home, Night
from orchestration.opening import clock, mappings
from orchestration.warehouse import Warehouse
from quality.standards import load, tables

NIGHT = date(2026, 3, 31)
AS_OF = datetime(2026, 3, 31, 16)
OPEN = {
    "初步接洽": "initial_contact",
    "资格确认": "qualification",
    "需求分析": "needs_analysis",
    "方案演示": "solution_demo",
}
CAPS = {"initial_contact": 21, "qualification": 30, "needs_analysis": None, "solution_demo": 30}
WON, LOST = "赢单", "输单"
SOURCES = ["Website", "Referral"]
MINIMUM_N, SILENT_AFTER, ESCALATE_AFTER, NURTURE_AFTER, PUSHES = 5, 21, 3, 60, 2
ORDER = ["champion_gone", "no_decision_maker_met", "close_date_pushed", "violations_open", "single_contact", "silent"]
Row = dict[str, Any]


@dataclass
class World:
    """Rows of the neutral layout. A world without won deals, or whose CRM tells no activities, is a world too."""

    deals: list[Row] = field(default_factory=list)
    stage_changes: list[Row] = field(default_factory=list)
    field_changes: list[Row] = field(default_factory=list)
    activities: list[Row] = field(default_factory=list)
    contact_roles: list[Row] = field(default_factory=list)


def random_world(seed: int, *, has_won: bool = True, has_activities: bool = True) -> World:
    draw, world = random.Random(seed), World()
    for number in range(160):
        deal = f"d{number:03}"
        # Whole minutes that no other change of the deal has: ties have tests of their own.
        steps = draw.randint(1, 6)
        minutes = sorted(draw.sample(range(60 * 24 * 150), steps), reverse=True)
        ends = [*OPEN, LOST] + ([WON, WON, WON] if has_won else [])
        stages = [draw.choice([*OPEN]) for _ in range(steps - 1)] + [draw.choice(ends)]
        times = [AS_OF - timedelta(minutes=each + 1) for each in minutes]
        world.deals.append(
            {
                "deal_id": deal,
                "stage": stages[-1],
                "created_at": times[0],
                "lead_source": draw.choice([*SOURCES, "Rare"] if number % 9 == 0 else SOURCES),
                "next_step": "call",
                "is_deleted": False,
            }
        )
        for step, (stage, at) in enumerate(zip(stages, times, strict=True)):
            world.stage_changes.append(
                {"change_id": f"{deal}-{step}", "deal_id": deal, "stage": stage, "changed_at": at}
            )
        for _ in range(draw.choice([0, 0, 1, 2, 3])):
            before = date(2026, 4, 1) + timedelta(days=draw.randint(0, 60))
            world.field_changes.append(
                {
                    "deal_id": deal,
                    "field": draw.choice(["expected_close_date", "expected_close_date", "amount"]),
                    "old_value": str(before),
                    "new_value": str(before + timedelta(days=draw.choice([-10, 5, 30]))),
                    "changed_at": AS_OF - timedelta(minutes=draw.randint(1, 90_000)),
                }
            )
        for count in range(draw.choice([0, 1, 4, 14]) if has_activities else 0):
            world.activities.append(
                {
                    "activity_id": f"{deal}-a{count}",
                    "deal_id": deal,
                    "activity_type": draw.choice(["call", "email", "meeting"]),
                    # Some are dated after the night and are not known to it.
                    "occurred_at": AS_OF - timedelta(minutes=draw.randint(-2_000, 100_000)),
                    "minutes": 30,
                    "direction": draw.choice(["inbound", "outbound", "outbound", "internal", None]),
                    "status": draw.choice(["held", "held", "held", "planned", "cancelled"]),
                    "customer_present": draw.choice([True, False, False]),
                    "contact_role": draw.choice(["decision_maker", "champion", "user", None]),
                }
            )
        for contact in range(draw.choice([0, 1, 1, 2])):
            gone = draw.random() < 0.4
            world.contact_roles.append(
                {
                    "deal_id": deal,
                    "contact_id": f"{deal}-c{contact}",
                    "role": draw.choice(["champion", "decision_maker", "user"]),
                    "added_at": AS_OF - timedelta(days=100),
                    "removed_at": AS_OF - timedelta(days=draw.randint(-5, 50)) if gone else None,
                }
            )
    return world


# The reference.


def reference(world: World, failing: dict[str, set[str]]) -> dict[str, Row]:
    """What each open deal shows; `stalled` and what follows where it is."""
    stays = {deal["deal_id"]: stays_of(deal["deal_id"], world) for deal in world.deals}
    won: dict[tuple[str, str], list[float]] = defaultdict(list)
    for deal in world.deals:
        if deal["stage"] == WON:
            for stage, entered, left in stays[deal["deal_id"]]:
                if stage in OPEN:
                    for segment in ("all", deal["lead_source"]):
                        won[segment, stage].append(days(entered, left))
    names_roles = any(
        each["contact_role"] and each["occurred_at"] < AS_OF and each["status"] == "held" for each in world.activities
    )
    tells_customers = any(is_of_customer(each) for each in world.activities)
    found = {}
    for deal in world.deals:
        if deal["stage"] in OPEN:
            stage, entered, _ = stays[deal["deal_id"]][-1]
            found[f"generic:{deal['deal_id']}"] = judged(
                deal,
                stage=stage,
                entered=entered,
                won=won,
                world=world,
                failing=failing,
                names_roles=names_roles,
                tells_customers=tells_customers,
            )
    return found


def judged(
    deal: Row,
    *,
    stage: str,
    entered: datetime,
    won: dict[tuple[str, str], list[float]],
    world: World,
    failing: dict[str, set[str]],
    names_roles: bool,
    tells_customers: bool,
) -> Row:
    key, cap, dwell = deal["deal_id"], CAPS[OPEN[stage]], days(entered, AS_OF)
    own = won[deal["lead_source"], stage]
    visits = own if len(own) >= MINIMUM_N else won["all", stage]
    p80 = next((each for each in sorted(visits) if sum(v <= each for v in visits) >= 0.8 * len(visits) - 1e-9), None)
    limits = [each for each in (cap, p80) if each is not None]
    is_slow = dwell > max(limits) if limits else None
    events = sorted(each["occurred_at"] for each in world.activities if each["deal_id"] == key and is_of_customer(each))
    since = events[-1] if events else deal["created_at"]
    is_silent = days(since, AS_OF) > SILENT_AFTER if tells_customers else None
    is_over_cap = cap is not None and dwell > cap
    answer = {"is_slow": is_slow, "is_silent": is_silent, "is_over_cap": is_over_cap, "won_visits": len(visits)}
    answer["is_stalled"] = bool(is_over_cap or (is_slow and is_silent))
    if not answer["is_stalled"]:
        return answer
    if is_over_cap:
        began = entered + timedelta(days=cap or 0)
    else:
        minutes = -(-max(limits) * 1440 // 1) if limits else 0
        began = max(entered + timedelta(minutes=minutes), since + timedelta(days=SILENT_AFTER))
    reasons = reasons_of(key, world, failing, is_silent=bool(is_silent), names_roles=names_roles)
    attempts = sorted(
        each["occurred_at"]
        for each in world.activities
        if each["deal_id"] == key
        and each["status"] == "held"
        and (each["direction"] or "outbound") == "outbound"
        and began <= each["occurred_at"] < AS_OF
    )
    responses = [each for each in events if attempts and each >= attempts[0]]
    if not reasons:
        recommendation = "diagnose"
    elif len(attempts) < ESCALATE_AFTER or (responses and not is_silent):
        recommendation = "reactivate"
    else:
        recommendation = "escalate" if days(began, AS_OF) < NURTURE_AFTER else "nurture"
    return answer | {
        "stall_began_at": began,
        "reasons": reasons,
        "reactivation_attempts": len(attempts),
        "reactivation_responses": len(responses),
        "recommendation": recommendation,
    }


def reasons_of(
    key: str, world: World, failing: dict[str, set[str]], *, is_silent: bool, names_roles: bool
) -> list[str]:
    roles = [each for each in world.contact_roles if each["deal_id"] == key]
    met = {each["contact_role"] for each in world.activities if each["deal_id"] == key and is_of_customer(each)}
    champions = [each for each in roles if each["role"] == "champion"]
    present = {each["contact_id"] for each in roles if not is_gone(each)}
    pushes = [
        each
        for each in world.field_changes
        if each["deal_id"] == key and each["field"] == "expected_close_date" and each["new_value"] > each["old_value"]
    ]
    holds = {
        "champion_gone": bool(champions) and all(map(is_gone, champions)),
        "no_decision_maker_met": names_roles and not met & {"decision_maker", "economic_buyer"},
        "close_date_pushed": len(pushes) >= PUSHES,
        "violations_open": bool(failing.get(f"generic:{key}")),
        "single_contact": len(present) == 1,
        "silent": is_silent,
    }
    return [reason for reason in ORDER if holds[reason]]


def stays_of(deal: str, world: World) -> list[tuple[str, datetime, datetime]]:
    stays: list[tuple[str, datetime, datetime]] = []
    for change in sorted(
        (each for each in world.stage_changes if each["deal_id"] == deal), key=lambda each: each["changed_at"]
    ):
        if stays and stays[-1][0] == change["stage"]:
            continue
        if stays:
            stays[-1] = (*stays[-1][:2], change["changed_at"])
        stays.append((change["stage"], change["changed_at"], AS_OF))
    return stays


def is_of_customer(activity: Row) -> bool:
    is_theirs = activity["customer_present"] or activity["direction"] == "inbound"
    return bool(activity["status"] == "held" and is_theirs and activity["occurred_at"] < AS_OF)


def is_gone(role: Row) -> bool:
    return role["removed_at"] is not None and role["removed_at"] < AS_OF


def days(earlier: datetime, later: datetime) -> float:
    return (later - earlier).total_seconds() / 86_400


# The product.


def built(world: World, root: Path) -> Warehouse:
    night = Night(NIGHT, "Asia/Shanghai", Home(root), PROJECT / "quality" / "standards")
    warehouse = Warehouse(night.home.warehouse)
    warehouse.expose((each, []) for mapping in mappings().values() for each in raw_objects(mapping))
    with warehouse.connect() as connection:
        for name, rows in vars(world).items():
            if rows:
                connection.register("given", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
                connection.execute(f"insert into raw_generic.{name} by name select * from given")
    standards = tables(load(night.standards))
    standards["stall_settings"] = standards["stall_settings"].with_columns(pl.lit("lead_source").alias("segment"))
    standards["company"] = standards["company"].with_columns(pl.lit(MINIMUM_N, pl.Int64).alias("minimum_n"))
    standards["funnel_stages"] = standards["funnel_stages"].with_columns(
        pl.when(pl.col("stage") == "needs_analysis").then(None).otherwise("cap_days").alias("cap_days")
    )
    warehouse.write("standards", standards)
    fed = ["deals", "activities", "contact_roles", "field_changes"]
    inputs = pl.DataFrame(
        [("generic", each, each, AS_OF.replace(tzinfo=UTC), 1) for each in fed],
        schema=["crm", "object", "feeds", "last_extracted_at", "rows_known"],
        orient="row",
    )
    warehouse.write("night", {"clock": clock(night), "inputs": inputs})
    run_dbt(root, ["run", "--select", "+deals_stalled"])
    return warehouse


@pytest.mark.parametrize(
    ("seed", "kind"),
    [(1, {}), (2, {"has_won": False, "has_activities": False})],
    ids=["all there is to know", "none won and no activities"],
)
def test_stalled_deals_agree_with_the_slow_reference_in_every_cell(
    seed: int, kind: dict[str, bool], tmp_path: Path
) -> None:
    world = random_world(seed, **kind)
    warehouse = built(world, tmp_path)
    # That a deal is over its cap, silent, pushed or known to one person has a reason of its own, or none.
    told_already = "dwell_over_cap|customer_silent|close_date_pushed|single_contact"
    findings = warehouse.read("marts.quality_findings").filter(
        pl.col("outcome").is_in(["missing", "failed"])
        & ~pl.col("is_late")
        & ~pl.col("rule_id").str.contains(told_already)
    )
    failing: dict[str, set[str]] = defaultdict(set)
    for deal_key, rule in findings.select("deal_key", "rule_id").rows():
        failing[deal_key].add(rule)
    expected = reference(world, failing)

    judged_deals = {
        row["deal_key"]: row for row in warehouse.read("intermediate.int_deal_stalls").iter_rows(named=True)
    }
    measured = ("is_slow", "is_silent", "is_over_cap", "is_stalled", "won_visits")
    assert {key: {name: row[name] for name in measured} for key, row in judged_deals.items()} == {
        key: {name: row[name] for name in measured} for key, row in expected.items()
    }
    stalled = {row["deal_key"]: row for row in warehouse.read("marts.deals_stalled").iter_rows(named=True)}
    assert stalled.keys() == {key for key, row in expected.items() if row["is_stalled"]}
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in warehouse.read("marts.deals_stalled_reasons").sort("deal_key", "reason_number").iter_rows(named=True):
        reasons[row["deal_key"]].append(row["reason"])
    for key, row in stalled.items():
        wanted = expected[key]
        assert reasons[key] == wanted["reasons"], key
        assert row["leading_reason"] == (wanted["reasons"] or [None])[0]
        for name in ("reactivation_attempts", "reactivation_responses", "recommendation", "stall_began_at"):
            assert row[name] == wanted[name], (key, name)
    # The worlds reach what they are about.
    assert stalled
    not_evaluated = {row["reasons_not_evaluated"] for row in stalled.values()}
    assert not_evaluated == ({"no_decision_maker_met; silent"} if "has_activities" in kind else {None})
    if not kind:
        assert {row["recommendation"] for row in stalled.values()} >= {"reactivate", "escalate"}
        assert {row["limit_segment_value"] for row in stalled.values()} >= {"all", "Website"}
        assert json.dumps(sorted({reason for each in reasons.values() for reason in each})) == json.dumps(sorted(ORDER))
