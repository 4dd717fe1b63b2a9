"""What Dagster's catalogue tells of every asset: who answers for it, when it is late, its columns, rows and duration.

Belongs here: what is the same for all assets. Not here: what one asset is (its description stands beside it), or what a
column means (`publishing.contract`, dbt, and the steps that make a table say so).
"""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import dagster as dg
import polars as pl

from orchestration.components.nightly import company_time_zone
from orchestration.publishing.catalogue import contract

COLUMNS, ROWS, SECONDS = "dagster/column_schema", "dagster/row_count", "duration_seconds"
# Who decides what the standards say, and who answers for everything that is made of them.
OWNERS = {"standards": "team:sales-operations"}
OWNER = "team:data"
# Readers are at work by then. A night may begin from midnight on, by cron or by the schedule at two.
DEADLINE = "0 7 * * *"
SINCE = timedelta(hours=7)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def nightly_freshness() -> dg.FreshnessPolicy:
    """When an asset is late. Made once for all assets: Dagster walks through a year of its schedule to make one."""
    return dg.FreshnessPolicy.cron(DEADLINE, SINCE, company_time_zone())


def catalogued(spec: dg.AssetSpec, late: dg.FreshnessPolicy) -> dg.AssetSpec:
    """The asset with its owner, when it is late, and, where it is served, the columns that the contract promises."""
    told = contract().get(spec.key.path[-1]) if len(spec.key.path) == 1 else None
    promised = (
        {COLUMNS: columns_of({name: kind for name, (kind, _) in told["columns"].items()}, spec.key)} if told else {}
    )
    return spec.replace_attributes(
        owners=[OWNERS.get(spec.group_name or "", OWNER)],
        freshness_policy=late,
        metadata={**promised, **spec.metadata},
    )


def columns_of(types: Mapping[str, str], key: dg.AssetKey) -> dg.TableSchema:
    """The columns of a table by name and type, with their sentence where the table is served."""
    told = contract().get(key.path[-1], {"columns": {}})["columns"] if len(key.path) == 1 else {}
    return dg.TableSchema(
        [dg.TableColumn(name, type=kind, description=told.get(name, (None, None))[1]) for name, kind in types.items()]
    )


def described(key: dg.AssetKey, frame: pl.DataFrame) -> dict[str, Any]:
    """Metadata of a materialisation: the number of rows, and type and meaning of each column."""
    return {ROWS: frame.height, COLUMNS: columns_of({name: str(kind) for name, kind in frame.schema.items()}, key)}


def measured(step: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The step, each of whose results says how many seconds it took: since it began, or since the result before."""
    if inspect.isgeneratorfunction(step):

        @wraps(step)
        def generate(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Iterator[Any]:
            began = time.monotonic()
            for made in step(*args, **kwargs):
                yield _with_seconds(made, began)
                began = time.monotonic()

        return generate  # type: ignore[return-value]

    @wraps(step)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        began = time.monotonic()
        return _with_seconds(step(*args, **kwargs), began)

    return run


def _with_seconds(made: Result, began: float) -> Result:
    if not isinstance(made, dg.MaterializeResult):
        return made
    told = {SECONDS: round(time.monotonic() - began, 3), **(made.metadata or {})}
    return made._replace(metadata=told)
