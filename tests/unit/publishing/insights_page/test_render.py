"""The insights page as a document: whole, in both languages, the same bytes for the same night."""

import re
from html.parser import HTMLParser

import polars as pl
import pytest
from insights_nights import BUSINESS_DATE, busy, conversion, served, standards

from orchestration.publishing.insights_page.reading import READ
from orchestration.publishing.insights_page.render import insights_page

LINKS = {"generic": "https://crm.example.com/deals/{deal_id}"}
VOID = {"meta", "link", "br", "input"}


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


def shown(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(read(html).text))


def made(tables: dict[str, pl.DataFrame] | None = None, language: str = "en") -> str:
    return insights_page(tables if tables is not None else busy(), standards(language, LINKS), BUSINESS_DATE)


def test_the_page_asks_for_no_other_file_than_its_neighbours() -> None:
    html = made()
    elements = read(html).elements
    assert not any({"src", "srcset", "onclick", "style"} & attributes.keys() for _, attributes in elements)
    links = {str(attributes["href"]) for _, attributes in elements if "href" in attributes}
    within = {link for link in links if link.startswith("#")}
    assert links - within == {"review.html", "forecast.html", "insights.html", "../dictionary.html"}
    assert within == {"#causes?funnel=direct&stage=Proposal&against=previous_quarter"}
    policy = next(attributes["content"] for _, attributes in elements if "http-equiv" in attributes)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_opens_in_the_language_of_the_company_and_holds_both(language: str, tag: str) -> None:
    html = made(language=language)
    assert dict(read(html).elements)["html"]["lang"] == tag
    for words in (
        "The funnel loses most deals in Initial contact",
        "漏斗在“初步接洽”流失最多",
        "Gates that pay",
        "有效的关口",
    ):
        assert words in shown(html)


def test_every_id_is_there_once_and_whatever_names_one_names_one_that_is_there() -> None:
    elements = [attributes for _, attributes in read(made()).elements]
    ids = [each["id"] for each in elements if "id" in each]
    assert len(ids) == len(set(ids))
    named = {each[name] for each in elements for name in ("aria-controls", "aria-labelledby") if name in each}
    assert named <= set(ids)


def test_every_part_says_from_which_served_tables_its_numbers_are() -> None:
    html = made()
    sources = re.findall(r'<p class="source small soft">.*?</p>', html)
    named = {name for each in sources for name in re.findall(r"<code[^>]*>(\w+)", each)}
    assert named > {name for name in READ if name != "nights"}


def test_the_order_of_rows_and_the_time_of_rendering_change_nothing() -> None:
    tables = busy()
    assert made(tables) == made({name: frame.reverse() for name, frame in tables.items()})


def test_markup_in_names_is_shown_as_text() -> None:
    tables = busy()
    hostile = "</script><img src=x onerror=alert(1)>"
    tables["deals_current"] = tables["deals_current"].with_columns(
        deal_name=pl.lit(hostile), owner_name=pl.lit(hostile), team=pl.lit(hostile)
    )
    reader = read(made(tables))
    assert "img" not in {tag for tag, _ in reader.elements}
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)


def test_a_night_without_history_says_in_words_what_is_not_there_yet() -> None:
    words = shown(made(served()))
    for sentence in (
        "No deal has entered this funnel yet.",
        "No deal has left a stage yet, so there is nothing to compare.",
        "Too few owners or teams with history to compare.",
        "No two quarters can be compared yet.",
        "No gate asks for anything yet.",
        "There is no history yet to split",
        "There is no history yet from which changes of the funnel could be proposed.",
    ):
        assert sentence in words, sentence


def test_quarters_that_were_compared_without_a_named_cause_are_told_from_none_compared() -> None:
    tables = busy()
    tables["conversion_causes"] = tables["conversion_causes"].with_columns(
        is_named=pl.lit(False), is_leading=pl.lit(False)
    )
    words = shown(made(tables))
    assert "No cause of a fall is beyond chance in 3 comparisons of quarters." in words
    assert "No two quarters can be compared yet." not in words


def test_the_command_that_writes_a_proposal_names_the_funnel_and_the_night() -> None:
    assert "stageproof propose-funnel --funnel direct --date 2026-11-22" in shown(made())
    html = insights_page(
        served(funnel_stage_conversion=[conversion(funnel="channel")]),
        standards(funnels=("direct", "channel")),
        BUSINESS_DATE,
    )
    assert "propose-funnel --funnel channel" in shown(html)
