from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from worlds import BUSINESS_DATE, deal, moves, won, world

from orchestration.forecasting.forecast import Forecast, forecast
from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.method import MethodForecast, no_new_business
from orchestration.forecasting.methods import crm_probability, weighted_stage

ONE_IN_FIVE = {("proposal", "won"): 20, ("proposal", "lost"): 80}


class Made:
    """A method of a given name that has no history in some funnels, and says a tenth in the others."""

    def __init__(self, name: str, silent: set[str]) -> None:
        self.name, self.silent = name, silent

    def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
        told = ~pl.col("funnel").is_in(list(self.silent))
        tenth = pl.when(told).then(pl.lit(Decimal("0.1"))).cast(pl.Decimal(13, 12))
        deals = inputs.open_deals.with_columns(
            tenth.alias("win_rate"),
            pl.lit(None, pl.String).alias("rate_group"),
            pl.lit(0.0).alias("rate_sd"),
            pl.lit(1, pl.Int64).alias("rate_n"),
            (~told).alias("is_insufficient_history"),
            pl.lit(date(2026, 11, 25)).alias("expected_win_on"),
            pl.when(~told).then(pl.lit("insufficient_history")).alias("amount_exclusion"),
        )
        amount = pl.when("told").then("amount_reporting")
        chances = deals.with_columns(told.alias("told")).select(
            "deal_key",
            pl.lit(date(2026, 11, 1)).alias("period_start"),
            pl.lit("dated").alias("period_status"),
            pl.col("win_rate").alias("chance"),
            amount.alias("amount_if_won"),
            (amount / 10).cast(pl.Decimal(18, 2)).alias("expected_amount"),
        )
        new = pl.DataFrame(
            {
                "funnel": ["direct", "partner"],
                "segment": ["A", "A"],
                "team": [None, None],
                "owner_key": [None, None],
                "period_start": [date(2026, 12, 1)] * 2,
                "deals": [1.0, 1.0],
                "deals_sd": [0.1, 0.1],
                "amount_if_won": [Decimal("10.00")] * 2,
                "amount_sd": [0.0, 0.0],
                "expected_amount": [Decimal("10.00")] * 2,
            },
            schema=no_new_business().schema,
        )
        known = set(inputs.funnels()) - self.silent
        return MethodForecast(deals, chances, new.filter(pl.col("funnel").is_in(list(known))))


def two_funnels(**more: Any) -> ForecastInputs:
    return world(
        deals=[deal("d1", amount="1000.00"), deal("p1", funnel="partner", amount="1000.00")],
        counts=[*moves(ONE_IN_FIVE), *moves(ONE_IN_FIVE, funnel="partner")],
        funnels=["direct", "partner"],
        **more,
    )


def amounts(made: Forecast, method: str, label: str) -> dict[str, tuple[Any, Any]]:
    rows = made.periods.filter(
        pl.col("method") == method, pl.col("period_label") == label, pl.col("scope") == "all"
    ).select("funnel", "open_amount", "fell_back_to")
    return {funnel: (amount, other) for funnel, amount, other in rows.iter_rows()}


def test_a_method_without_history_in_a_funnel_falls_back_there_by_name_and_nowhere_else() -> None:
    made = forecast(two_funnels(), [Made("timed", {"partner"})], draws=10)
    assert set(made.deals["method"]) == {"timed"}
    by_key = {row["deal_key"]: row for row in made.deals.iter_rows(named=True)}
    assert (by_key["d1"]["expected_amount"], by_key["d1"]["fell_back_to"]) == (Decimal(100), None)
    assert (by_key["p1"]["expected_amount"], by_key["p1"]["fell_back_to"]) == (Decimal(200), "weighted_stage")
    november, december = amounts(made, "timed", "2026-11"), amounts(made, "timed", "2026-12")
    assert november["direct"] == (Decimal(100), None)
    assert november["partner"] == (Decimal(0), "weighted_stage")
    assert december["partner"] == (Decimal(200), "weighted_stage")
    # The whole rests on a simpler method in part, and says so.
    assert december["all"] == (Decimal(200), "weighted_stage")
    assert made.periods.filter(pl.col("fell_back_to").is_not_null())["is_insufficient_history"].all()


def test_new_business_is_that_of_whoever_speaks() -> None:
    made = forecast(two_funnels(), [Made("timed", {"partner"})], draws=10)
    december = made.periods.filter(pl.col("period_label") == "2026-12", pl.col("scope") == "all")
    told = dict(december.select("funnel", "new_business_amount").iter_rows())
    assert told == {"direct": Decimal(10), "partner": None, "all": Decimal(10)}


def test_new_business_that_is_told_of_one_funnel_is_unknown_and_not_zero_in_another() -> None:
    everywhere = Made("timed", set())
    told = everywhere.forecast(two_funnels())
    of_direct = replace(told, new_business=told.new_business.filter(pl.col("funnel") == "direct"))

    class InOneFunnel:
        name = "timed"

        def forecast(self, inputs: ForecastInputs, /) -> MethodForecast:
            return of_direct

    made = forecast(two_funnels(), [InOneFunnel()], draws=10)
    for label, amount in (("2026-11", Decimal(0)), ("2026-12", Decimal(10))):
        rows = made.periods.filter(pl.col("period_label") == label, pl.col("scope") == "all")
        amounts_told = dict(rows.select("funnel", "new_business_amount").iter_rows())
        assert amounts_told == {"direct": amount, "partner": None, "all": amount}
        assert dict(rows.select("funnel", "new_business_deals").iter_rows())["partner"] is None


def test_the_chain_is_followed_to_the_first_method_with_history() -> None:
    methods = [Made("timed_adjusted", {"direct", "partner"}), Made("timed", {"partner"})]
    made = forecast(two_funnels(), methods, draws=10)
    adjusted = made.deals.filter(pl.col("method") == "timed_adjusted")
    assert dict(adjusted.select("deal_key", "fell_back_to").iter_rows()) == {"d1": "timed", "p1": "weighted_stage"}
    december = amounts(made, "timed_adjusted", "2026-12")
    assert december["all"][1] == "weighted_stage"


def test_a_method_that_falls_back_to_one_without_timing_is_untimed_in_that_funnel() -> None:
    inputs = two_funnels(won_deals=[won("w1", BUSINESS_DATE, "300.00", funnel="partner")])
    silent = Made("weighted_stage", {"partner"})
    made = forecast(inputs, [Made("timed", {"partner"}), silent], draws=10)
    partner = made.periods.filter(pl.col("method") == "timed", pl.col("funnel") == "partner", pl.col("scope") == "all")
    assert partner.filter(pl.col("open_amount") > 0).select("period_status", "open_amount", "fell_back_to").rows() == [
        ("untimed", Decimal("60.00"), "stage_average")
    ]
    assert set(partner["period_status"]) == {"dated", "untimed"}
    assert partner.filter(pl.col("period_label") == "2026-11")["won_amount"].item() == Decimal("300.00")
    whole = made.periods.filter(pl.col("method") == "timed", pl.col("funnel") == "all", pl.col("scope") == "all")
    assert set(whole["period_status"]) == {"dated", "overdue", "undated", "untimed"}
    assert whole.filter(pl.col("period_kind").is_in(["month", "none"]))["open_amount"].sum() == Decimal(160)


def test_where_nobody_has_history_the_method_keeps_its_own_nulls() -> None:
    inputs = world(deals=[deal("d1")])
    made = forecast(inputs, [Made("timed", {"direct"}), weighted_stage], draws=10)
    assert made.deals["fell_back_to"].to_list() == [None, None]
    assert made.deals["expected_amount"].to_list() == [None, None]
    assert made.deals["amount_exclusion"].to_list() == ["insufficient_history", "no_rate_history"]
    assert made.periods.filter(pl.col("open_deals") > 0)["is_insufficient_history"].all()


def test_a_method_outside_the_chain_never_falls_back() -> None:
    made = forecast(two_funnels(), [crm_probability], draws=10)
    assert made.deals["fell_back_to"].to_list() == [None, None]
    assert made.deals["expected_amount"].to_list() == [None, None]


def test_a_deal_without_a_rate_among_others_that_have_one_is_no_reason_to_fall_back() -> None:
    inputs = world(deals=[deal("d1"), deal("d2", stage="contact")], counts=moves(ONE_IN_FIVE))
    made = forecast(inputs, [weighted_stage], draws=10)
    assert made.deals.select("expected_amount", "fell_back_to").rows() == [(Decimal(10000), None), (None, None)]
