"""The data dictionary as its readers use it: search, follow an address, read in both languages, on paper and small."""

import re
from collections.abc import Iterable

import pytest
from opened_pages import Opened, OpenPage, assert_keeps_to_wcag_aa, foreign_texts
from playwright.sync_api import expect

from orchestration.publishing.catalogue import contract, meaning
from orchestration.publishing.dictionary import dictionary_page
from orchestration.serving import PUBLISHED

pytestmark = pytest.mark.browser
# What is called the same in both languages.
NAMES = re.compile(r"DuckDB|Parquet|PostgreSQL|UTC|English|中文")


def made(language: str = "en", names: Iterable[str] = PUBLISHED) -> str:
    return dictionary_page([meaning(PUBLISHED[name]) for name in names], language)


def shown_tables(opened: Opened) -> list[str]:
    return opened.page.locator("section.served:visible h2").all_inner_texts()


def shown_columns(opened: Opened) -> list[str]:
    return opened.page.locator("section.served:visible tbody tr:visible th").all_inner_texts()


def test_every_served_table_and_column_stands_there(open_page: OpenPage) -> None:
    opened = open_page(made())
    assert shown_tables(opened) == sorted(PUBLISHED)
    columns = sum(len(told["columns"]) + 1 for told in contract().values())
    expect(opened.page.locator("#tally")).to_have_text(f"{len(PUBLISHED)} tables, {columns:,} columns")


def test_a_column_says_unit_and_whether_it_adds_up(open_page: OpenPage) -> None:
    opened = open_page(made())
    cells = opened.page.locator("#forecast_period tbody tr").filter(has_text="p10_amount").last
    assert [text.strip() for text in cells.locator("td").all_inner_texts()][:3] == [
        *("DECIMAL(38,2)", "money", "Never add up or average"),
    ]
    facts = opened.page.locator("#forecast_period dl").inner_text()
    assert "Take one value at a time of" in facts
    assert "business_date, method, funnel, scope, period_kind" in facts


def test_words_find_columns_and_the_tables_that_they_stand_in(open_page: OpenPage) -> None:
    opened = open_page(made())
    opened.page.locator("#search").fill("p10_amount open")
    assert shown_columns(opened) == ["open_p10_amount"]
    assert shown_tables(opened) == ["forecast_period"]
    assert opened.page.locator(".contents a:visible").all_inner_texts() == ["forecast_period"]
    expect(opened.page.locator("#tally")).to_have_text("1 table, 1 column")
    opened.page.locator("#search").fill("no such word anywhere")
    expect(opened.page.locator("#nothing")).to_be_visible()
    opened.page.locator("#search").fill("deals_stalled_reasons")
    assert opened.page.locator("#deals_stalled_reasons tbody tr:visible").count() == (
        len(contract()["deals_stalled_reasons"]["columns"]) + 1
    ), "a table that is meant is shown whole"


def test_an_address_holds_the_table_and_the_search(open_page: OpenPage) -> None:
    opened = open_page(made(), "#forecast_period?q=amount")
    assert opened.page.locator("#search").input_value() == "amount"
    assert opened.page.locator("#forecast_period").evaluate(
        "(section) => Math.abs(section.getBoundingClientRect().top) < 40"
    )
    opened.page.locator("#search").fill("target")
    assert opened.page.evaluate("location.hash") == "#forecast_period?q=target"
    opened.page.locator(".contents a", has_text="forecast_coverage").click()
    assert opened.page.locator("#search").input_value() == "target", "following a table keeps the search"


def test_a_sentence_stands_in_the_language_that_is_read_and_names_in_it_as_names(open_page: OpenPage) -> None:
    opened = open_page(made())
    row = opened.page.locator("#criterion_deals .about p")
    expect(row).to_contain_text("One row per criterion and deal")
    assert "criterion_efficacy" in row.locator("code:visible").all_inner_texts()
    opened.page.get_by_role("button", name="中文").click()
    expect(row.locator("[lang=zh-CN]")).to_be_visible()
    expect(row.locator("[lang=en]")).to_be_hidden()
    opened.page.locator("#search").fill("每行")
    assert len(shown_tables(opened)) > 20, "words are found in either language"


def test_both_languages_say_all_but_the_sentences_of_the_contract(open_page: OpenPage) -> None:
    opened = open_page(made())
    assert foreign_texts(opened, "en", NAMES) == []
    opened.page.get_by_role("button", name="中文").click()
    columns = re.compile("|".join(sorted(map(re.escape, PUBLISHED), key=len, reverse=True)))
    assert foreign_texts(opened, "zh", re.compile(f"{NAMES.pattern}|{columns.pattern}")) == []
    assert opened.page.title() == "数据字典"
    expect(opened.page.locator("#tally")).to_contain_text("张表")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_keeps_to_wcag_aa_and_to_its_width(open_page: OpenPage, scheme: str, width: int) -> None:
    # All are written by one template, and a thousand rows take a minute to look at.
    tables = made(names=("forecast_period", "nights", "quality_violations"))
    opened = open_page(tables, color_scheme=scheme, viewport={"width": width, "height": 900})
    assert_keeps_to_wcag_aa(opened, f"{scheme} {width}")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_is_printed_without_its_tools(open_page: OpenPage) -> None:
    opened = open_page(made())
    opened.page.emulate_media(media="print")
    expect(opened.page.locator("#search")).to_be_hidden()
    expect(opened.page.locator(".contents")).to_be_hidden()
    expect(opened.page.locator("#forecast_period table")).to_be_visible()


def test_the_same_contract_gives_the_same_page() -> None:
    assert made() == made()
    assert len(made()) < 900_000, "it brings no library of lists or charts along"
    assert "tabulator" not in made().lower()
