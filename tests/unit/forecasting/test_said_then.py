"""That answers about past dates are kept as a cache alone: the same rows with it, without it, and with a part of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import date, timedelta
from unittest.mock import patch

import polars as pl
import pytest
from forecast_reference import history_of, month_ends
from leakage import planted
from polars.testing import assert_frame_equal

from orchestration.demo.world import simulate
from orchestration.forecasting import backtest as backtests
from orchestration.forecasting.backtest import Backtest, backtest
from orchestration.forecasting.inputs import ForecastHistory, ForecastInputs
from orchestration.forecasting.methods import stage_average, weighted_stage
from orchestration.forecasting.said_then import KEPT, fingerprint, known_answers

AS_OF = date(2025, 6, 30)
METHODS = (weighted_stage, stage_average)
DRAWS = 20
CODE = "1.0+abc"


@pytest.fixture(scope="module")
def company() -> ForecastHistory:
    return history_of(simulate(3, 400, date(2023, 1, 1)), AS_OF, month_ends(AS_OF, 6))


@pytest.fixture(scope="module")
def first(company: ForecastHistory) -> Backtest:
    return tried(company)


def tried(company: ForecastHistory, kept: pl.DataFrame | None = None, code: str = CODE) -> Backtest:
    return backtest(company, METHODS, draws=DRAWS, code=code, kept=kept)


@contextmanager
def counting_forecasts() -> Iterator[list[date]]:
    """The dates on which methods are run."""
    asked: list[date] = []
    run = backtests.forecast

    def counted(inputs: ForecastInputs, *args: object, **more: object) -> object:
        asked.append(inputs.business_date)
        return run(inputs, *args, **more)  # type: ignore[arg-type]

    with patch.object(backtests, "forecast", counted):
        yield asked


def assert_same(one: Backtest, other: Backtest) -> None:
    for field in fields(Backtest):
        assert_frame_equal(getattr(one, field.name), getattr(other, field.name), check_exact=True)


@pytest.mark.parametrize(
    ("lost", "run_again"),
    [
        (lambda kept: kept, 0),
        (lambda kept: kept[::2], 3),
        (lambda kept: kept.clear(), 6),
        (lambda kept: kept.select("fingerprint"), 6),
        (lambda kept: None, 6),
    ],
    ids=["all", "half", "nothing", "another form", "no table"],
)
def test_whatever_is_kept_the_same_rows_come_out_and_only_what_is_missing_is_worked_out(
    company: ForecastHistory,
    first: Backtest,
    lost: Callable[[pl.DataFrame], pl.DataFrame | None],
    run_again: int,
) -> None:
    with counting_forecasts() as asked:
        assert_same(tried(company, lost(first.kept)), first)
    assert len(asked) == run_again


def test_what_came_since_is_paired_with_what_was_kept(company: ForecastHistory, first: Backtest) -> None:
    after = planted(company, company.as_of_dates[-1])
    assert_same(tried(after, first.kept), tried(after))
    assert not tried(after, first.kept).said.equals(first.said)


def test_a_date_whose_facts_changed_is_worked_out_again_and_those_before_are_not(
    company: ForecastHistory, first: Backtest
) -> None:
    day = company.as_of_dates[3]
    changed = planted(company, day)
    with counting_forecasts() as asked:
        again = tried(changed, first.kept)
    assert asked == list(company.as_of_dates[4:])
    assert_same(again, tried(changed))


def test_only_dates_of_tonight_are_kept_on(company: ForecastHistory, first: Backtest) -> None:
    fewer = replace(company, as_of_dates=company.as_of_dates[2:])
    kept = tried(fewer, first.kept).kept
    assert kept.schema == KEPT
    assert kept["fingerprint"].to_list() == first.kept["fingerprint"].to_list()[2:]


def test_another_code_method_or_number_of_draws_is_another_answer(company: ForecastHistory, first: Backtest) -> None:
    inputs, names = company.inputs(company.as_of_dates[0]), [method.name for method in METHODS]
    known = fingerprint(inputs, CODE, names, DRAWS)
    assert known == first.kept["fingerprint"][0]
    others = [
        fingerprint(inputs, "1.0+abd", names, DRAWS),
        fingerprint(inputs, CODE, names[::-1], DRAWS),
        fingerprint(inputs, CODE, names, DRAWS + 1),
    ]
    assert len({known, *others}) == 4


@pytest.mark.parametrize("name", [field.name for field in fields(ForecastInputs)])
def test_whatever_input_changes_it_is_another_answer(company: ForecastHistory, name: str) -> None:
    inputs = company.inputs(company.as_of_dates[-1])
    value = getattr(inputs, name)
    if isinstance(value, pl.DataFrame):
        assert value.height > 0
        changed: object = value.head(value.height - 1)
    else:
        changed = value + timedelta(days=1) if isinstance(value, date) else value + 1
    other = replace(inputs, **{name: changed})
    assert fingerprint(other, CODE, [], DRAWS) != fingerprint(inputs, CODE, [], DRAWS)
    assert fingerprint(replace(inputs), CODE, [], DRAWS) == fingerprint(inputs, CODE, [], DRAWS)


def test_an_answer_is_read_as_it_was_kept(company: ForecastHistory, first: Backtest) -> None:
    day = company.as_of_dates[0]
    answer = next(iter(known_answers(first.kept).values()))
    assert set(answer.spoken["as_of_date"]) == {day}
    opened = company.inputs(day).open_deals["deal_key"]
    of_method = dict(answer.chances.group_by("method").len().iter_rows())
    assert of_method == {method.name: opened.len() for method in METHODS}
    assert set(answer.chances["deal_key"]) == set(opened)
