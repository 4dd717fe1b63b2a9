"""What readers were promised stays: a column that is removed or retyped needs a version of its own in CHANGELOG.md."""

import copy
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from orchestration.publishing.catalogue import contract

ROOT = Path(__file__).parents[3]
PROMISES = ROOT / "tests" / "fixtures" / "contracts"
Promise = dict[str, dict[str, str]]


def declared_versions() -> list[str]:
    """The versions that CHANGELOG.md has a part for, newest first."""
    return re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)


def promised(tables: Any) -> Promise:
    """Of each table its columns with their types: what a dashboard leans on."""
    return {name: {column: kind for column, (kind, _) in table["columns"].items()} for name, table in tables.items()}


def broken(promise: Promise, served: Promise) -> list[str]:
    """What was promised and is served no longer, or as another type. What is new breaks nobody."""
    sentences = []
    for table, columns in promise.items():
        if table not in served:
            sentences.append(f"{table} is served no longer")
            continue
        for column, kind in columns.items():
            found = served[table].get(column)
            if found is None:
                sentences.append(f"{table}.{column} is served no longer")
            elif found != kind:
                sentences.append(f"{table}.{column} was {kind} and is {found}")
    return sentences


def test_what_the_newest_version_promised_is_served() -> None:
    """Removed on purpose? Give CHANGELOG.md a new version, then UPDATE_SNAPSHOTS=1 writes down what it promises.

    A new column passes; it is promised from when it is written down.
    """
    file = PROMISES / f"{declared_versions()[0]}.json"
    served = promised(contract())
    promise: Promise = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if os.environ.get("UPDATE_SNAPSHOTS"):
        # Never less than was promised: only a new version may promise less.
        promise = {name: served.get(name, {}) | promise.get(name, {}) for name in sorted({*promise, *served})}
        file.write_text(json.dumps(promise, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert file.exists(), f"{file.name} is missing: UPDATE_SNAPSHOTS=1 writes what the new version promises"
    assert broken(promise, served) == []


def test_the_newest_version_of_the_changelog_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == declared_versions()[0]


def test_every_promise_belongs_to_a_declared_version() -> None:
    assert {file.stem for file in PROMISES.glob("*.json")} <= set(declared_versions())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda served: served["nights"].pop("deals"), ["nights.deals is served no longer"]),
        (lambda served: served.pop("nights"), ["nights is served no longer"]),
        (lambda served: served["nights"].update(deals="DOUBLE"), ["nights.deals was BIGINT and is DOUBLE"]),
        (lambda served: served["nights"].update(more="BIGINT"), []),
        (lambda served: served.update(more={"deal_key": "VARCHAR"}), []),
    ],
)
def test_less_or_otherwise_breaks_a_promise_and_more_does_not(change: Any, said: list[str]) -> None:
    promise = promised(contract())
    served = copy.deepcopy(promise)
    change(served)
    assert broken(promise, served) == said
