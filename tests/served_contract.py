"""What a night serves, as the contract tells it: names and types from the served file, sentences from their sources.

dbt describes the tables that it makes, the steps of forecast and insights their own, `meanings.yml` the rest.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from clones import parse_project

from orchestration.defs.forecast.columns import meaning
from orchestration.defs.forecast.forecast import DESCRIPTIONS
from orchestration.defs.insights.causes import DESCRIPTIONS as CAUSES
from orchestration.defs.insights.columns import MEANINGS as OF_CAUSES
from orchestration.publishing import catalogue
from orchestration.publishing.catalogue import NIGHT_ID
from orchestration.serving import PUBLISHED
from orchestration.warehouse import served_columns

MEANINGS = Path(catalogue.__file__).with_name("meanings.yml")


def served_contract(served: Path) -> dict[str, Any]:
    """Of each served table what one row is, and each column with its type and its sentence, in their order."""
    manifest = json.loads(parse_project().manifest_path.read_text(encoding="utf-8"))
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    own = yaml.safe_load(MEANINGS.read_text(encoding="utf-8"))
    columns = served_columns(served)
    tables: dict[str, Any] = {}
    for name in PUBLISHED:
        model, told = models.get(name, {}), own.get(name, {})
        described = {column: each["description"] for column, each in model.get("columns", {}).items()}
        described |= told.get("columns", {})
        if name in CAUSES:
            described |= OF_CAUSES
        tables[name] = {
            "row": _line(model.get("description") or told.get("row") or (DESCRIPTIONS | CAUSES).get(name, "")),
            "columns": {
                column: [kind, _line(described.get(column) or meaning(name, column) or "")]
                for column, kind in columns[name].items()
                if column != NIGHT_ID
            },
        }
    return tables


def as_text(tables: dict[str, Any]) -> str:
    """The contract as it is kept: a line for each column, so that a change is a line of a review."""
    said = []
    for name, table in sorted(tables.items()):
        columns = ",\n".join(
            f"        {json.dumps(column)}: {json.dumps(told, ensure_ascii=False)}"
            for column, told in table["columns"].items()
        )
        row = json.dumps(table["row"], ensure_ascii=False)
        said.append(
            f'    {json.dumps(name)}: {{\n      "row": {row},\n      "columns": {{\n{columns}\n      }}\n    }}'
        )
    return '{\n  "tables": {\n' + ",\n".join(said) + "\n  }\n}\n"


def _line(text: str) -> str:
    return " ".join(text.split())
