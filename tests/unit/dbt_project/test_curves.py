"""The survival curves of the dbt models against lifelines, over random durations with ties and late entries.

The models run as they are written, on tables of this test's own making.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import duckdb
import jinja2
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.utils import qth_survival_times

DBT = Path(__file__).resolve().parents[3] / "dbt_project"
LEVELS = {25: 0.75, 50: 0.5, 75: 0.25, 80: 0.2, 90: 0.1}
# Whole days, so that many ends fall on one instant.
DAYS = st.integers(1, 12)


def run(model: str, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows of a model over these inputs."""
    sql = jinja2.Template(
        (DBT / "macros" / "survival.sql").read_text(encoding="utf-8")
        + (DBT / "models" / "intermediate" / f"{model}.sql").read_text(encoding="utf-8"),
        undefined=jinja2.StrictUndefined,
    ).render(ref=lambda name: name)
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table.to_arrow())
        return connection.execute(sql).pl()


def segments(count: int) -> dict[str, pl.DataFrame]:
    return {
        "int_deal_segments": pl.DataFrame({"deal_key": [str(n) for n in range(count)], "segment_id": 1}),
        "int_segment_values": pl.DataFrame({"segment_id": 1, "segment": "all", "segment_value": "all"}),
    }


def quantiles(stays: Sequence[tuple[float, bool, float]]) -> list[float | None]:
    durations = pl.DataFrame(
        {
            "measure": "visit",
            "deal_key": [str(n) for n in range(len(stays))],
            "funnel": "f",
            "stage": "one",
            "days": [float(days) for days, _, _ in stays],
            "is_ended": [ended for _, ended, _ in stays],
            "observed_after_days": [float(entry) for _, _, entry in stays],
        }
    )
    rows = run("int_duration_quantiles", {"int_durations": durations, **segments(len(stays))})
    return list(rows.select([f"p{level}_days" for level in LEVELS]).row(0))


def by_lifelines(stays: Sequence[tuple[float, bool, float]]) -> list[float | None]:
    fitter = KaplanMeierFitter().fit(
        [days for days, _, _ in stays], [ended for _, ended, _ in stays], entry=[entry for _, _, entry in stays]
    )
    curve = fitter.survival_function_
    found = [float(np.squeeze(qth_survival_times(level + 1e-9, curve))) for level in LEVELS.values()]
    return [None if np.isinf(day) else day for day in found]


def runs_out_early(stays: Sequence[tuple[float, bool, float]]) -> bool:
    """Whether nobody is left at risk at some instant and others join later: lifelines refuses such data."""
    return any(
        all(days == instant for days, _, entry in stays if entry < instant <= days)
        and any(entry >= instant for _, _, entry in stays)
        for instant, _, _ in stays
    )


# Entries fall between days: where one meets an end, lifelines counts the newcomer as at risk already and the product,
# as R does, from then on.
STAYS = st.lists(
    st.tuples(DAYS, st.booleans(), st.sampled_from([0.0, 0.0, 0.5, 2.5, 6.5])).filter(lambda stay: stay[2] < stay[0]),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STAYS)
def test_quantiles_agree_with_lifelines_with_ties_censoring_and_late_entries(
    stays: list[tuple[int, bool, float]],
) -> None:
    assume(not runs_out_early(stays))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = by_lifelines(stays)
    assert quantiles(stays) == pytest.approx(expected, abs=1e-9)


def test_nothing_is_known_from_where_those_at_risk_run_out_before_older_stays_join() -> None:
    """The one young stay ends on day 1, when the nine old ones were not seen yet: not all stays end within a day."""
    assert quantiles([(1, True, 0.0), *[(30, False, 20.5)] * 9]) == [None] * 5
    young = [(1, True, 0.0), (1, False, 0.0), (2, True, 0.0)]
    assert quantiles([*young, *[(30, False, 20.5)] * 9]) == [1, None, None, None, None]


def ultimates(followed: Sequence[tuple[float, str]]) -> dict[str, float | None]:
    keys = [str(n) for n in range(len(followed))]
    closes = pl.DataFrame(
        {
            "deal_key": keys,
            "funnel": "f",
            "stage": "one",
            "outcome": [{"event": "won", "other": "lost"}.get(kind) for _, kind in followed],
            "days_followed": [float(days) for days, _ in followed],
        },
        schema_overrides={"outcome": pl.String},
    )
    reach = pl.DataFrame(
        schema={
            "deal_key": pl.String,
            "funnel": pl.String,
            "stage": pl.String,
            "reached_month": pl.Date,
            "reached_quarter": pl.Date,
            "is_advanced": pl.Boolean,
            "is_lost": pl.Boolean,
            "days_undecided": pl.Float64,
        }
    )
    counts = pl.DataFrame(
        schema={
            "funnel": pl.String,
            "stage": pl.String,
            "segment_id": pl.Int64,
            "reached_month": pl.Date,
            "reached_quarter": pl.Date,
            "timed": pl.Int64,
            "timed_advanced": pl.Int64,
            "timed_lost": pl.Int64,
        }
    )
    rows = run(
        "int_stage_ultimates",
        {
            "int_stage_closes": closes,
            "int_reach_cohorts": reach,
            "int_cohort_counts": counts,
            **segments(len(followed)),
        },
    )
    return rows.select("probability", "undecided_share").row(0, named=True)


KINDS = st.sampled_from(["event", "event", "other", "censored"])


APART = st.lists(
    st.tuples(st.floats(0.1, 400).map(lambda day: round(day, 3)), KINDS),
    min_size=2,
    max_size=25,
    unique_by=lambda row: row[0],
)


@settings(max_examples=50, deadline=None)
@given(APART)
def test_the_ultimate_probability_agrees_with_the_aalen_johansen_of_lifelines(
    followed: list[tuple[float, str]],
) -> None:
    """Without ties: lifelines breaks those at random."""
    mine = ultimates(followed)
    if all(kind != "event" for _, kind in followed):
        assert mine["probability"] in (0.0, None)
        return
    codes = [{"event": 1, "other": 2, "censored": 0}[kind] for _, kind in followed]
    days = [day for day, _ in followed]
    fitter = AalenJohansenFitter(calculate_variance=False).fit(days, codes, event_of_interest=1)
    assert mine["probability"] == pytest.approx(float(fitter.cumulative_density_.iloc[-1, 0]), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(DAYS, KINDS), min_size=1, max_size=25))
def test_with_ties_the_parts_of_the_ultimate_probability_are_those_of_lifelines(
    followed: list[tuple[int, str]],
) -> None:
    """The share undecided is the survival of either end; the probability adds up its drops, split by who ended."""
    mine = ultimates(followed)
    fitter = KaplanMeierFitter().fit([days for days, _ in followed], [kind != "censored" for _, kind in followed])
    curve = fitter.survival_function_["KM_estimate"]
    assert mine["undecided_share"] == pytest.approx(float(curve.iloc[-1]), abs=1e-9)
    probability = 0.0
    for before, day in zip(curve.index[:-1], curve.index[1:], strict=True):
        ended = [kind for days, kind in followed if days == day and kind != "censored"]
        if ended:
            probability += (curve[before] - curve[day]) * ended.count("event") / len(ended)
    if mine["probability"] is None:
        assert all(kind == "censored" for _, kind in followed)
    else:
        assert mine["probability"] == pytest.approx(probability, abs=1e-9)
