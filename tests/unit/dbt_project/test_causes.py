"""What may have decided whether deals went on from a stage: over random small worlds, row by row against a slow
reference."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import causes_reference as reference
import criteria_reference
import polars as pl
import pytest
from causes_reference import Activity, World
from compiled_models import CompiledModels, compile_models
from criteria_worlds import (
    AS_OF,
    BUSINESS_DATE,
    RANDOM_FUNNELS,
    Made,
    evaluations,
    random_world,
    raw_rows,
    scores,
    write_standards,
)
from funnel_reference import Cells

SEEDS = 9
MARTS = ("deal_follow_up", "deal_stage_factors", "conversion_cells")
Tables = Mapping[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    root = tmp_path_factory.mktemp("causes")
    write_standards(Made(RANDOM_FUNNELS), root / "standards")
    return compile_models(root, root / "standards", BUSINESS_DATE, MARTS)


@pytest.fixture(scope="module")
def served(models: CompiledModels) -> Callable[[World], Tables]:
    def serve(world: World) -> Tables:
        models.write_raw({**raw_rows(world.base), "activities": [_activity(each) for each in world.activities]})
        models.rebuild({"int_gate_evaluations": _with_proofs(world), "int_icp_scores": scores(world.base)})
        return {name: models.rows(name) for name in MARTS}

    return serve


def _activity(each: Activity) -> dict[str, Any]:
    return {
        "activity_id": each.activity_id,
        "deal_id": each.deal_id,
        "activity_type": "call",
        "occurred_at": each.at.replace(tzinfo=None),
        "direction": each.direction,
        "status": each.status,
        "customer_present": each.is_customer_present,
    }


def _with_proofs(world: World) -> pl.DataFrame:
    rows = evaluations(world.base)
    proven = [
        world.proven_at.get((row["criterion_id"], row["deal_key"].split(":")[1], int(row["visit_id"].split("/")[1])))
        for row in rows.to_dicts()
    ]
    instants = [at.replace(tzinfo=None) if at else None for at in proven]
    return rows.with_columns(pl.Series("evidence_at", instants, pl.Datetime("us")))


def world_of(seed: int) -> World:
    """A random company with activities of every kind; of some nobody tells any."""
    draw = random.Random(seed)
    base = random_world(seed)
    if seed % 8 == 7:
        # The owner who brought more proof than the others brings less.
        turned = {"met": "missing", "missing": "met"}
        base = replace(base, status={key: turned.get(status, status) for key, status in base.status.items()})
    proven: dict[tuple[str, str, int], datetime | None] = {}
    for (criterion_id, deal_id), told in criteria_reference.asked(base).items():
        for passage, status in told:
            if status == "late" and passage.passed_at:
                # Some proof comes at the very instant at which the deal moves on.
                moved = [at for at, _, _ in passage.deal.changes if passage.passed_at < at < AS_OF][:1]
                later = passage.passed_at + timedelta(days=draw.choice([0.5, 6, 40]))
                proven[criterion_id, deal_id, passage.number] = draw.choice([later, *moved])
    activities = []
    for deal in base.base.deals if seed % 8 != 5 else []:
        since = deal.created or AS_OF
        for number in range(draw.choice([0, 1, 3, 9])):
            at = since + timedelta(minutes=draw.choice([0, 600, -6000, draw.randint(0, 120_000)]))
            activities.append(
                Activity(
                    deal.deal_id,
                    f"{deal.deal_id}-{number}",
                    at,
                    draw.choice(["inbound", "outbound", "internal", None]),
                    draw.choice(["held", "held", "held", "cancelled", "planned"]),
                    draw.random() < 0.3,
                )
            )
        for at, _, _ in deal.changes[: draw.randint(0, 3)]:
            direction = draw.choice(["inbound", "outbound"])
            activities.append(Activity(deal.deal_id, f"{deal.deal_id}-{at}", at, direction, "held", False))
    return World(base, proven, activities, 14, 5, 1, frozenset(("sales.s1.b", "sales.s1.e")))


def is_same(found: object, expected: object) -> bool:
    if isinstance(expected, float) and found is not None:
        return found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    return found == expected


def differences(expected: Cells, rows: list[dict[str, Any]], keys: tuple[str, ...]) -> list[str]:
    found = {tuple(row[key] for key in keys): row for row in rows}
    assert len(found) == len(rows)
    wrong = [f"{key} is missing" for key in expected.keys() - found.keys()]
    wrong += [f"{key} is too much" for key in found.keys() - expected.keys()]
    return wrong + [
        f"{key} {column}: {found[key][column]} instead of {value}"
        for key, cell in expected.items()
        if key in found
        for column, value in cell.items()
        if not is_same(found[key][column], value)
    ]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_row_agrees_with_the_slow_reference(served: Callable[[World], Tables], seed: int) -> None:
    world = world_of(seed)
    tables = served(world)
    assert differences(reference.follow_up(world), tables["deal_follow_up"], ("deal_key",)) == []
    assert differences(reference.factors(world), tables["deal_stage_factors"], ("deal_key", "funnel", "stage")) == []
    assert counted(tables["conversion_cells"]) == reference.cells(world, BUSINESS_DATE)


def test_who_inherits_a_deal_does_not_answer_for_the_stages_it_had_entered_before(models: CompiledModels) -> None:
    world = world_of(0)
    raw = raw_rows(world.base)
    just_now = (AS_OF - timedelta(seconds=1)).replace(tzinfo=None)
    handed_over = {"field": "owner_id", "old_value": "former", "changed_at": just_now}
    changes = [
        {**handed_over, "deal_id": deal["deal_id"], "new_value": deal["owner_id"]}
        for deal in raw["deals"]
        if deal.get("owner_id")
    ]
    models.write_raw({**raw, "activities": [], "field_changes": changes})
    models.rebuild({"int_gate_evaluations": _with_proofs(world), "int_icp_scores": scores(world.base)})
    tonight = {row["deal_key"]: row["owner_key"] for row in models.rows("deal_follow_up")}
    entries = models.rows("deal_stage_factors")
    models.write_raw({"field_changes": []})
    assert len({row["owner_key"] for row in entries}) <= 2
    assert any(tonight.values())
    for row in entries:
        assert row["owner_key"] == ("generic:former" if tonight[row["deal_key"]] else None)


def counted(rows: list[dict[str, Any]]) -> Counter[tuple[object, ...]]:
    key = (
        "funnel", "stage", "scope", "member", "quarters_back", "has_loose_owner", "quality_class", "criteria_missed",
        "criteria_not_known", "cadence_class", "pace_class",
    )  # fmt: skip
    cells: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        for is_advanced, deals in ((True, row["advanced"]), (False, row["deals"] - row["advanced"])):
            if deals:
                cells[*(row[name] for name in key), is_advanced] += deals
    return cells


def test_the_random_worlds_show_every_class() -> None:
    shown: dict[str, set[object]] = {}
    for seed in range(SEEDS):
        for row in reference.factors(world_of(seed)).values():
            for column, value in row.items():
                shown.setdefault(column, set()).add(value)
    assert shown["quality_class"] >= {"weak", "middle", "strong"}
    assert shown["proof_class"] == {"proven", "one", "two", "three", "more", "not_evaluated"}
    assert shown["cadence_class"] == {"seldom", "middle", "often", "cut_short", "not_known"}
    assert shown["pace_class"] == {"closed_early", "stalled", "slow", "flowing"}
    assert any("sales.s1.e" in str(told) for told in shown["criteria_not_known"])
    assert shown["has_loose_owner"] == {True, False}
