"""Tables of one night over many small funnels, random and pathological, against the slow reference in every cell."""

import csv
import math
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from clones import COMPANIES, Clone
from funnel_reference import (
    Cells,
    Deal,
    Place,
    World,
    bottlenecks,
    conversion,
    dwell,
    stage_to_won,
    transitions,
    velocity,
)

NIGHT = "2026-06-30"
AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
START = datetime(2025, 9, 1, tzinfo=UTC)
OUTCOMES = ("won", "lost", "nurtured", "disqualified")
RANDOM_FUNNELS = 60
# Low, so that small worlds have both: cells with enough history and cells without.
MINIMUM_N, SHRINKAGE, VELOCITY_DAYS = 2, 5, 120


def place_names(funnel: str, stages: int) -> dict[str, Place]:
    names = {f"{funnel} s{rank}": Place(funnel, f"s{rank}", rank, None) for rank in range(1, stages + 1)}
    return names | {f"{funnel} {outcome}": Place(funnel, outcome, None, outcome) for outcome in OUTCOMES}


def at(day: float) -> datetime:
    return START + timedelta(minutes=round(day * 1440))


@dataclass
class Made:
    """The company of this file while it is being made."""

    places: dict[str, Place]
    funnels: dict[str, list[str]]
    deals: list[Deal]

    def funnel(self, name: str, stages: int) -> None:
        self.funnels[name] = [f"s{rank}" for rank in range(1, stages + 1)]
        self.places |= place_names(name, stages)

    def deal(self, funnel: str, *steps: tuple[float, str], own: str | None = None, **fields: Any) -> Deal:
        """A deal that went through these (day, stage), the history of which is complete unless told otherwise."""
        named = [(at(day), stage if " " in stage else f"{funnel} {stage}") for day, stage in steps]
        past = [name for when, name in named if when < AS_OF]
        deal = Deal(
            deal_id=f"{len(self.deals):04d}",
            funnel=funnel,
            stage_name=f"{funnel} {own}" if own else (past or [name for _, name in named])[-1],
            created=named[0][0] if named else None,
            modified=named[-1][0] if named else None,
            amount=Fraction(100 * (len(self.deals) % 7 + 1)),
            segments={"lead_source": "ad", "product": "basic"},
            changes=[(when, f"{number:03d}", name) for number, (when, name) in enumerate(named)],
        )
        for name, value in fields.items():
            setattr(deal, name, value)
        self.deals.append(deal)
        return deal


def random_walk(rng: random.Random, day: float, stages: int) -> list[tuple[float, str]]:
    rank = 1 if rng.random() < 0.8 else rng.randint(1, stages)
    steps = []
    while True:
        steps.append((day, f"s{rank}"))
        # Whole days make ties, and none at all two changes at one instant.
        day += rng.choice([0, 1, 2, 5]) if rng.random() < 0.4 else rng.expovariate(1 / 25)
        choice = rng.random()
        if choice < 0.5 and rank < stages:
            rank = min(stages, rank + rng.choice([1, 1, 1, 2]))
        elif choice < 0.6 and rank > 1:
            rank -= rng.randint(1, rank - 1)
        else:
            steps.append((day, rng.choice(["won", "won", "lost", "nurtured", "disqualified"])))
            if rng.random() < 0.85:
                return steps
            day, rank = day + rng.random() * 30, rng.randint(1, stages)


def is_tellable(made: Made, deal: Deal) -> bool:
    """Twice into one stage at one instant is one change for an extract, whose rows need no id."""
    return (
        len({(when, name) for when, _, name in deal.changes}) == len(deal.changes)
        and deal.changes[0][0] < AS_OF
        and made.places[deal.stage_name].funnel == deal.funnel
    )


def random_funnel(made: Made, number: int) -> None:
    rng = random.Random(number)
    funnel = f"w{number:02d}"
    stages = rng.randint(1, 4)
    made.funnel(funnel, stages)
    for _ in range(rng.randint(1, 16)):
        day = rng.choice([0, 150, 280]) + rng.random() * 20
        if rng.random() < 0.4:
            day = math.floor(day)
        before = []
        if number % 3 == 1 and rng.random() < 0.3:
            before = [(day, f"w{number - 1:02d} s1")]
            day += rng.randint(0, 9)
        deal = made.deal(funnel, *before, *random_walk(rng, day, stages))
        if not is_tellable(made, deal):
            made.deals.pop()
            continue
        deal.segments = {"lead_source": rng.choice(["ad", "fair", "web", ""]), "product": rng.choice(["basic", "pro"])}
        deal.amount = None if rng.random() < 0.1 else Fraction(rng.randint(1, 99_999_999), 100)
        # Some extracts hold no history of a deal, some miss its last change, some do not even date it.
        gap = rng.random()
        if gap < 0.08:
            deal.changes = []
        elif gap < 0.16:
            deal.changes = deal.changes[:-1]
        elif gap < 0.2:
            deal.changes, deal.created, deal.modified = [], None, None


def edge_cases(made: Made) -> None:
    for name, stages in (
        ("instant", 3), ("elsewhere", 2), ("late", 3), ("reopened", 2), ("renamed", 2), ("stuck", 3),
        ("single", 2), ("unclosed", 2), ("future", 2), ("narrow", 1), ("left", 2), ("entered", 3),
    ):  # fmt: skip
        made.funnel(name, stages)
    made.deal("instant", (0, "s1"), (5, "s2"), (5, "s3"), (8, "won"))
    made.deal("elsewhere", (0, "s1"), (5, "s2"), own="lost", modified=at(9))
    made.deal("late", (0, "s3"), (6, "won"))
    made.deal("reopened", (0, "s1"), (4, "won"), (6, "s2"), (7, "lost"))
    made.places["renamed old s2"] = made.places["renamed s2"]
    made.deal("renamed", (0, "s1"), (5, "renamed old s2"), (150, "s2"), (160, "won"))
    for day in range(4):
        made.deal("stuck", (day, "s1"), (day + 3, "s2"), (day + 9, "s3"))
    made.deal("stuck", (0, "s1"), (5, "s2"), (6, "lost"))
    made.deal("single", (0, "s1"), (5, "s2"), (9, "won"))
    for day in range(3):
        made.deal("unclosed", (day, "s1"), (day * 7 + 9, "s2"))
    made.deal("future", (0, "s1"), (1000, "s2"), own="s1")
    made.deal("narrow", (0, "s1"), (8, "won"))
    made.deal("narrow", (1, "s1"), (3, "lost"))
    made.deal("entered", (0, "left s1"), (4, "s1"), (6, "s3"), (10, "won"))
    made.deal("left", (0, "s1"), (9, "s2"), (11, "won"))


def make_company() -> Made:
    made = Made({}, {}, [])
    edge_cases(made)
    for number in range(RANDOM_FUNNELS):
        random_funnel(made, number)
    return made


def write_standards(made: Made, folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(COMPANIES / "maven" / "standards", folder)
    shutil.rmtree(folder / "funnels")
    (folder / "funnels").mkdir()
    company = yaml.safe_load((folder / "company.yml").read_text(encoding="utf-8"))
    company |= {
        "reporting_currency": "CNY",
        "segments": ["lead_source", "product"],
        "minimum_n": MINIMUM_N,
        "shrinkage_deals": SHRINKAGE,
        "velocity_days": VELOCITY_DAYS,
    }
    (folder / "company.yml").write_text(yaml.safe_dump(company), encoding="utf-8")
    rules = yaml.safe_load((folder / "rules.yml").read_text(encoding="utf-8"))
    rules["rules"] = [rule for rule in rules["rules"] if "from_stage" not in rule]
    (folder / "rules.yml").write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    for name, stages in made.funnels.items():
        # One funnel called its second stage otherwise until the middle of January.
        versions: list[tuple[date, dict[str, str]]] = [(date(2000, 1, 1), {})]
        if name == "renamed":
            versions = [(date(2000, 1, 1), {"renamed s2": "renamed old s2"}), (date(2026, 1, 15), {})]
        written = {
            "funnel": name,
            "name": {"en": name, "zh": name},
            "is_default": name == "single",
            "crm_names": {"generic": [name]},
            "versions": [
                {"valid_from": valid_from, "stages": stage_list(name, stages, spelled)}
                for valid_from, spelled in versions
            ],
        }
        text = yaml.safe_dump(written, allow_unicode=True, sort_keys=False)
        (folder / "funnels" / f"{name}.yml").write_text(text, encoding="utf-8")


def stage_list(funnel: str, stages: list[str], spelled: dict[str, str]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for stage in [*stages, *OUTCOMES]:
        name = f"{funnel} {stage}"
        one: dict[str, Any] = {
            "stage": stage,
            "name": {"en": stage, "zh": stage},
            "crm_names": {"generic": [spelled.get(name, name)]},
        }
        listed.append(one | ({"outcome": stage} if stage in OUTCOMES else {"may_skip": True}))
    return listed


def extract_rows(made: Made) -> dict[str, list[dict[str, str]]]:
    deals = [
        {
            "deal_id": deal.deal_id,
            "funnel": deal.funnel,
            "stage": deal.stage_name,
            "amount": "" if deal.amount is None else f"{float(deal.amount):.2f}",
            "currency": "CNY",
            "created_at": deal.created.isoformat() if deal.created else "",
            "modified_at": deal.modified.isoformat() if deal.modified else "",
            "lead_source": deal.segments["lead_source"],
            "product": deal.segments["product"],
        }
        for deal in made.deals
    ]
    changes = [
        {
            "change_id": f"{deal.deal_id}-{number}",
            "deal_id": deal.deal_id,
            "stage": name,
            "changed_at": when.isoformat(),
        }
        for deal in made.deals
        for when, number, name in deal.changes
    ]
    return {"deals": deals, "stage_changes": changes}


def write_extract(folder: Path, objects: dict[str, list[dict[str, str]]]) -> None:
    folder.mkdir(parents=True)
    for name, rows in objects.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


@pytest.fixture(scope="module")
def made() -> Made:
    return make_company()


@pytest.fixture(scope="module")
def company(clone: Callable[[str | None], Clone], made: Made) -> Clone:
    company = clone(None)
    write_standards(made, company.root / "quality" / "standards")
    write_extract(company.inbox / "generic" / NIGHT, extract_rows(made))
    company.materialize(NIGHT, *TABLES, *OTHERS)
    return company


@pytest.fixture(scope="module")
def world(made: Made) -> World:
    return World(made.deals, made.places, made.funnels, AS_OF, MINIMUM_N, SHRINKAGE, VELOCITY_DAYS)


TABLES: dict[str, tuple[tuple[str, ...], Callable[[World], Cells]]] = {
    "funnel_stage_conversion": (
        ("funnel", "segment", "segment_value", "cohort_kind", "cast(cohort_start as text)", "stage"),
        conversion,
    ),
    "funnel_stage_dwell": (("funnel", "segment", "segment_value", "stage"), dwell),
    "funnel_transitions": (
        ("funnel", "segment", "segment_value", "from_stage", "to_kind", "to_state"),
        transitions,
    ),
    "funnel_stage_to_won": (("funnel", "segment", "segment_value", "stage"), stage_to_won),
    "funnel_velocity": (("funnel", "segment", "segment_value"), velocity),
    "funnel_bottlenecks": (("funnel", "compared_by", "stage"), bottlenecks),
}


# What the tests of single funnels look at beside.
OTHERS = ("deal_stages", "deal_visits", "deals_current")


def is_same(served: object, expected: object) -> bool:
    if served is None or expected is None:
        return served is expected
    # Money is served to the cent.
    return math.isclose(float(served), float(expected), rel_tol=1e-9, abs_tol=1e-9) or (  # type: ignore[arg-type]
        type(served).__name__ == "Decimal" and abs(float(served) - float(expected)) < 0.011  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_of_every_funnel_agrees_with_the_slow_reference(company: Clone, world: World, table: str) -> None:
    keys, reference = TABLES[table]
    expected = reference(world)
    columns = list(next(iter(expected.values())))
    served = company.query_warehouse(f"select {', '.join([*keys, *columns])} from {table}").rows()
    cells = {row[: len(keys)]: dict(zip(columns, row[len(keys) :], strict=True)) for row in served}
    assert len(cells) == len(served)
    assert set(cells) == set(expected)
    wrong = [
        (key, column, cells[key][column], value)
        for key, cell in expected.items()
        for column, value in cell.items()
        if not is_same(cells[key][column], value)
    ]
    assert not wrong, f"{len(wrong)} cells, the first: {wrong[:5]}"
    for column in columns:
        assert any(cell[column] is not None for cell in expected.values()), f"{column} is null everywhere"


def test_the_same_facts_in_another_order_in_two_deltas_and_in_another_zone_give_the_same_tables(
    company: Clone, made: Made, clone: Callable[[str | None], Clone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told first, row by row and file by file, and where the machine stands, is no fact about the funnel."""
    other = clone(None)
    write_standards(made, other.root / "quality" / "standards")
    first: dict[str, list[dict[str, str]]] = {}
    second: dict[str, list[dict[str, str]]] = {}
    rng = random.Random(7)
    for name, rows in extract_rows(made).items():
        rng.shuffle(rows)
        first[name], second[name] = rows[::2], rows[1::2]
    for instant, objects in (("2026-06-30T20-00-00Z", first), ("2026-06-30T21-00-00Z", second)):
        folder = other.inbox / "generic" / instant
        write_extract(folder, objects)
        (folder / "manifest.json").write_text('{"extract": "delta"}', encoding="utf-8")
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    other.materialize(NIGHT, *TABLES, *OTHERS)
    for table in [*TABLES, "deal_visits"]:
        sql = f"select * from {table} order by all"
        assert other.query_warehouse(sql).equals(company.query_warehouse(sql)), table


def visits(company: Clone, funnel: str) -> list[tuple[object, ...]]:
    return company.query_warehouse(
        f"""select v.stage, v.began_as, v.ended_as, v.dwell_days from deal_visits as v
            join deals_current as d using (deal_key) where d.funnel = '{funnel}' order by deal_key, visit_number"""
    ).rows()


def test_two_changes_at_one_instant_leave_a_visit_of_no_length(company: Clone) -> None:
    assert visits(company, "instant") == [
        ("s1", "start", "advance", 5),
        ("s2", "advance", "advance", 0),
        ("s3", "advance", "won", 3),
    ]


def test_a_history_that_ends_elsewhere_than_the_deal_is_closed_when_the_deal_was_last_changed(company: Clone) -> None:
    assert visits(company, "elsewhere") == [("s1", "start", "advance", 5), ("s2", "advance", "lost", 4)]


def test_a_deal_created_in_a_late_stage_reached_those_before_without_any_dwell(company: Clone) -> None:
    assert visits(company, "late") == [("s3", "start_mid", "won", 6)]
    reached = company.query_warehouse(
        """select stage, reached, visited, skipped, advanced from funnel_stage_conversion
           where funnel = 'late' and segment = 'all' and cohort_kind = 'all' order by stage"""
    )
    assert reached.rows() == [("s1", 1, 0, 1, 1), ("s2", 1, 0, 1, 1), ("s3", 1, 1, 0, 1)]
    assert set(company.query_warehouse("select stage from funnel_stage_dwell where funnel = 'late'")["stage"]) == {"s3"}


def test_a_deal_reopened_after_it_was_won_and_then_lost_has_still_advanced(company: Clone) -> None:
    assert visits(company, "reopened") == [("s1", "start", "won", 4), ("s2", "reopen", "lost", 1)]
    kept = company.query_warehouse(
        """select sum(advanced), sum(lost) from funnel_stage_conversion
           where funnel = 'reopened' and segment = 'all' and cohort_kind = 'all'"""
    )
    assert kept.row(0) == (2, 0)
    assert company.query_warehouse("select won_deals, lost_deals from funnel_velocity where funnel = 'reopened'").row(
        0
    ) == (0, 0)
    assert company.query_warehouse("select outcome from deals_current where funnel = 'reopened'").item() == "lost"


def test_a_stage_renamed_while_a_deal_is_in_it_is_one_visit_of_the_version_in_which_it_began(company: Clone) -> None:
    assert visits(company, "renamed") == [("s1", "start", "advance", 5), ("s2", "advance", "won", 155)]
    versions = company.query_warehouse("select distinct funnel_version from deal_visits where funnel = 'renamed'")
    assert versions.rows() == [(1,)]


def test_a_stage_that_nobody_ever_leaves_has_no_dwell_and_tells_no_end(company: Clone) -> None:
    dwell_days = company.query_warehouse(
        """select ongoing_visits, completed_visits, dwell_p25_days, dwell_cumulative_p25_days, completed_mean_days
           from funnel_stage_dwell where funnel = 'stuck' and segment = 'all' and stage = 's3'"""
    )
    assert dwell_days.row(0) == (4, 0, None, None, None)
    ends = company.query_warehouse(
        """select stage, unresolved_share from funnel_stage_to_won
           where funnel = 'stuck' and segment = 'all' order by stage"""
    )
    assert ends.rows() == [("s1", pytest.approx(0.8)), ("s2", pytest.approx(0.8))]


def test_one_deal_alone_says_that_history_is_insufficient(company: Clone) -> None:
    for table in ("funnel_stage_conversion", "funnel_stage_dwell", "funnel_transitions", "funnel_velocity"):
        flags = company.query_warehouse(f"select distinct is_insufficient_history from {table} where funnel = 'single'")
        assert flags.rows() == [(True,)], table


def test_a_funnel_without_any_closed_deal_has_no_win_rate_rather_than_zero(company: Clone) -> None:
    rates = company.query_warehouse(
        """select open_deals, closed_deals, win_rate, win_rate_shrunk, velocity_amount_per_day,
                  observed_won_amount_per_day, sales_cycle_p50_days
           from funnel_velocity where funnel = 'unclosed' and segment = 'all'"""
    )
    assert rates.row(0) == (3, 0, None, None, None, 0, None)
    ends = company.query_warehouse(
        """select won_by_absorption, unresolved_share from funnel_stage_to_won
           where funnel = 'unclosed' and segment = 'all'"""
    )
    assert ends.row(0) == (None, 1)


def test_a_change_dated_after_the_night_has_not_happened_yet(company: Clone) -> None:
    assert [row[:3] for row in visits(company, "future")] == [("s1", "start", None)]


def test_a_funnel_of_one_stage_converts_into_won(company: Clone) -> None:
    rate = company.query_warehouse(
        """select conversion_to_date, conversion_expected from funnel_stage_conversion
           where funnel = 'narrow' and segment = 'all' and cohort_kind = 'all'"""
    )
    assert rate.row(0) == (0.5, pytest.approx(0.5))


def test_a_deal_that_changes_funnels_leaves_the_one_and_begins_in_the_other(company: Clone) -> None:
    assert visits(company, "entered") == [
        ("s1", "start", "funnel_change", 4),
        ("s1", "funnel_change", "skip", 2),
        ("s3", "skip", "won", 4),
    ]
    left = company.query_warehouse(
        "select to_kind, to_state, visits from funnel_transitions where funnel = 'left' and segment = 'all'"
    )
    assert ("funnel", "funnel_change", 1) in left.rows()


def test_a_stage_that_was_skipped_was_reached_and_has_no_dwell_rather_than_none_at_all(company: Clone) -> None:
    late = company.query_warehouse(
        "select stage, is_skipped, dwell_cumulative_days from deal_stages where funnel = 'late' order by stage_rank"
    )
    assert late.rows() == [("s1", True, None), ("s2", True, None), ("s3", False, 6.0)]
    # Of every deal and stage of every funnel: the days of its visits, and a skip exactly where there is none.
    days: dict[tuple[str, str, str], list[float | None]] = {}
    for *key, dwell_days in company.query_warehouse(
        "select deal_key, funnel, stage, dwell_days from deal_visits"
    ).rows():
        days.setdefault((key[0], key[1], key[2]), []).append(dwell_days)
    reached = company.query_warehouse(
        "select deal_key, funnel, stage, is_visited, is_skipped, dwell_cumulative_days from deal_stages"
    ).rows()
    assert len(reached) > 100
    for deal, funnel, stage, is_visited, is_skipped, total in reached:
        visited = days.get((deal, funnel, stage), [])
        assert (is_visited, is_skipped) == (bool(visited), not visited)
        known = (
            None if not visited or None in visited else pytest.approx(sum(day for day in visited if day is not None))
        )
        assert total == known, (deal, stage)


def test_visits_of_a_deal_leave_no_gap_but_the_time_it_was_closed(company: Clone) -> None:
    gaps = company.query_warehouse(
        """select count(*) from (
               select v.*, lead(entered_at) over w as next_entered_at, lead(began_as) over w as next_began_as
               from deal_visits as v window w as (partition by deal_key order by visit_number)
           ) where next_entered_at is not null
             and (exited_at > next_entered_at or (exited_at < next_entered_at and next_began_as <> 'reopen'))"""
    )
    assert gaps.item() == 0
