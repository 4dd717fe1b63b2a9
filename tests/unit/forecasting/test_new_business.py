from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import BUSINESS_DATE, hazards, moves, won, world

from orchestration.forecasting.inputs import MONEY, ForecastInputs
from orchestration.forecasting.methods import timed
from orchestration.forecasting.timing import chances_by, dated_months

HISTORY = [
    *hazards("contact", "proposal", {0: 10, 1: 40, 2: 30, 4: 10}),
    *hazards("contact", "lost", {0: 10, 2: 40, 8: 20}),
    *hazards("proposal", "won", {1: 20, 3: 20, 6: 5}),
    *hazards("proposal", "lost", {1: 10, 5: 25}),
]
WON = [won(f"w{number}", date(2026, 6, 1), f"{10000 * number}.00") for number in range(1, 6)]


def created(day: date, deals: int = 1, **more: Any) -> dict[str, Any]:
    place = {"funnel": "direct", "segment": "A", "team": "North", "owner_key": "O1", "stage": "contact"}
    return {**place, "created_on": day, "deals": deals, **more}


def every_day(days: int, deals: int = 1, **more: Any) -> list[dict[str, Any]]:
    return [created(BUSINESS_DATE - timedelta(days=back), deals, **more) for back in range(days)]


def made(creations: Sequence[dict[str, Any]], **more: Any) -> pl.DataFrame:
    parts = {"counts": HISTORY, "won_deals": WON, **more}
    return timed.forecast(world(creations=creations, **parts)).new_business


def wins(frame: pl.DataFrame) -> float:
    return float(frame["deals"].sum())


def test_new_deals_win_at_their_rate_of_creation_once_enough_time_has_passed() -> None:
    # Every deal is won or lost within days, so that a month's wins are the month's deals times the rate.
    quick = moves({("contact", "won"): 4000, ("contact", "lost"): 6000})
    month = made(every_day(400, 3), counts=quick).filter(pl.col("period_start") == date(2027, 3, 1))
    assert wins(month) == pytest.approx(31 * 3 * 0.4, rel=1e-3)


def test_few_of_those_created_in_a_month_are_won_in_it() -> None:
    by_month = made(every_day(400)).group_by("period_start").agg(pl.col("deals").sum()).sort("period_start")
    deals = by_month["deals"].to_list()
    assert deals[0] < 0.1 < deals[1] < deals[2] < deals[3]
    assert deals[-1] == pytest.approx(30 * 90 / 160 * 45 / 80, rel=0.03)


def test_expected_wins_are_a_sum_over_days_of_creation() -> None:
    inputs = world(counts=HISTORY, won_deals=WON, creations=every_day(365, 2))
    by_month = timed.forecast(inputs).new_business["deals"].to_list()
    # Slowly: deals of each day to come, half a day old at its end, by the last day of each month.
    fresh = pl.DataFrame({"funnel": "direct", "segment": "A", "stage": "contact", "days_in_stage": [0.0]})
    last_days = dated_months(inputs)["last_day"].to_list()
    chance = chances_by(inputs, fresh, range(last_days[-1] + 1))[0]
    until = [sum(2 * (chance[end - day] + chance[end - day + 1]) / 2 for day in range(1, end + 1)) for end in last_days]
    assert by_month == pytest.approx(np.diff(until, prepend=0).tolist())


def test_a_young_funnel_is_measured_over_its_age() -> None:
    young, old = made(every_day(100)), made(every_day(365))
    assert wins(young) == pytest.approx(wins(old))


def test_only_the_last_year_says_how_many_are_created() -> None:
    before = [created(BUSINESS_DATE - timedelta(days=366 + back), 50) for back in range(300)]
    assert made([*every_day(365), *before]).equals(made(every_day(365)))


def test_what_is_created_no_more_brings_no_more_and_what_grows_brings_more() -> None:
    steady = wins(made(every_day(365, 4)))
    stopped = [created(BUSINESS_DATE - timedelta(days=back), 4) for back in range(84, 365)]
    # Twelve weeks are four of the shortest half-lives.
    assert wins(made(stopped)) < 0.1 * steady
    grown = [created(BUSINESS_DATE - timedelta(days=back), 4 if back < 91 else 2) for back in range(365)]
    assert 0.95 * steady < wins(made(grown)) < 1.02 * steady


def test_any_level_is_the_sum_of_its_rows() -> None:
    creations = [
        *every_day(365, 3),
        *every_day(365, 1, segment="B"),
        *every_day(200, 2, owner_key="O2", segment="B"),
        *every_day(365, 1, owner_key="O3", team="South"),
        *every_day(90, 1, owner_key=None, team=None),
    ]
    frame = made(creations)
    alone = made([created(row["created_on"], row["deals"], segment=row["segment"]) for row in merged(creations)])
    by_segment = frame.group_by("segment").agg(pl.col("deals").sum()).sort("segment")
    assert by_segment["deals"].to_list() == pytest.approx(
        alone.group_by("segment").agg(pl.col("deals").sum()).sort("segment")["deals"].to_list()
    )
    assert frame.select("segment", "team", "owner_key", "period_start").is_duplicated().sum() == 0
    assert frame.filter(pl.col("owner_key").is_null())["deals"].sum() > 0


def merged(creations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = ["created_on", "segment"]
    return pl.DataFrame(creations).group_by(keys).agg(pl.col("deals").sum()).sort(keys).to_dicts()


def test_an_owner_who_left_shares_in_no_more_than_what_chance_may_explain() -> None:
    def owners(who_left: Sequence[int]) -> pl.DataFrame:
        creations = []
        for number in range(10):
            recent = 120 if number in who_left else 0
            creations += [
                created(BUSINESS_DATE - timedelta(days=back), owner_key=f"O{number}") for back in range(recent, 365)
            ]
        return made(creations).group_by("owner_key").agg(pl.col("deals").sum()).sort("owner_key")

    everybody, without_two = owners([]), owners([3, 7])
    assert everybody["deals"].max() == pytest.approx(everybody["deals"].min())
    share = without_two["deals"] / without_two["deals"].sum()
    assert max(share[3], share[7]) < 0.01
    # What is created now is nearer to what those who stayed create than to the mean of the year.
    stayed, year = 8 / 10, (8 + 2 * 245 / 365) / 10
    assert stayed < without_two["deals"].sum() / everybody["deals"].sum() < (stayed + year) / 2


def test_a_deal_created_as_won_is_a_win_and_one_created_as_lost_is_none() -> None:
    frame = made([*every_day(365, 1, stage="won"), *every_day(365, 5, stage="lost")])
    december = frame.filter(pl.col("period_start") == date(2026, 12, 1))
    assert wins(december) == pytest.approx(31)


def test_deals_created_in_a_stage_nothing_is_known_of_fare_as_the_others() -> None:
    assert wins(made([*every_day(365, 3), *every_day(365, 1, stage="demo")])) == pytest.approx(
        wins(made(every_day(365, 4)))
    )
    assert made(every_day(365, 1, stage="demo")).height == 0


def test_a_won_deal_is_worth_the_mean_of_its_segment_to_the_cent() -> None:
    frame = made(every_day(365))
    assert frame["amount_if_won"].unique().to_list() == [Decimal("30000.00")]
    assert frame["amount_sd"][0] == pytest.approx(np.std([1e4, 2e4, 3e4, 4e4, 5e4], ddof=1))
    assert frame["expected_amount"].dtype == MONEY
    for deals, expected in frame.select("deals", "expected_amount").iter_rows():
        assert abs(Decimal(deals) * 30000 - expected) <= Decimal("0.0051")


def test_there_is_none_without_creations_or_won_amounts_or_chances() -> None:
    assert made([]).height == 0
    assert made(every_day(365), won_deals=[]).height == 0
    assert made(every_day(365), counts=[]).height == 0
    assert made([created(BUSINESS_DATE - timedelta(days=500), 40)]).height == 0


def test_a_rate_that_changes_from_month_to_month_is_known_less_well_than_a_steady_one() -> None:
    def doubt(creations: list[dict[str, Any]]) -> float:
        frame = made(creations)
        ratio = frame.filter(pl.col("deals") > 0).select(pl.col("deals_sd") / pl.col("deals")).to_series()
        # One and the same error for all rows of the funnel.
        assert ratio.max() == pytest.approx(ratio.min())
        return float(ratio[0])

    changing = [created(BUSINESS_DATE - timedelta(days=back), 2 + 4 * (back // 28 % 2)) for back in range(365)]
    steady, few = doubt(every_day(365, 4)), doubt(every_day(365, 4)[::60])
    assert steady < doubt(changing)
    assert steady < few
    assert doubt(changing) > 0.5


cells = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(1, 20),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([None, "O1", "O2", "O3"]),
        st.sampled_from(["contact", "proposal", "won", "lost", "demo"]),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(cells, st.randoms(use_true_random=False))
def test_shares_add_up_and_the_order_of_rows_does_not_matter(rows: list[Any], random: Any) -> None:
    unique = {(back, segment, owner, stage): deals for back, deals, segment, owner, stage in rows}
    creations = [
        created(BUSINESS_DATE - timedelta(days=back), deals, segment=segment, owner_key=owner, stage=stage)
        for (back, segment, owner, stage), deals in unique.items()
    ]
    inputs = world(counts=HISTORY, won_deals=WON, creations=creations)
    frame = timed.forecast(inputs).new_business
    assert frame["deals"].is_finite().all()
    assert (frame["deals"] >= 0).all()
    assert (frame["expected_amount"] >= 0).all()
    places = list(range(inputs.creations.height))
    random.shuffle(places)
    shuffled = ForecastInputs(**{**vars(inputs), "creations": inputs.creations[places]})
    assert timed.forecast(shuffled).new_business.equals(frame)
    one_owner = [{**each, "owner_key": "O1"} for each in creations]
    keys = ["created_on", "segment", "stage", "funnel", "team", "owner_key"]
    if creations:
        summed = pl.DataFrame(one_owner).group_by(keys).agg(pl.col("deals").sum()).sort(keys).to_dicts()
        assert wins(timed.forecast(world(counts=HISTORY, won_deals=WON, creations=summed)).new_business) == (
            pytest.approx(wins(frame))
        )
