"""Pages are whole: vendored files are what their authors released, no network is asked, equal input is equal bytes."""

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from review_nights import (
    AMOUNT_MISSING,
    BUSINESS_DATE,
    DISCOVERY,
    deal,
    expectation,
    forecast,
    incident,
    refusal,
    refused,
    rule_night,
    served,
    stall_reason,
    stalled,
    standards,
    violation,
    waived,
)

from orchestration.publishing import pages, vendored
from orchestration.publishing.review.compose import compose
from orchestration.publishing.review.content import ReviewPage
from orchestration.publishing.review.render import render

VOID = {"meta", "link", "br", "input"}
# Without a network nothing is there but what the page itself holds; its links lead to the night's own reports.
SMALL_ENOUGH_BYTES = 1_000_000


class Reader(HTMLParser):
    """Reads a page as a browser would: its text outside scripts, its elements, and whether they nest."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def text(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(read(html).text))


def made(language: str = "en", **parts: object) -> ReviewPage:
    beside = {name: parts.pop(name) for name in ("refused",) if name in parts}
    return compose(served(**parts), standards(language), BUSINESS_DATE, **beside)  # type: ignore[arg-type]


def busy() -> dict[str, object]:
    return {
        "deals": [deal("1"), deal("2", "contact"), deal("3")],
        "violations": [violation("1", change="new"), violation("2", AMOUNT_MISSING), waived("3")],
        "rules": [rule_night(DISCOVERY, 2), rule_night(AMOUNT_MISSING)],
        "stalls": [stalled("1")],
        "stall_reasons": [stall_reason("1")],
        "expectations": [expectation(), expectation("owner_missing", "failed")],
        "incidents": [incident()],
        "forecasts": [forecast("stage_average", "untimed"), forecast("weighted_stage")],
        "held": ["inbox/generic/2026-11-22/deals.csv: has 10 records where the last had 500"],
        "refused": refused(refusal(1)),
    }


# Vendored scripts


@pytest.mark.parametrize("each", vendored.ALL, ids=lambda each: each.file)
def test_a_vendored_file_is_the_one_that_was_reviewed_and_its_licence_stands_beside_it(each: vendored.Vendored) -> None:
    path = vendored.FOLDER / each.file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == each.sha256
    assert "permission" in (path.parent / "LICENSE").read_text(encoding="utf-8").lower()
    note = (vendored.FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"`{path.parent.name}` | `{each.package}` {each.version} | {each.licence}" in note


def test_every_file_that_is_vendored_is_noted() -> None:
    noted = {vendored.FOLDER / each.file for each in vendored.ALL}
    found = {path for path in vendored.FOLDER.rglob("*") if path.suffix in (".js", ".css", ".mjs", ".wasm")}
    assert found == noted


def test_a_vendored_file_that_was_changed_is_not_put_into_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / vendored.CHART_JS.file
    changed.parent.mkdir()
    changed.write_bytes((vendored.FOLDER / vendored.CHART_JS.file).read_bytes() + b"\n")
    monkeypatch.setattr(vendored, "FOLDER", tmp_path)
    vendored.read.cache_clear()
    with pytest.raises(vendored.VendoredFileError, match=r"chart\.js 4\.6\.1"):
        vendored.read(vendored.CHART_JS)
    vendored.read.cache_clear()


def test_a_script_that_would_end_its_own_element_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for asset in pages.ASSETS.iterdir():
        (tmp_path / asset.name).write_text("", encoding="utf-8")
    (tmp_path / "review.js").write_text("const tag = '</SCRIPT>';", encoding="utf-8")
    monkeypatch.setattr(pages, "ASSETS", tmp_path)
    with pytest.raises(pages.AssetError, match=r"review\.js holds </script"):
        render(made())


# The page as a document


def test_the_page_asks_for_no_other_file_and_says_so_to_the_browser() -> None:
    html = render(made(**busy()))
    elements = read(html).elements
    assert not any({"src", "srcset", "onclick", "style"} & attributes.keys() for _, attributes in elements)
    links = {attributes["href"] for _, attributes in elements if "href" in attributes}
    assert links == {
        *("../data_docs/index.html", "../dictionary.html", "review.html", "forecast.html", "insights.html"),
        *("#quarantine", "#data"),
    }
    assert not re.search(r"url\((?!#)", html.split("<script")[0])
    assert "@import" not in html
    assert "sourceMappingURL" not in html
    policy = next(attributes["content"] for tag, attributes in elements if "http-equiv" in attributes)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy
    scripts = [attributes for tag, attributes in elements if tag == "script"]
    assert len([each for each in scripts if "type" not in each]) == rules["script-src"].count("sha256-")


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_opens_in_the_language_of_the_company_and_holds_both(language: str, tag: str) -> None:
    html = render(made(language, **busy()))
    root = dict(read(html).elements)["html"]
    assert (root["lang"], root["data-language"]) == (tag, language)
    shown = text(html)
    for words in ("Morning review", "晨间检查", "A demo of at least 30 minutes was held.", "已举行至少30分钟的演示。"):
        assert words in shown


def test_every_id_is_there_once_and_whatever_names_one_names_one_that_is_there() -> None:
    elements = [attributes for _, attributes in read(render(made(**busy()))).elements]
    ids = [each["id"] for each in elements if "id" in each]
    assert len(ids) == len(set(ids))
    named = {each[name] for each in elements for name in ("aria-controls", "aria-labelledby") if name in each}
    assert named
    assert named <= set(ids)


def test_every_table_has_a_caption_and_every_head_a_scope() -> None:
    elements = [each for each in read(render(made(**busy()))).elements if each[0] in ("table", "caption", "th")]
    tags = [tag for tag, _ in elements]
    assert tags.count("table") == tags.count("caption") > 0
    assert all("scope" in attributes for tag, attributes in elements if tag == "th")


def test_markup_in_names_is_shown_as_text() -> None:
    html = render(
        made(
            deals=[deal("1", deal_name='<script>alert("1")</script>')],
            violations=[
                violation("1", owner_name="<img src=x onerror=alert(1)>", team='" onmouseover="x', change="new")
            ],
            rules=[rule_night(DISCOVERY, 1, wording_en="<b>Bold</b>", advice_en="{{ page }}")],
            held=["</li><svg onload=alert(1)>"],
        )
    )
    reader = read(html)
    assert not {"img", "b", "svg"} & {tag for tag, _ in reader.elements}
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    shown = " ".join(reader.text)
    for written in ("<img src=x onerror=alert(1)>", '" onmouseover="x', "<b>Bold</b>", "</li><svg onload=alert(1)>"):
        assert written in shown


def test_an_empty_company_on_its_first_night_has_a_page() -> None:
    shown = text(render(made(previous=None)))
    for sentence in ("The first night", "No rule ran tonight.", "There is no forecast for this night."):
        assert sentence in shown


def test_a_night_that_had_to_do_without_an_extract_says_so_with_the_reason() -> None:
    shown = text(render(made(**busy())))
    assert "1 extract is held:" in shown
    assert "has 10 records where the last had 500" in shown
    assert "extract is held" not in text(render(made()))


def test_a_rule_that_was_not_evaluated_is_not_shown_as_passed() -> None:
    line = rule_night(DISCOVERY, evaluated=0, met=0, not_evaluated=40, status="not_evaluated")
    shown = text(render(made(rules=[line])))
    assert "Not evaluated" in shown
    assert "No problem" not in shown


def test_the_order_of_rows_and_the_time_of_rendering_change_nothing() -> None:
    parts = busy()
    records = parts.pop("refused")
    tables = served(**parts)  # type: ignore[arg-type]
    mixed = {name: frame.reverse() for name, frame in tables.items()}
    first, second = (
        render(compose(each, standards(), BUSINESS_DATE, refused=records))  # type: ignore[arg-type]
        for each in (tables, mixed)
    )
    assert first == second


def test_a_page_without_rows_weighs_less_than_a_megabyte() -> None:
    assert len(render(made()).encode()) < SMALL_ENOUGH_BYTES
