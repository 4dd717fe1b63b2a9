"""One self-contained HTML page from a template: styles, scripts and data within it, nothing asked of a network.

Belongs here: what every page is made with, whatever it says: templates, assets, vendored scripts, the content security
policy; pure. Not here: what a page says (`review/`), how data is written (`embedding`), words and figures (`wording`).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestration.publishing import vendored, wording
from orchestration.publishing.embedding import script_json
from orchestration.publishing.vendored import Vendored

_HERE = Path(__file__).parent
TEMPLATES, ASSETS = _HERE / "templates", _HERE / "assets"
# In this order: the looks and the functions that all pages share come first.
SHARED_STYLES = ("page.css", "explorer.css")
SHARED_SCRIPTS = ("page.js", "charts.js", "exports.js", "explorer.js")
LIBRARIES = (vendored.TABULATOR, vendored.CHART_JS, vendored.WRITE_EXCEL_FILE)


class AssetError(Exception):
    """A style or a script would end the element that it stands in; the sentence names it."""


def render_page(
    template: str,
    *,
    language: str,
    data: Mapping[str, Any],
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    has_lists: bool = True,
    **content: Any,
) -> str:
    """A whole HTML document. Equal arguments give equal text.

    template: a file of `templates/` that extends `base.html.j2`. language: en or zh, in which the page opens; it holds
    both. data: what the scripts show, as JSON. scripts, styles: files of `assets/` that this page has beside the shared
    ones. has_lists: whether it has lists or charts, which bring their libraries along.
    content: what the template asks for.

    Raises:
        AssetError: a style or script holds the end of its own element.
        VendoredFileError: a vendored file is not the one that was reviewed.
    """
    if has_lists:
        sheets = [_vendored(vendored.TABULATOR_STYLE), *(_asset(name) for name in (*SHARED_STYLES, *styles))]
        sources = [*(_vendored(each) for each in LIBRARIES), *(_asset(name) for name in (*SHARED_SCRIPTS, *scripts))]
    else:
        sheets = [_asset(name) for name in (SHARED_STYLES[0], *styles)]
        sources = [_asset(name) for name in (SHARED_SCRIPTS[0], *scripts)]
    return (
        _environment()
        .get_template(template)
        .render(
            language=language,
            styles=sheets,
            scripts=sources,
            policy=_policy(sheets, sources),
            data=script_json(data),
            **content,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": wording.money,
        "short_money": wording.short_money,
        "signed_percent": wording.signed_percent,
        "times": wording.times,
        "number": wording.number,
        "percent": wording.percent,
        "days": wording.days,
        "long_date": wording.long_date,
    }
    return environment


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """Nothing is loaded from anywhere and nothing runs but these very texts.

    Workers may be made from the page's own memory, because XLSX files are packed in one.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {' '.join(map(_hash, styles))}",
            f"script-src {' '.join(map(_hash, scripts))}",
            "worker-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _asset(name: str) -> Markup:
    return _whole(name, (ASSETS / name).read_text(encoding="utf-8"))


def _vendored(each: Vendored) -> Markup:
    return _whole(each.file, vendored.read(each))


def _whole(name: str, source: str) -> Markup:
    """A source that may stand in its element as it is, because it does not end it."""
    # A comment that opens within a script changes where the script ends.
    ends = ("</style",) if name.endswith(".css") else ("</script", "<!--")
    found = next((end for end in ends if end in source.lower()), None)
    if found:
        raise AssetError(f"{name} holds {found}, which would end its element; write it another way")
    return Markup(source)
