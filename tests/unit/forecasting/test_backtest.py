from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from leakage import by_method, leaks, planted
from polars.testing import assert_frame_equal
from worlds import deal, history, moves, won

from orchestration.forecasting.backtest import SPOKEN, backtest, first_wins, record, won_in_periods
from orchestration.forecasting.forecast import forecast
from orchestration.forecasting.inputs import ForecastHistory, ForecastInputs
from orchestration.forecasting.method import ForecastMethod, MethodForecast
from orchestration.forecasting.methods import crm_probability, stage_average, timed, weighted_stage
from orchestration.forecasting.periods import placed_by_close_date
from orchestration.forecasting.registry import METHODS
from orchestration.forecasting.track_record import KEYS, track_record
from orchestration.forecasting.widening import widened_tonight

JUNE, JULY, AUGUST = date(2026, 6, 30), date(2026, 7, 31), date(2026, 8, 31)
HALF = {("contact", "proposal"): 50, ("contact", "lost"): 50, ("proposal", "won"): 100, ("proposal", "lost"): 100}
DRAWS = 50


def counts(*days: date) -> list[dict[str, Any]]:
    return [{**row, "as_of_date": day} for day in days for row in moves(HALF)]


def of(day: date, *deals: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**each, "as_of_date": day} for each in deals]


def outcome(day: date, key: str, won_on: date | None = None, closed_on: date | None = None) -> dict[str, Any]:
    return {
        "as_of_date": day,
        "deal_key": key,
        "won_on": won_on,
        "closed_on": closed_on or won_on,
        "outcome": "won" if won_on else "lost" if closed_on else None,
    }


def one(table: pl.DataFrame, **where: Any) -> dict[str, Any]:
    asked = {"funnel": "direct", "method": "stage_average", "part": "total", "as_of_date": JUNE, **where}
    known = [pl.col(name) == value for name, value in asked.items() if name in table.columns]
    return table.row(by_predicate=pl.all_horizontal(known), named=True)


def tried(**parts: Any) -> pl.DataFrame:
    parts = {"as_ofs": [JUNE], "counts": counts(JUNE), **parts}
    return backtest(history(**parts), METHODS[:3], draws=DRAWS).said


# What is asked, and what came


def test_the_running_and_the_next_month_and_quarter_are_those_after_as_of() -> None:
    said = tried(deals=of(JUNE, deal("d1")))
    asked = said.filter(pl.col("funnel") == "direct").select("period_kind", "period_label", "lead_days").unique()
    assert asked.sort("period_kind", "lead_days").rows() == [
        ("month", "2026-07", 31),
        ("month", "2026-08", 62),
        ("quarter", "FY2026-Q3", 92),
        ("quarter", "FY2026-Q4", 184),
    ]


def test_within_a_quarter_the_running_one_goes_on() -> None:
    said = tried(as_ofs=[JULY], counts=counts(JULY), deals=of(JULY, deal("d1")))
    asked = said.filter(pl.col("period_kind") == "quarter").select("period_label", "lead_days").unique()
    assert asked.sort("lead_days").rows() == [("FY2026-Q3", 61), ("FY2026-Q4", 153)]


def test_what_was_won_inside_the_period_came_and_the_days_at_both_ends_count() -> None:
    wins = [
        won("early", date(2026, 6, 30), "1.00"),
        won("first", date(2026, 7, 1), "10.00"),
        won("last", date(2026, 7, 31), "100.00"),
        won("late", date(2026, 8, 1), "1000.00"),
    ]
    said = tried(deals=of(JUNE, deal("last")), won_deals=wins)
    july = {"period_kind": "month", "period_start": date(2026, 7, 1)}
    assert one(said, **july)["actual_amount"] == Decimal("110.00")
    assert one(said, **july, part="open")["actual_amount"] == Decimal("100.00")
    assert one(said, **july, funnel="all")["actual_amount"] == Decimal("110.00")


def test_a_period_that_is_not_over_has_no_actual_and_does_not_count() -> None:
    said = tried(deals=of(JUNE, deal("d1")), won_deals=[won("d1", date(2026, 10, 2))])
    row = one(said, period_kind="quarter", period_start=date(2026, 10, 1))
    assert (row["actual_amount"], row["actual_excluded_deals"], row["is_scored"]) == (None, None, False)


def test_the_last_day_of_a_period_ends_it() -> None:
    said = tried(business_date=date(2026, 7, 31), deals=of(JUNE, deal("d1")), won_deals=[won("d1", date(2026, 7, 31))])
    row = one(said, period_kind="month", period_start=date(2026, 7, 1))
    assert (row["actual_amount"], row["is_scored"]) == (Decimal("50000.00"), True)


def test_nothing_won_is_zero_and_wins_of_unknown_worth_are_unknown() -> None:
    wins = [won("d1", date(2026, 8, 3), None), won("x", date(2026, 9, 3), None), won("y", date(2026, 9, 4), "5.00")]
    said = tried(deals=of(JUNE, deal("d1"), deal("x"), deal("y")), won_deals=wins)
    july, august = (one(said, period_kind="month", period_start=date(2026, month, 1)) for month in (7, 8))
    quarter = one(said, period_kind="quarter", period_start=date(2026, 7, 1))
    assert (july["actual_amount"], july["actual_excluded_deals"]) == (Decimal("0.00"), 0)
    assert (august["actual_amount"], august["actual_excluded_deals"], august["is_scored"]) == (None, 1, False)
    assert (quarter["actual_amount"], quarter["actual_excluded_deals"]) == (Decimal("5.00"), 2)
    # Five is what one of three wins brought: scored as all of it, it would call every forecast too high.
    assert not quarter["is_scored"]


def test_a_year_before_of_which_not_every_amount_is_known_is_nothing_to_compare_with() -> None:
    wins = [won("x", date(2025, 7, 3), "7.00"), won("y", date(2025, 8, 4), "5.00"), won("z", date(2025, 8, 5), None)]
    created = [{"funnel": "direct", "segment": "A", "stage": "contact", "created_on": date(2025, 1, 2), "deals": 1}]
    said = tried(deals=of(JUNE, deal("d1")), won_deals=wins, creations=created)
    july, august = (one(said, period_kind="month", period_start=date(2026, month, 1)) for month in (7, 8))
    assert (july["naive_amount"], august["naive_amount"]) == (Decimal("7.00"), None)


def test_a_win_that_was_undone_by_tonight_did_not_come() -> None:
    undone = won("d1", date(2026, 7, 3), undone_on=date(2026, 9, 1))
    said = tried(deals=of(JUNE, deal("d1")), won_deals=[undone])
    assert one(said, period_kind="month", period_start=date(2026, 7, 1))["actual_amount"] == Decimal("0.00")


def test_an_open_deal_brings_its_first_win_after_as_of_alone() -> None:
    wins = pl.DataFrame(
        [
            {"deal_key": "d1", "won_on": day, "amount_reporting": Decimal(str(day.day))}
            for day in (date(2026, 6, 2), date(2026, 7, 20), date(2026, 7, 3))
        ]
    )
    opened = pl.DataFrame({"as_of_date": [JUNE], "deal_key": ["d1"], "funnel": ["direct"]})
    assert first_wins(opened, wins).rows() == [(JUNE, "d1", "direct", date(2026, 7, 3), Decimal("3"))]


def test_wins_of_each_as_of_date_stay_apart() -> None:
    wins = pl.DataFrame(
        {
            "as_of_date": [JUNE, JULY],
            "funnel": ["direct", "direct"],
            "won_on": [date(2026, 8, 3)] * 2,
            "amount_reporting": [Decimal("1.00"), Decimal("2.00")],
        }
    )
    periods = pl.DataFrame(
        {"as_of_date": [JUNE, JULY], "period_start": [date(2026, 8, 1)] * 2, "period_end": [AUGUST] * 2}
    )
    made = won_in_periods(wins, periods).filter(pl.col("funnel") == "all").sort("as_of_date")
    assert made["amount"].to_list() == [Decimal("1.00"), Decimal("2.00")]


def test_the_same_period_a_year_before_is_the_naive_forecast_where_history_reaches_back() -> None:
    wins = [won("a", date(2025, 7, 31), "7.00"), won("b", date(2025, 8, 1), "9.00"), won("c", date(2024, 1, 9), "1.00")]
    said = tried(deals=of(JUNE, deal("d1")), won_deals=wins)
    assert one(said, period_kind="month", period_start=date(2026, 7, 1))["naive_amount"] == Decimal("7.00")
    assert one(said, period_kind="quarter", period_start=date(2026, 7, 1))["naive_amount"] == Decimal("16.00")
    assert one(said, period_kind="quarter", period_start=date(2026, 10, 1))["naive_amount"] == Decimal("0.00")
    assert one(said, period_kind="month", period_start=date(2026, 7, 1), part="open")["naive_amount"] is None
    younger = tried(deals=of(JUNE, deal("d1")), won_deals=wins[1:2])
    assert one(younger, period_kind="month", period_start=date(2026, 7, 1))["naive_amount"] is None


def test_a_leap_year_before_is_a_whole_february() -> None:
    as_of = date(2025, 1, 31)
    wins = [won("a", date(2024, 2, 29), "7.00"), won("b", date(2024, 1, 1), "1.00"), won("c", date(2024, 3, 1), "2.00")]
    said = tried(as_ofs=[as_of], counts=counts(as_of), deals=of(as_of, deal("d1")), won_deals=wins)
    row = one(said, as_of_date=as_of, period_kind="month", period_start=date(2025, 2, 1))
    assert row["naive_amount"] == Decimal("7.00")


# Placing, edge cases


def test_late_and_undated_deals_of_every_method_that_goes_by_close_dates_stand_in_the_running_month() -> None:
    deals = of(
        JUNE,
        deal("dated", amount="1000.00", probability=0.5, expected_close_date=date(2026, 8, 15)),
        deal("due_today", amount="1000.00", probability=0.5, expected_close_date=JUNE),
        deal("overdue_for_a_year", amount="1000.00", probability=0.5, expected_close_date=date(2025, 5, 1)),
        deal("undated", amount="1000.00", probability=0.5, expected_close_date=None),
        deal("placeholder", amount="1000.00", probability=0.5, expected_close_date=date(2099, 12, 31)),
        deal("far", amount="1000.00", probability=0.5, expected_close_date=date(2027, 3, 31)),
    )
    said = tried(deals=deals, won_deals=[won("x", date(2026, 1, 5), "1000.00")])
    for method in ("crm_probability", "stage_average", "weighted_stage"):
        by_period = {
            label: one(said, method=method, period_label=label, part="open")["forecast_amount"]
            for label in ("2026-07", "2026-08", "FY2026-Q3", "FY2026-Q4")
        }
        assert by_period == {
            "2026-07": Decimal("2000.00"),
            "2026-08": Decimal("500.00"),
            "FY2026-Q3": Decimal("2500.00"),
            "FY2026-Q4": Decimal("0.00"),
        }


def test_a_method_that_says_the_months_itself_is_not_placed(company: ForecastHistory) -> None:
    inputs = company.inputs(company.as_of_dates[12])
    made = timed.forecast(inputs)
    assert made.chances.filter(pl.col("period_status") == "dated").height > 0
    assert_frame_equal(placed_by_close_date(made, inputs).chances, made.chances)


def test_without_any_closed_deal_nothing_is_said_and_the_silence_is_counted() -> None:
    due = of(JUNE, deal("d1", expected_close_date=date(2026, 7, 15)))
    made = track_record(history(as_ofs=[JUNE], deals=due), methods=METHODS[:3], draws=DRAWS)
    row = one(made.tables["forecast_accuracy"], lead_bucket="15-45", period_kind="month")
    assert (row["n"], row["n_silent"], row["wape"], row["is_champion"]) == (0, 1, None, False)
    assert row["is_insufficient_history"]
    question = made.tables["forecast_calibration"].filter(
        pl.col("question") == "running_month", pl.col("method") == "stage_average", pl.col("funnel") == "all"
    )
    assert question.select("bin", "n", "n_without_chance", "brier").rows() == [(0, 0, 1, None)]


def test_a_period_with_no_open_deals_is_forecast_and_scored_as_what_it_is() -> None:
    said = tried(won_deals=[won("x", date(2026, 7, 5), "10.00")])
    row = one(said, method="weighted_stage", period_kind="month", period_start=date(2026, 7, 1))
    assert (row["forecast_amount"], row["actual_amount"], row["is_scored"]) == (Decimal("0.00"), Decimal("10.00"), True)


def test_one_giant_deal_is_paired_to_the_cent() -> None:
    giant = "9999999999999.99"
    said = tried(
        deals=of(JUNE, deal("giant", amount=giant, expected_close_date=date(2026, 7, 15))),
        won_deals=[won("giant", date(2026, 7, 15), giant)],
    )
    row = one(said, method="weighted_stage", period_kind="month", period_start=date(2026, 7, 1))
    assert row["actual_amount"] == Decimal(giant)
    assert row["forecast_amount"] == Decimal("5000000000000.00")


def test_without_a_past_there_is_no_backtest_and_no_error() -> None:
    made = track_record(history(deals=[deal("d1")]), draws=DRAWS)
    assert {name: table.height for name, table in made.tables.items()} == dict.fromkeys(KEYS, 0)
    assert made.width_factors.height == 0


# Chances


def test_a_chance_to_be_won_by_a_day_is_all_that_lies_before_it() -> None:
    company = history(
        as_ofs=[JUNE],
        counts=counts(JUNE),
        deals=of(JUNE, deal("d1", expected_close_date=date(2026, 8, 15)), deal("d2", expected_close_date=None)),
        won_deals=[won("d1", date(2026, 8, 20))],
        outcomes=[outcome(JUNE, "d1", date(2026, 8, 20)), outcome(JUNE, "d2", closed_on=date(2026, 9, 1))],
    )
    answered = backtest(company, [weighted_stage], draws=DRAWS).answered
    by_question = {
        question: rows.select("chance", "deals", "won_deals", "still_open_deals").rows()
        for (question,), rows in answered.group_by("question", maintain_order=True)
    }
    half, nothing = Decimal("0.500000000000"), Decimal("0E-12")
    assert by_question["running_month"] == [(nothing, 1, 0, 0), (half, 1, 0, 0)]
    assert by_question["next_month"] == [(half, 2, 1, 0)]
    assert by_question["running_quarter"] == [(half, 2, 1, 0)]
    assert by_question["eventual"] == [(half, 2, 1, 0)]
    assert "next_quarter" not in by_question


def test_a_deal_that_has_not_ended_is_still_open_and_not_lost() -> None:
    company = history(
        as_ofs=[JUNE], counts=counts(JUNE), deals=of(JUNE, deal("d1"), deal("d2")), outcomes=[outcome(JUNE, "d1")]
    )
    answered = backtest(company, [weighted_stage], draws=DRAWS).answered
    row = answered.row(by_predicate=pl.col("question") == "eventual", named=True)
    assert (row["deals"], row["won_deals"], row["still_open_deals"]) == (2, 0, 2)


# Leakage


@pytest.fixture(scope="module")
def company() -> ForecastHistory:
    """A year and a half of month ends of a company that opens eight deals on each, in which there is much to leak."""
    days = [date(2025 + (5 + n) // 12, (5 + n) % 12 + 1, 1) for n in range(18)]
    ends = [day.fromordinal(day.toordinal() - 1) for day in days]
    deals, outcomes, wins = [], [], []
    for number, day in enumerate(ends):
        for place in range(8):
            key, is_won = f"{number}-{place}", place % 2 == 0
            closed = date.fromordinal(day.toordinal() + 20 + 9 * place)
            facts = {
                "amount": f"{1000 * (place + 1)}.00",
                "stage": "contact" if place < 3 else "proposal",
                "expected_close_date": date.fromordinal(day.toordinal() + 15 * place - 10),
                "probability": 0.3,
                "days_in_stage": 3.0 * place,
            }
            deals += of(day, deal(key, **facts))
            outcomes.append(outcome(day, key, closed if is_won else None, closed))
            if is_won:
                wins.append(won(key, closed, facts["amount"], created_on=day))
    return history(
        as_ofs=ends,
        deals=deals,
        counts=counts(*ends),
        outcomes=outcomes,
        won_deals=wins,
        creations=[
            {"funnel": "direct", "segment": "A", "stage": "contact", "created_on": day, "deals": 8} for day in ends
        ],
    )


@dataclass(frozen=True)
class LooksAhead:
    """A method that knows which open deals will be won: it reads the outcomes of the whole history."""

    history: ForecastHistory
    name: str = "looks_ahead"

    def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
        made = weighted_stage.forecast(inputs)
        ahead = self.history.outcomes.filter(
            (pl.col("as_of_date") == inputs.business_date) & (pl.col("outcome") == "won")
        )
        is_won = pl.col("deal_key").is_in(ahead["deal_key"].implode())
        sure = pl.when(is_won).then(pl.lit(1)).otherwise(pl.lit(0)).cast(pl.Decimal(13, 12))
        return replace(
            made,
            deals=made.deals.with_columns(win_rate=sure),
            chances=made.chances.with_columns(
                chance=sure, expected_amount=pl.when(is_won).then("amount_if_won").otherwise(pl.lit(0))
            ),
        )


def said_by(method_of: Any) -> Any:
    """What the backtest says of a date, without what came."""

    def made(history: ForecastHistory, day: date) -> Mapping[str, pl.DataFrame]:
        until = replace(history, as_of_dates=tuple(each for each in history.as_of_dates if each <= day))
        tested = backtest(until, method_of(history), draws=DRAWS)
        now = pl.col("as_of_date") == day
        chances = tested.answered.filter(now, pl.col("question") == "eventual").select("method", "chance", "deals")
        return {"said": tested.said.filter(now).select(*SPOKEN), "chances": chances.sort(pl.all())}

    return made


@pytest.mark.parametrize("place", [2, 9, 16])
def test_no_fact_after_as_of_changes_what_the_backtest_says(company: ForecastHistory, place: int) -> None:
    day = company.as_of_dates[place]
    assert leaks(said_by(lambda _: METHODS), company, planted(company, day), [day]) == []


@pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
def test_no_fact_after_as_of_changes_what_a_method_returns(company: ForecastHistory, method: ForecastMethod) -> None:
    day = company.as_of_dates[12]
    assert leaks(by_method(lambda _: method), company, planted(company, day), [company.as_of_dates[3], day]) == []


def test_the_facts_planted_do_change_what_came_and_what_is_said_later(company: ForecastHistory) -> None:
    day, later = company.as_of_dates[12], company.as_of_dates[14]
    after = planted(company, day)
    assert leaks(lambda history, _: {"outcomes": history.outcomes}, company, after, [day]) != []
    assert leaks(by_method(lambda _: weighted_stage), company, after, [later]) != []
    came = [
        backtest(replace(each, as_of_dates=(day,)), [weighted_stage], draws=DRAWS).said["actual_amount"]
        for each in (company, after)
    ]
    assert came[0].to_list() != came[1].to_list()


def test_a_method_that_looks_ahead_is_caught(company: ForecastHistory) -> None:
    day = company.as_of_dates[12]
    found = leaks(by_method(LooksAhead), company, planted(company, day), [day])
    assert f"{day} deals.win_rate differs in 4 of 8 rows" in found
    assert any(sentence.startswith(f"{day} chances.chance differs") for sentence in found)
    in_backtest = leaks(said_by(lambda history: [LooksAhead(history)]), company, planted(company, day), [day])
    assert any("said.forecast_amount differs" in sentence for sentence in in_backtest)


def test_a_feature_that_looks_ahead_is_caught_and_one_that_does_not_is_let_be(company: ForecastHistory) -> None:
    def honest(history: ForecastHistory, day: date) -> Mapping[str, pl.DataFrame]:
        deals = history.inputs(day).open_deals
        return {"features": deals.select("deal_key", is_large=pl.col("amount_reporting") > 4000)}

    def leaking(history: ForecastHistory, day: date) -> Mapping[str, pl.DataFrame]:
        known = history.outcomes.filter(pl.col("as_of_date") == day)
        return {"features": known.select("deal_key", days=(pl.col("closed_on") - day).dt.total_days())}

    day = company.as_of_dates[12]
    after = planted(company, day)
    assert leaks(honest, company, after, [day]) == []
    assert leaks(leaking, company, after, [day]) == [f"{day} features.days differs in 8 of 8 rows"]


def test_intervals_are_stretched_by_earlier_errors_alone(company: ForecastHistory) -> None:
    said = backtest(company, [crm_probability], draws=DRAWS).said
    assert said.filter(pl.col("width_factor") != 1.0).height > 0
    assert said.filter(pl.col("as_of_date") <= company.as_of_dates[8])["width_factor"].unique().to_list() == [1.0]
    day = company.as_of_dates[17]
    after = planted(company, day)
    assert leaks(said_by(lambda _: [crm_probability]), company, after, [day]) == []


@dataclass(frozen=True)
class Placed:
    """What the CRM says, in the periods of a backtest."""

    name: str = "crm_probability"

    def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
        return placed_by_close_date(crm_probability.forecast(inputs), inputs)


def test_intervals_are_judged_as_the_night_of_that_day_serves_them(company: ForecastHistory) -> None:
    day = company.as_of_dates[17]
    night = replace(company, business_date=day, as_of_dates=tuple(each for each in company.as_of_dates if each < day))
    factors = backtest(night, [Placed()], draws=DRAWS).width_factors
    made = forecast(night.inputs(), [Placed()], draws=DRAWS, scopes=["all"]).periods
    served = widened_tonight(made, factors).filter(pl.col("period_status") == "dated")
    assert served.filter(pl.col("width_factor") != 1.0).height > 0
    key = ["funnel", "period_kind", "period_start"]
    said = backtest(company, [Placed()], draws=DRAWS).said.filter(pl.col("as_of_date") == day)
    for part, prefix in (("total", ""), ("open", "open_")):
        judged = said.filter(pl.col("part") == part).select(*key, "p10_amount", "p90_amount").sort(key)
        assert judged.height == 8
        told = served.select(*key, p10_amount=f"{prefix}p10_amount", p90_amount=f"{prefix}p90_amount")
        assert_frame_equal(judged, judged.select(key).join(told, on=key).sort(key))
    assert said.filter(pl.col("part") == "open")["width_factor"].unique().to_list() == [1.0]


# What nights said


@pytest.fixture
def young(company: ForecastHistory) -> ForecastHistory:
    """The company with its last as-of dates alone."""
    return replace(company, as_of_dates=company.as_of_dates[-5:])


def said_by_nights(company: ForecastHistory) -> pl.DataFrame:
    return forecast(company.inputs(JUNE), [crm_probability, weighted_stage], draws=DRAWS).periods


def test_the_record_holds_what_nights_said_and_no_better_forecast_of_today(young: ForecastHistory) -> None:
    nights = said_by_nights(young).with_columns(total_amount=pl.lit(Decimal("123.45")))
    made = track_record(young, nights, [LooksAhead(young), crm_probability, weighted_stage], draws=DRAWS)
    recorded = made.tables["forecast_record"]
    assert set(recorded["source"]) == {"night"}
    assert set(recorded["method"]) == {"crm_probability", "weighted_stage"}
    assert recorded["forecast_amount"].unique().to_list() == [Decimal("123.45")]
    assert recorded["is_scored"].any()
    accuracy = made.tables["forecast_accuracy"]
    assert set(accuracy.filter(pl.col("source") == "night")["method"]) == {"crm_probability", "weighted_stage"}
    assert_frame_equal(
        recorded,
        track_record(young, nights, [stage_average], draws=DRAWS).tables["forecast_record"],
        check_row_order=False,
    )


def test_the_record_takes_nights_of_before_intervals_were_kept(young: ForecastHistory) -> None:
    nights = said_by_nights(young).select(
        "business_date",
        "method",
        "funnel",
        "period_kind",
        "period_start",
        "period_status",
        "won_amount",
        "total_amount",
    )
    recorded = record(nights, young.inputs())
    assert recorded["p10_amount"].null_count() == recorded.height > 0
    assert recorded["is_scored"].any()
    accuracy = track_record(young, nights, METHODS[:3], draws=DRAWS).tables["forecast_accuracy"]
    row = one(accuracy, source="night", method="weighted_stage", funnel="all", period_kind="month", lead_bucket="all")
    assert (row["n"] > 0, row["n_intervals"], row["coverage"]) == (True, 0, None)


# The tables


def test_no_two_rows_of_a_table_agree_on_its_key(young: ForecastHistory) -> None:
    made = track_record(young, said_by_nights(young), METHODS[:3], draws=DRAWS)
    for name, table in made.tables.items():
        assert table.height > 0, name
        assert not table.select(KEYS[name]).is_duplicated().any(), name
        assert table.select(KEYS[name]).null_count().sum_horizontal().item() == 0, name


def test_the_same_history_gives_the_same_tables_whatever_the_order_of_its_rows(young: ForecastHistory) -> None:
    shuffled = {
        name: table.sample(fraction=1.0, shuffle=True, seed=7) if name != "company" else table
        for name, table in young.tables.items()
    }
    again = replace(young, tables=shuffled)
    first, second = (track_record(each, methods=METHODS[:3], draws=DRAWS) for each in (young, again))
    for name in KEYS:
        assert_frame_equal(first.tables[name], second.tables[name], check_exact=True)
