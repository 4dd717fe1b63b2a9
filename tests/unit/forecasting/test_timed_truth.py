"""What `timed` says of the demo company, fitted on 5,000 deals, against what happens to many more of its deals."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from forecast_reference import history_of, met_on, month_ends, more_of_the_company

from orchestration.demo.world import simulate
from orchestration.forecasting.inputs import ForecastInputs
from orchestration.forecasting.methods import timed
from orchestration.forecasting.timing import dated_months, timing_of

SINCE, AS_OF = date(2022, 1, 1), date(2024, 12, 31)
DEALS, MORE = 5000, 40_000
DAYS = (30, 60, 90, 180)
AGES = (7.0, 21.0, 60.0)
POINTS = 0.02


@dataclass(frozen=True)
class Company:
    inputs: ForecastInputs
    changes: pl.DataFrame
    truth: pl.DataFrame
    met: pl.DataFrame


@pytest.fixture(scope="module", params=[21, 22])
def company(request: pytest.FixtureRequest) -> Company:
    """Chances said (p) and what came (y) of deals met on seven days of two years, by each of DAYS."""
    inputs = history_of(simulate(request.param, DEALS, SINCE), AS_OF).inputs()
    changes, truth = more_of_the_company(request.param, DEALS, SINCE, MORE)
    # Two months apart, so that few deals are met twice at the same age; half a year before the world's end at least.
    met = met_on(month_ends(date(2025, 7, 1), 26)[::4], changes, truth)
    outlook = timing_of(inputs, DAYS, ["direct_sales"]).outlook(met)
    met = met.with_columns(
        *(pl.Series(f"p{day}", outlook.won_by[:, place]) for place, day in enumerate(DAYS)),
        *((pl.col("won_in") <= day).fill_null(value=False).cast(pl.Float64).alias(f"y{day}") for day in DAYS),
        pl.Series("sd", outlook.log_odds_sd),
        pl.Series("age", np.searchsorted(AGES, met["days_in_stage"].to_numpy(), side="right")),
    )
    return Company(inputs, changes, truth, met)


@pytest.mark.parametrize("day", DAYS)
def test_of_all_open_deals_as_many_are_won_by_then_as_said_within_two_points(company: Company, day: int) -> None:
    assert company.met.height > 9000
    assert company.met[f"p{day}"].mean() == pytest.approx(company.met[f"y{day}"].mean(), abs=POINTS)


@pytest.mark.parametrize("day", DAYS)
def test_by_stage_and_age_the_chance_is_within_two_points_of_the_truth(company: Company, day: int) -> None:
    said, came = pl.col(f"p{day}"), pl.col(f"y{day}")
    groups = company.met.group_by("stage", "age").agg(
        pl.len().alias("deals"),
        said.mean().alias("said"),
        came.mean().alias("came"),
        (said * (1 - said) * pl.col("sd")).mean().alias("own_error"),
        (came.var() / pl.len()).sqrt().alias("error_of_truth"),
    )
    assert groups.height == 24
    off = (groups["said"] - groups["came"]).to_numpy()
    # A group may be off by as much as 5,000 deals and the deals met leave open, and by two points more.
    error = np.hypot(groups["own_error"].to_numpy(), groups["error_of_truth"].to_numpy())
    assert (np.abs(off) < POINTS + 3 * error).all()
    # What they leave open taken off, the groups are within two points on the whole.
    unexplained = np.average(off**2 - error**2, weights=groups["deals"])
    assert unexplained < POINTS**2
    assert np.average(np.abs(off), weights=groups["deals"]) < 1.5 * POINTS


def test_new_deals_are_won_as_soon_as_said_and_new_business_is_that_many(company: Company) -> None:
    won = company.changes.filter((pl.col("kind") == "stage") & (pl.col("stage") == "赢单")).select("deal", "changed_at")
    first = won.group_by("deal").agg(pl.col("changed_at").min())
    # Those created half a year before the world's end and earlier, so that each has as long to be won.
    new = company.truth.filter(pl.col("created_at") < datetime(2025, 6, 30, tzinfo=UTC)).join(first, "deal", "left")
    days = new.select((pl.col("changed_at") - pl.col("created_at")).dt.total_seconds() / 86400).to_series()
    came = np.array([(days <= day).sum() / new.height for day in range(182)])

    inputs = company.inputs
    months = dated_months(inputs).filter(pl.col("last_day") <= 181)
    last_days = months["last_day"].to_list()
    said = timed.forecast(inputs).new_business.filter(pl.col("period_start").is_in(months["period_start"].to_list()))
    per_day = DEALS / 1096
    wins = [per_day * sum(came[end - day] for day in range(1, end + 1)) for end in last_days]
    assert said["deals"].sum() == pytest.approx(wins[-1], rel=0.1)
    assert said["deals"].sum() / (per_day * last_days[-1]) == pytest.approx(
        wins[-1] / (per_day * last_days[-1]), abs=POINTS
    )
