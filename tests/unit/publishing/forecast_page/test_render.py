"""The forecast page as a document: whole, in both languages, the same bytes for the same night."""

import re
from html.parser import HTMLParser

import polars as pl
import pytest
from forecast_nights import BUSINESS_DATE, busy, forecast_deal, period, served, standards

from orchestration.publishing.forecast_page import bars
from orchestration.publishing.forecast_page.compose import compose
from orchestration.publishing.forecast_page.render import forecast_page

LINKS = {"generic": "https://crm.example.com/deals/{deal_id}"}
VOID = {"meta", "link", "br", "input", "rect", "line", "circle"}
HUNDRED = 100.0


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

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

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
    return forecast_page(tables if tables is not None else busy(), standards(language, LINKS), BUSINESS_DATE)


def test_the_page_asks_for_no_other_file_than_its_neighbours_and_the_records_of_deals() -> None:
    html = made()
    elements = read(html).elements
    assert not any({"src", "srcset", "onclick", "style"} & attributes.keys() for _, attributes in elements)
    links = {str(attributes["href"]) for _, attributes in elements if "href" in attributes}
    assert {link.split("#")[0] for link in links if not link.startswith("https://crm.example.com/deals/")} == {
        "review.html",
        "forecast.html",
        "insights.html",
        "../dictionary.html",
    }
    assert not re.search(r"url\((?!#)", html.split("<script")[0])
    policy = next(attributes["content"] for _, attributes in elements if "http-equiv" in attributes)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_opens_in_the_language_of_the_company_and_holds_both(language: str, tag: str) -> None:
    html = made(language=language)
    assert dict(read(html).elements)["html"]["lang"] == tag
    for words in ("We expect 20.6M CNY", "预计 FY2026-Q4 赢单 2060万 CNY", "Criteria violated", "存在违规"):
        assert words in shown(html)


def test_every_id_is_there_once_and_whatever_names_one_names_one_that_is_there() -> None:
    elements = [attributes for _, attributes in read(made()).elements]
    ids = [each["id"] for each in elements if "id" in each]
    assert len(ids) == len(set(ids))
    named = {each[name] for each in elements for name in ("aria-controls", "aria-labelledby") if name in each}
    assert named <= set(ids)


def test_every_table_has_a_caption_and_every_head_a_scope() -> None:
    elements = [each for each in read(made()).elements if each[0] in ("table", "caption", "th")]
    tags = [tag for tag, _ in elements]
    assert tags.count("table") == tags.count("caption") > 0
    assert all("scope" in attributes for tag, attributes in elements if tag == "th")


def test_markup_in_names_is_shown_as_text() -> None:
    tables = busy()
    hostile = "</script><img src=x onerror=alert(1)>"
    tables["deals_current"] = tables["deals_current"].with_columns(
        deal_name=pl.lit(hostile), deal_id=pl.format("{}{}", pl.lit(hostile), "deal_id"), owner_name=pl.lit(hostile)
    )
    reader = read(made(tables))
    assert "img" not in {tag for tag, _ in reader.elements}
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    assert hostile in " ".join(reader.text)


def test_the_order_of_rows_and_the_time_of_rendering_change_nothing() -> None:
    tables = busy()
    assert made(tables) == made({name: frame.reverse() for name, frame in tables.items()})


def test_a_night_without_history_says_in_words_what_is_not_there_yet() -> None:
    words = shown(made(served(previous=None)))
    for sentence in (
        "There is no forecast for this night.",
        "Nothing has been said yet that could be held to what came",
        "No past period is over of which something was said before",
        "No chance that was given on a past date can be held to an end yet.",
        "This is the first night that can be compared",
        "No open deal is expected to bring anything that could be split.",
        "No open deal with a violated criterion",
    ):
        assert sentence in words, sentence


def test_a_period_without_a_target_says_that_none_is_set() -> None:
    words = shown(made(served(forecast_period=[period(opened=100)])))
    assert "none is set" in words
    assert "short of" not in words


def test_a_method_that_knows_of_no_new_business_says_so_and_shows_no_zero() -> None:
    words = shown(made(served(forecast_period=[period("weighted_stage", opened=100, new=None)])))
    assert "this method knows of none" in words


def test_a_deal_is_never_listed_beyond_what_a_browser_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.publishing.forecast_page.deals.DEALS_LISTED", 2)
    tables = served(forecast_period=[period(opened=100)], forecast_deal=[forecast_deal(f"{n}", n) for n in range(1, 6)])
    page = compose(tables, standards(), BUSINESS_DATE)
    assert page.unlisted_deals == 3
    assert page.tables.expected["expected_amount"].to_list() == [5, 4]
    assert "3 more deals stand in the table forecast_deal" in shown(forecast_page(tables, standards(), BUSINESS_DATE))


# Bars


def per_cent(text: str) -> float:
    return float(text.removesuffix("%"))


def test_the_parts_of_a_bar_follow_each_other_and_end_where_the_total_is() -> None:
    running = compose(busy(), standards(), BUSINESS_DATE).views[0].running
    assert running is not None
    made_of = bars.bar(running.expected, bars.scale([running.expected]))
    assert [part.name for part in made_of.parts] == ["won", "open", "new"]
    for one, other in zip(made_of.parts, made_of.parts[1:], strict=False):
        assert per_cent(other.at) == pytest.approx(per_cent(one.at) + per_cent(one.width), abs=0.02)
    end = per_cent(made_of.parts[-1].at) + per_cent(made_of.parts[-1].width)
    assert made_of.total is not None
    assert end == pytest.approx(per_cent(made_of.total), abs=0.02)
    marks = [per_cent(mark) for mark in (made_of.low, made_of.total, made_of.high, made_of.target) if mark]
    assert marks == sorted(marks)
    assert marks[-1] < HUNDRED


def test_a_negative_or_unknown_part_has_no_length() -> None:
    rows = [period(won=-500, opened=300, new=None), period(start=None, status="untimed")]
    running = compose(served(forecast_period=rows), standards(), BUSINESS_DATE).views[0].running
    assert running is not None
    assert [part.name for part in bars.bar(running.expected, bars.scale([running.expected])).parts] == ["open"]


def test_a_bar_of_nothing_has_no_parts() -> None:
    running = compose(served(forecast_period=[period()]), standards(), BUSINESS_DATE).views[0].running
    assert running is not None
    assert bars.bar(running.expected, bars.scale([running.expected])).parts == ()
