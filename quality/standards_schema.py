"""JSON Schemas of the standards files, by which an editor completes and checks them while they are written.

Belongs here: what each file may hold, as its model says it. Not here: what must agree between fields and files; that is
told by `stageproof doctor` (`standards`). The schemas lie beside the files they are about, in `.schemas/`; a test holds
them to the models.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from quality.standards_models import Alerts, Company, DataQuality, Evidence, Funnel, Icp, Rules, Serving, Waivers

FOLDER = ".schemas"
_MODELS: dict[str, type[BaseModel]] = {
    "alerts": Alerts,
    "serving": Serving,
    "company": Company,
    "data": DataQuality,
    "evidence": Evidence,
    "funnel": Funnel,
    "icp": Icp,
    "rules": Rules,
    "waivers": Waivers,
}


def schemas() -> dict[str, str]:
    """File name in `.schemas/` to its text: one for all funnel files, one for each other file of the standards."""
    return {f"{name}.json": _text(model) for name, model in _MODELS.items()}


def write(folder: Path) -> None:
    """Write the schemas beside the standards of `folder`."""
    (folder / FOLDER).mkdir(exist_ok=True)
    for name, text in schemas().items():
        (folder / FOLDER / name).write_text(text, encoding="utf-8")


def _text(model: type[BaseModel]) -> str:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
    return json.dumps(_without_titles(schema), indent=2, ensure_ascii=False) + "\n"


def _without_titles(node: Any) -> Any:
    """Pydantic names every field twice; an editor would show `At Least` beside `at_least`."""
    if isinstance(node, dict):
        return {
            key: _without_titles(value)
            for key, value in node.items()
            if not (key == "title" and isinstance(value, str))
        }
    return [_without_titles(item) for item in node] if isinstance(node, list) else node
