from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from worlds import deal, world

from orchestration.forecasting.periods import SCOPES
from orchestration.forecasting.targets import targets_by_level, unplaced_targets

MONTHS = {month: (date(2026, month, 1), date(2026, month, last)) for month, last in ((10, 31), (11, 30), (12, 31))}
QUARTER = (date(2026, 10, 1), date(2026, 12, 31))


def target(span: tuple[date, date], amount: str | None, **more: Any) -> dict[str, Any]:
    given = None if amount is None else Decimal(amount)
    return {"period_start": span[0], "period_end": span[1], "amount_reporting": given, **more}


def found(*targets: Mapping[str, Any], **more: Any) -> dict[tuple[str, ...], tuple[Any, ...]]:
    rows = targets_by_level(world(targets=targets, **more), SCOPES)
    return {
        (row["funnel"], row["scope"], row["scope_value"], str(row["period_start"])[:7], row["period_kind"][0]): (
            row["target_amount"],
            row["target_basis"],
        )
        for row in rows.iter_rows(named=True)
    }


def test_a_target_holds_for_the_level_it_names() -> None:
    made = found(target(QUARTER, "100.00"), target(QUARTER, "7.00", owner_key="o1", team="t"))
    assert made["all", "all", "all", "2026-10", "q"] == (Decimal(100), "given")
    assert made["all", "owner", "o1", "2026-10", "q"] == (Decimal(7), "given")
    assert made["all", "team", "t", "2026-10", "q"] == (Decimal(7), "sum_of_parts")
    assert len(made) == 3


def test_the_target_of_a_whole_that_has_none_is_the_sum_of_its_parts() -> None:
    made = found(
        target(QUARTER, "10.00", funnel="direct", team="t1"),
        target(QUARTER, "20.00", funnel="direct", team="t2"),
        target(QUARTER, "5.00", funnel="partner", team="t2"),
    )
    assert made["direct", "all", "all", "2026-10", "q"] == (Decimal(30), "sum_of_parts")
    assert made["all", "team", "t2", "2026-10", "q"] == (Decimal(25), "sum_of_parts")
    assert made["all", "all", "all", "2026-10", "q"] == (Decimal(35), "sum_of_parts")


def test_quotas_without_a_funnel_add_to_those_of_funnels() -> None:
    without = target(QUARTER, "100.00", owner_key="a")
    within = target(QUARTER, "50.00", funnel="direct", owner_key="b")
    made = found(without, within)
    assert made["direct", "all", "all", "2026-10", "q"] == (Decimal(50), "sum_of_parts")
    assert made["all", "owner", "b", "2026-10", "q"] == (Decimal(50), "sum_of_parts")
    assert made["all", "all", "all", "2026-10", "q"] == (Decimal(150), "sum_of_parts")
    # One team or two, the whole is the same.
    for team_of_a, team_of_b in (("t", "t"), ("t", "u"), (None, "t")):
        made = found(without | {"team": team_of_a}, within | {"team": team_of_b})
        assert made["all", "all", "all", "2026-10", "q"] == (Decimal(150), "sum_of_parts")
    assert found(without | {"team": "t"}, within | {"team": "t"})["all", "team", "t", "2026-10", "q"][0] == Decimal(150)


def test_quotas_of_owners_are_not_added_to_what_funnels_as_wholes_are_given() -> None:
    made = found(
        target(QUARTER, "90.00", funnel="direct"),
        target(QUARTER, "40.00", owner_key="a"),
        target(QUARTER, "50.00", owner_key="b"),
    )
    assert made["all", "all", "all", "2026-10", "q"] == (Decimal(90), "sum_of_parts")


def test_owners_count_in_the_team_of_their_deals_and_alone_where_they_have_none() -> None:
    made = found(
        target(QUARTER, "1.00", funnel="direct", owner_key="o1"),
        target(QUARTER, "2.00", funnel="direct", owner_key="o2"),
        deals=[deal("d1", owner_key="o1", team="t1")],
    )
    assert made["direct", "team", "t1", "2026-10", "q"] == (Decimal(1), "sum_of_parts")
    assert made["direct", "all", "all", "2026-10", "q"] == (Decimal(3), "sum_of_parts")


def test_a_given_target_is_not_overruled_by_the_sum_of_its_parts() -> None:
    made = found(
        target(QUARTER, "90.00", funnel="direct"),
        target(QUARTER, "60.00", funnel="direct", team="t1"),
        target(QUARTER, "60.00", funnel="direct", team="t2"),
    )
    assert made["direct", "all", "all", "2026-10", "q"] == (Decimal(90), "given")


def test_three_months_make_a_quarter_and_two_do_not() -> None:
    two = [target(MONTHS[month], "10.00") for month in (11, 12)]
    assert ("all", "all", "all", "2026-10", "q") not in found(*two)
    made = found(*two, target(MONTHS[10], "5.00"))
    assert made["all", "all", "all", "2026-10", "q"] == (Decimal(25), "sum_of_months")
    assert made["all", "all", "all", "2026-11", "m"] == (Decimal(10), "given")
    # October is over: no row of tonight is about it.
    assert ("all", "all", "all", "2026-10", "m") not in made


def test_a_quarter_is_not_split_into_months() -> None:
    assert set(found(target(QUARTER, "90.00"))) == {("all", "all", "all", "2026-10", "q")}


def test_two_targets_of_one_level_and_period_add_up() -> None:
    made = found(target(QUARTER, "1.00"), target(QUARTER, "2.00"))
    assert made["all", "all", "all", "2026-10", "q"] == (Decimal(3), "given")


def test_a_target_of_unknown_worth_makes_what_it_is_part_of_unknown() -> None:
    targets = [
        target(QUARTER, "1.00", funnel="direct", team="t1"),
        target(QUARTER, None, funnel="direct", team="t2", amount_exclusion="missing_rate"),
    ]
    rows = targets_by_level(world(targets=targets), SCOPES)
    why = {(row["scope"], row["scope_value"]): row["target_exclusion"] for row in rows.iter_rows(named=True)}
    assert why == {("all", "all"): "missing_rate", ("team", "t1"): None, ("team", "t2"): "missing_rate"}
    assert found(*targets)["direct", "all", "all", "2026-10", "q"] == (None, "sum_of_parts")


def test_a_target_of_a_year_is_held_against_no_period_and_is_listed() -> None:
    year = target((date(2026, 1, 1), date(2026, 12, 31)), "400.00")
    assert found(year) == {}
    company = world(targets=[year, target(QUARTER, "1.00")])
    unplaced = unplaced_targets(company)
    assert unplaced.select("business_date", "period_end", "amount_reporting").rows() == [
        (company.business_date, date(2026, 12, 31), Decimal(400))
    ]
