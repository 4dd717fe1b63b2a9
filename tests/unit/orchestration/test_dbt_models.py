"""Views that stand from an earlier night: when they may stay, and in which order they are reported."""

from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from orchestration.components.dbt_models import STANDING_VIEWS, StandingViews, views_stand
from orchestration.warehouse import Warehouse

# Of each node, whether it is a view and on which of the nodes before it it is built.
GRAPHS = st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 11), max_size=4)), min_size=1, max_size=12)


def manifest_of(graph: list[tuple[bool, set[int]]]) -> dict[str, dict[str, object]]:
    return {
        "nodes": {
            f"model.p.m{number}": {
                "name": f"m{number}",
                "resource_type": "model",
                "config": {"materialized": "view" if is_view else "table"},
                "depends_on": {"nodes": [f"model.p.m{parent}" for parent in sorted(parents) if parent < number]},
            }
            for number, (is_view, parents) in enumerate(graph)
        }
    }


@given(graph=GRAPHS)
def test_each_view_is_reported_once_after_what_it_is_built_on_and_before_what_is_built_on_it(
    graph: list[tuple[bool, set[int]]],
) -> None:
    standing = StandingViews(manifest_of(graph))
    said: list[str] = []
    for number, (is_view, _) in enumerate(graph):
        if not is_view:
            said += [result.asset_key.to_user_string() for _, result in standing.under(f"model.p.m{number}")]  # type: ignore[union-attr]
            said.append(f"m{number}")
    said += [result.asset_key.to_user_string() for _, result in standing.left()]  # type: ignore[union-attr]
    assert sorted(said) == sorted(f"m{number}" for number in range(len(graph)))
    for number, (_, parents) in enumerate(graph):
        for parent in parents:
            if parent < number:
                assert said.index(f"m{parent}") < said.index(f"m{number}")


def test_views_stand_only_for_the_code_that_made_them(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    assert not views_stand(warehouse, "1")
    warehouse.write("night", {STANDING_VIEWS: pl.DataFrame({"code_version": ["1"]})})
    assert views_stand(warehouse, "1")
    assert not views_stand(warehouse, "2")
