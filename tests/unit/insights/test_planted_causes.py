"""Worlds in which one thing became worse, through the SQL to the table: it names that and nothing else.

`tests/benchmarks/causes.py` asks the same of a hundred seeds of each world.
"""

from pathlib import Path

import polars as pl
import pytest
from planted_causes import PLANTED, Answer, answers, causes_of, prepare, world

SEED, DEALS = 7, 12_000
WORLDS = [name for name, planted in PLANTED.items() if len(planted.causes) < 2]


@pytest.fixture(scope="module")
def causes(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    root: Path = tmp_path_factory.mktemp("planted") / "company"
    models = prepare(root, len(WORLDS))
    worlds = (world(PLANTED[name], SEED, DEALS) for name in WORLDS)
    return causes_of(models, root / "standards", worlds, quarters=1)


@pytest.fixture(scope="module")
def named(causes: pl.DataFrame) -> dict[str, Answer]:
    found = answers(causes)
    return {name: found[f"w{number}"] for number, name in enumerate(WORLDS)}


@pytest.mark.parametrize("name", WORLDS)
def test_what_became_worse_is_named_and_nothing_else(named: dict[str, Answer], name: str) -> None:
    assert named[name].is_right(PLANTED[name])


def test_where_nothing_became_worse_nothing_is_named_at_all(named: dict[str, Answer]) -> None:
    assert named["nothing"] == Answer(frozenset(), frozenset(), {}, None)


def test_shares_of_all_worlds_add_up(causes: pl.DataFrame) -> None:
    compared = causes.filter(pl.col("comparison") == "previous_quarter")
    summed = compared.group_by("funnel", "stage").agg(pl.col("share").sum(), pl.col("change").first())
    assert summed.height == 6 * len(WORLDS)
    assert summed.filter(pl.col("share") != pl.col("change")).is_empty()
