"""The JSON Schemas that editors read say what the models say."""

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import quality
from quality.standards_schema import FOLDER, schemas, write

STANDARDS = Path(quality.__file__).parent / "standards"
COMPANIES = Path(__file__).parents[2] / "companies"
FILES = sorted(
    path
    for folder in (STANDARDS, *(each / "standards" for each in COMPANIES.iterdir()))
    for path in folder.rglob("*.yml")
)


def schema_of(path: Path) -> str:
    return "funnel.json" if path.parent.name == "funnels" else f"{path.stem}.json"


def said(path: Path) -> Any:
    """What a file says, with dates as the texts that an editor sees."""
    return json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=date.isoformat))


def flaws(name: str, content: Any) -> list[str]:
    validator = Draft202012Validator(json.loads((STANDARDS / FOLDER / name).read_text(encoding="utf-8")))
    return [error.json_path for error in validator.iter_errors(content)]


def test_the_schemas_beside_the_standards_are_those_of_the_models() -> None:
    """Changed on purpose? UPDATE_SNAPSHOTS=1 pytest tests/unit/quality writes them anew; commit them."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        write(STANDARDS)
    kept = {path.name: path.read_text(encoding="utf-8") for path in (STANDARDS / FOLDER).glob("*.json")}
    assert kept == schemas()


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-4:]))
def test_every_standards_file_of_the_project_passes_its_schema(path: Path) -> None:
    assert flaws(schema_of(path), said(path)) == []


@pytest.mark.parametrize("path", sorted(STANDARDS.rglob("*.yml")), ids=lambda path: path.name)
def test_every_shipped_file_names_its_schema_to_the_editor(path: Path) -> None:
    named = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == (STANDARDS / FOLDER / schema_of(path)).resolve()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"cap_days": "many"}, "$.versions[0].stages[0].cap_days"),
        ({"cap_dayz": 3}, "$.versions[0].stages[0]"),
        ({"name": {"en": "Only English"}}, "$.versions[0].stages[0].name"),
        ({"exit": [{"criterion": "No Capitals"}]}, "$.versions[0].stages[0].exit[0].criterion"),
        ({"outcome": "lucky"}, "$.versions[0].stages[0].outcome"),
    ],
)
def test_a_flaw_is_marked_where_it_is_typed(change: dict[str, Any], place: str) -> None:
    funnel = said(STANDARDS / "funnels" / "direct_sales.yml")
    funnel["versions"][0]["stages"][0] |= change
    assert any(flaw.startswith(place) for flaw in flaws("funnel.json", funnel))


@pytest.mark.parametrize(
    "needs",
    [
        {},
        {"all": [{"document": ["a"]}], "any": [{"document": ["a"]}]},
        {"all": [{"at_least": 3}]},
        {"all": [{"document": ["a"], "field": "amount"}]},
        {"all": [{"activity": ["demo"], "status": ["done"]}]},
        {"any": [{"any_of": [{"any_of": [{"document": ["a"]}]}]}]},
    ],
)
def test_a_proof_that_asks_for_nothing_or_for_two_things_at_once_is_marked(needs: dict[str, Any]) -> None:
    funnel = said(STANDARDS / "funnels" / "direct_sales.yml")
    funnel["versions"][0]["stages"][0]["exit"][0]["needs"] = needs
    assert flaws("funnel.json", funnel)


def test_an_editor_offers_the_rules_reasons_and_expectations_that_there_are() -> None:
    text = "".join(schemas().values())
    for name in ("customer_silent", "champion_gone", "extract_volume", "icp_band", "stage_entered"):
        assert f'"{name}"' in text
