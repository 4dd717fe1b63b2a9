from datetime import UTC, date, datetime

import polars as pl
import pytest

from orchestration.demo import company, hazards
from orchestration.demo.calendar import end_of
from orchestration.demo.truth import truth_tables
from orchestration.demo.world import World, first_day, simulate

CLOSED = company.STAGE_LABELS[company.OPEN_STAGES :]


def test_the_same_arguments_give_the_same_world() -> None:
    one, two = (simulate(7, 200, date(2024, 1, 1)) for _ in range(2))
    for name in ("users", "accounts", "deals", "changes", "activities", "evidence", "contact_roles", "leads", "gates"):
        assert getattr(one, name).equals(getattr(two, name)), name


def test_another_seed_gives_another_world() -> None:
    one, two = (simulate(seed, 200, date(2024, 1, 1)) for seed in (7, 8))
    assert not one.changes.equals(two.changes)


@pytest.mark.parametrize("deals", [1, 2, 10])
def test_a_world_of_very_few_deals_is_a_world(deals: int) -> None:
    assert simulate(3, deals, date(2024, 2, 29)).deals.height >= deals


def test_no_deals_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        simulate(3, 0, date(2024, 1, 1))


def test_as_many_deals_as_asked_for_are_created_in_the_first_three_years(world: World) -> None:
    created = world.deals["created_at"]
    assert (created < end_of(date(2026, 10, 31))).sum() == 3000
    assert world.deals.height == 4000
    assert created.is_sorted()


def test_a_world_begins_with_the_month_three_years_before_its_last_day() -> None:
    assert first_day(date(2026, 11, 22)) == date(2023, 11, 1)
    assert first_day(date(2024, 1, 31)) == date(2021, 1, 1)


def test_nothing_of_a_deal_is_before_its_creation(world: World) -> None:
    for table, column in (
        (world.changes, "changed_at"),
        (world.changes, "entered_at"),
        (world.activities, "occurred_at"),
        (world.evidence, "observed_at"),
        (world.contact_roles, "known_at"),
        (world.gates, "passed_at"),
    ):
        created = world.deals["created_at"].gather(table["deal"])
        assert (table[column] >= created).all(), column
    opened = world.accounts["known_at"].gather(world.deals["account"])
    assert (opened <= world.deals["created_at"]).all()


def test_the_changes_of_a_deal_follow_each_other_strictly(world: World) -> None:
    repeated = world.changes.select(pl.struct("deal", "changed_at").is_duplicated().sum()).item()
    assert repeated == 0
    later = world.changes.filter(pl.col("previous") >= 0)
    before = world.changes[later["previous"]]
    assert (before["deal"] == later["deal"]).all()
    assert (before["changed_at"] < later["changed_at"]).all()


def test_tables_are_in_the_order_in_which_their_rows_became_known(world: World) -> None:
    assert world.changes["changed_at"].is_sorted()
    for table in (world.activities, world.evidence, world.contact_roles, world.leads, world.accounts):
        assert table["known_at"].is_sorted()


def test_nothing_is_known_before_it_happened_and_some_is_known_days_later(world: World) -> None:
    for table, column in ((world.activities, "occurred_at"), (world.evidence, "observed_at")):
        assert (table["known_at"] >= table[column]).all()
        assert 0.02 < (table["known_at"].dt.date() > table[column].dt.date()).mean() < 0.08


def test_everything_happens_in_working_hours_of_the_company(world: World) -> None:
    local = world.changes["changed_at"].dt.convert_time_zone("Asia/Shanghai")
    assert local.dt.hour().is_between(8, 18).all()
    assert (local.dt.weekday() > 5).mean() < 0.12


def test_the_win_rate_and_the_cycle_are_those_of_an_ordinary_company(large_world: World) -> None:
    closed = large_world.truth.filter(pl.col("outcome").is_not_null())
    assert 0.18 < (closed["outcome"] == "won").mean() < 0.27
    won = (closed["ended_at"] - closed["created_at"]).dt.total_seconds().filter(closed["outcome"] == "won")
    assert 90 * 86_400 < won.median() < 150 * 86_400


def test_a_better_fit_wins_more_often(large_world: World) -> None:
    rates = (
        large_world.truth.filter(pl.col("outcome").is_not_null())
        .group_by("icp_band")
        .agg((pl.col("outcome") == "won").mean().alias("rate"))
        .sort("icp_band")
    )["rate"].to_list()
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 1.5 * rates[-1]


def test_deals_that_passed_a_gate_with_proof_win_more_often(large_world: World) -> None:
    first = large_world.gates.sort("passed_at").group_by("deal", "criterion_id").first()
    won = first.join(large_world.truth.select("deal", "outcome"), on="deal").filter(pl.col("outcome").is_not_null())
    rates = won.group_by("criterion_id", "is_met").agg((pl.col("outcome") == "won").mean().alias("rate"))
    both = rates.filter("is_met").join(rates.filter(~pl.col("is_met")), on="criterion_id")
    assert both.height == 10
    assert (both["rate"] > both["rate_right"]).all()


def test_between_a_twentieth_and_a_quarter_of_gate_passages_lack_their_proof(large_world: World) -> None:
    unproven = large_world.gates.group_by("criterion_id").agg((~pl.col("is_met")).mean().alias("share"))["share"]
    assert unproven.is_between(0.05, 0.25).all()


def test_open_deals_have_enough_unproven_passages_to_review_and_not_all_of_them(world: World) -> None:
    known = world.changes.filter(pl.col("changed_at") < datetime(2026, 11, 22, 16, tzinfo=UTC))
    last = known.group_by("deal").last().filter(pl.col("kind") != "deleted")
    still_open = last.filter(~pl.col("stage").cast(pl.String).is_in(CLOSED))
    unproven = world.gates.filter(pl.col("passed_at") < datetime(2026, 11, 22, 16, tzinfo=UTC)).filter(
        ~pl.col("is_met")
    )
    assert 200 <= still_open.height <= 350
    assert 80 <= unproven.join(still_open, on="deal", how="semi").height <= 250


def test_a_tenth_to_three_tenths_of_open_deals_have_stood_in_their_stage_for_more_than_forty_days(world: World) -> None:
    known = world.changes.filter(pl.col("changed_at") < datetime(2026, 11, 22, 16, tzinfo=UTC))
    last = known.group_by("deal").last().filter(pl.col("kind") != "deleted")
    still_open = last.filter(~pl.col("stage").cast(pl.String).is_in(CLOSED))
    days = (datetime(2026, 11, 22, 16, tzinfo=UTC) - still_open["entered_at"]).dt.total_seconds() / 86_400
    assert 0.10 <= (days > 40).mean() <= 0.30


def test_the_champions_of_some_deals_leave_and_customers_answer_some_attempts(world: World) -> None:
    champions = world.contact_roles.filter(pl.col("role") == "champion")
    assert 0.05 < champions["removed_at"].is_not_null().mean() < 0.25
    directions = world.activities["direction"].cast(pl.String).value_counts(normalize=True)
    assert directions.filter(pl.col("direction") == "inbound")["proportion"].item() > 0.05


def test_every_kind_of_move_happens(large_world: World) -> None:
    moves = large_world.changes.filter(pl.col("kind") == "stage", pl.col("previous") >= 0)
    to = moves["stage"].to_physical().cast(pl.Int64)
    came_from = large_world.changes["stage"].to_physical().cast(pl.Int64).gather(moves["previous"])
    is_open = (to < company.OPEN_STAGES) & (came_from < company.OPEN_STAGES)
    assert (is_open & (to == came_from + 1)).any()
    assert (is_open & (to > came_from + 1)).any()
    assert (is_open & (to < came_from)).any()
    for closed in (company.WON, company.LOST, company.NURTURE):
        assert ((came_from == closed) & (to < company.OPEN_STAGES)).any()
    mandatory_skipped = (came_from == 0) & (to == 2)
    assert 0 < mandatory_skipped.mean() < 0.02
    starts = large_world.changes.filter(pl.col("previous") < 0)["stage"]
    assert 0.02 < (starts != company.STAGE_LABELS[0]).mean() < 0.06


def test_the_shares_of_moves_are_those_of_the_true_model(large_world: World) -> None:
    """Where a deal that moves on goes does not depend on its facts, so its share is the model's own."""
    moves = large_world.changes.filter(pl.col("kind") == "stage", pl.col("previous") >= 0)
    to = moves["stage"].to_physical().cast(pl.Int64)
    came_from = large_world.changes["stage"].to_physical().cast(pl.Int64).gather(moves["previous"])
    forward = to.filter((came_from == 1) & (to > 1) & (to <= company.WON))
    for state in range(2, company.OPEN_STAGES):
        assert (forward == state).mean() == pytest.approx(hazards.FORWARD[1][state], abs=0.015)


def test_the_true_transition_rows_add_up_to_one(world: World) -> None:
    tables = truth_tables(world)
    sums = tables["transitions"].group_by("unproven", "from_stage").agg(pl.col("probability").sum())["probability"]
    assert sums.is_between(1 - 1e-12, 1 + 1e-12).all()
    assert tables["hazards"]["hazard"].is_between(0, 1).all()


def test_hazards_followed_through_all_weeks_give_the_transition_probabilities(world: World) -> None:
    weekly = hazards.weekly_hazards(520, 0).filter(pl.col("stage") == "proposal").sort("week")
    ends: dict[str, float] = {}
    staying = 1.0
    for _, week in weekly.group_by("week", maintain_order=True):
        for row in week.iter_rows(named=True):
            ends[row["to_state"]] = ends.get(row["to_state"], 0.0) + staying * row["hazard"]
        staying *= 1 - week["hazard"].sum()
    expected = hazards.transitions(0).filter(pl.col("from_stage") == "proposal")
    for row in expected.iter_rows(named=True):
        assert ends[row["to_state"]] == pytest.approx(row["probability"], abs=1e-3)


def test_some_proof_is_too_short_called_off_or_only_an_opinion(world: World) -> None:
    demos = world.activities.filter(pl.col("activity_type") == "demo")
    assert (demos["minutes"] == 20).any()
    assert (demos["status"] == "cancelled").any()
    opinions = world.evidence.filter(pl.col("kind") == "seller_opinion")
    assert opinions.height > 0
    assert (world.evidence["answer"] == 0).any()
