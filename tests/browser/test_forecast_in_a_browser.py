"""The forecast page as its readers use it: choose, sort, search, open, export, print, in two languages.

Every page is opened from disk. The fixture fails a test when anything reaches the console, a dialog opens, or anything
but the file itself is asked for.
"""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from forecast_nights import (
    BUSINESS_DATE,
    NEXT,
    RUNNING,
    SCHEMAS,
    accuracy,
    busy,
    chances,
    deal,
    forecast_deal,
    money,
    period,
    served,
    standards,
)
from opened_pages import (
    Opened,
    OpenPage,
    assert_keeps_to_wcag_aa,
    drawn_colours,
    foreign_texts,
    rows_of,
    visible_texts,
)
from playwright.sync_api import Locator, expect

from orchestration.publishing.forecast_page.render import forecast_page

# openpyxl misses a style that Excel does not.
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:Workbook contains no default style")]

TABS = ("periods", "record", "movement", "proof", "levels", "deals")
LINKS = {"generic": "https://crm.example.com/deals/{deal_id}?from=forecast"}


def made(tables: dict[str, pl.DataFrame] | None = None, language: str = "en", **more: Any) -> str:
    return forecast_page(tables if tables is not None else busy(), standards(language, LINKS, **more), BUSINESS_DATE)


def two_funnels() -> dict[str, pl.DataFrame]:
    """Direct and channel, the channel led by another method, with a deal each."""
    rows = [
        {**row, "funnel": funnel}
        for funnel, opened in (("all", 900), ("direct", 600), ("channel", 300))
        for method in ("timed", "weighted_stage")
        for row in (
            period(method, opened=opened if method == "timed" else opened + 1000, spread=10),
            period(method, NEXT, opened=opened),
        )
    ]
    return served(
        deals_current=[deal("1"), deal("2", funnel="channel")],
        forecast_period=rows,
        forecast_accuracy=[
            accuracy("timed", is_champion=True),
            accuracy("timed", funnel="direct", is_champion=True),
            accuracy("weighted_stage", funnel="channel", is_champion=True),
        ],
        forecast_deal=[
            forecast_deal(key, 100 if method == "timed" else 700, method=method, funnel=funnel)
            for key, funnel in (("1", "direct"), ("2", "channel"))
            for method in ("timed", "weighted_stage")
        ],
    )


def visible(opened: Opened, selector: str) -> Locator:
    return opened.page.locator(selector).filter(visible=True)


def choose(opened: Opened, picker: str, value: str) -> None:
    visible(opened, f'select[data-picker="{picker}"]').select_option(value)


# What the page opens with


def test_the_page_opens_with_what_is_expected_and_what_it_is_made_of(open_page: OpenPage) -> None:
    opened = open_page(made())
    expect(opened.page.locator("#panel-periods")).to_be_visible()
    expect(visible(opened, ".headline")).to_contain_text("We expect 20.6M CNY in FY2026-Q4; eight times in ten")
    card = visible(opened, ".quarter-card").first
    for said in (
        "12,400,000",
        "6,300,000",
        "1,900,000",
        "24,000,000",
        "3,400,000 short",
        "2.1×",
        "2.8×",
        "Commit 15.1M",
        "about 4 wins",
        "from 12 open",
    ):
        expect(card).to_contain_text(said)
    assert card.locator("rect.part").count() == 6, "three parts, and their three keys"
    assert drawn_colours(opened.page.locator("#chart-months")) > 10


def test_every_method_stands_beside_the_one_that_leads(open_page: OpenPage) -> None:
    opened = open_page(made())
    rows = visible(opened, "table.methods tbody tr")
    assert rows.count() == 5
    leading = visible(opened, "table.methods tr.leading")
    expect(leading).to_have_count(1)
    expect(leading).to_contain_text("Timed by stage and age")
    expect(leading).to_contain_text("champion")
    expect(rows.filter(has_text="Stage average")).to_contain_text("At any time, 97 deals")


# Funnels


def test_a_funnel_is_chosen_once_for_the_whole_page(open_page: OpenPage) -> None:
    opened = open_page(made(two_funnels(), funnels=("direct", "channel")), "#deals")
    expect(visible(opened, ".headline")).to_contain_text("We expect 900 CNY")
    assert opened.names("deals") == ["Deal 1", "Deal 2"]
    opened.page.locator(".funnels").get_by_role("button", name="Channel").click()
    expect(visible(opened, ".headline")).to_contain_text("We expect 1.30K CNY")
    # By the champion of that funnel.
    assert opened.names("deals") == ["Deal 2"]
    assert opened.tally("deals") == "1 row, 700 CNY expected"
    address = opened.page.evaluate("location.hash")
    assert "funnel=channel" in address
    again = open_page(made(two_funnels(), funnels=("direct", "channel")), address)
    expect(visible(again, ".headline")).to_contain_text("We expect 1.30K CNY")
    assert again.names("deals") == ["Deal 2"]


def test_all_funnels_together_list_each_funnel(open_page: OpenPage) -> None:
    opened = open_page(made(two_funnels(), funnels=("direct", "channel")), "#levels")
    rows = opened.shown_rows("levels")
    assert [row.split("\n")[0] for row in rows] == ["Direct sales", "Channel"]
    assert "600" in rows[0]


# Record


def test_what_was_said_tells_nights_from_the_backtest_and_what_came(open_page: OpenPage) -> None:
    opened = open_page(made(), "#record")
    page = opened.page
    expect(page.locator("#said-title")).to_contain_text("FY2026-Q4, which is not over")
    assert drawn_colours(page.locator("#chart-said")) > 10
    page.locator("summary").filter(has_text="The same as a table").first.click()
    table = page.locator("#said-table tbody tr")
    assert table.first.inner_text().split("\t")[:2] == ["2026-11-22", "Published night"]
    assert table.last.inner_text().split("\t")[:2] == ["2026-06-30", "Backtest"]
    choose(opened, "period", "2026-07-01")
    expect(page.locator("#said-title")).to_contain_text("21,800,000 CNY came")
    assert "period=2026-07-01" in page.evaluate("location.hash")
    expect(page.locator("#held-title")).to_contain_text("of 4 came within the interval")


def test_nights_that_were_published_again_are_marked_in_chart_table_and_words_in_both_languages(
    open_page: OpenPage,
) -> None:
    opened = open_page(made(), "#record")
    page = opened.page
    expect(page.locator("#said-again")).to_have_text(
        "2 of these nights were published again since with another forecast. What stands here is what they said first."
    )
    names = "Chart.getChart('chart-said').data.datasets.map((each) => each.label)"
    assert "Published again since" in page.evaluate(names)
    page.locator("summary").filter(has_text="The same as a table").first.click()
    marked = page.locator("#said-table tbody tr").filter(has_text="published again since")
    assert [row.split("\t")[0] for row in marked.all_inner_texts()] == ["2026-11-14", "2026-11-06"]
    choose(opened, "period", "2026-07-01")
    expect(page.locator("#said-again")).to_be_hidden()
    chinese = open_page(made(), "#record?lang=zh").page
    expect(chinese.locator("#said-again")).to_have_text("其中 2 晚之后以另一份预测重新发布；此处为其首次发布的预测。")
    assert chinese.locator("#said-table tbody tr").filter(has_text="之后重新发布").count() == 2


def test_accuracy_tells_the_champion_by_more_than_its_colour(open_page: OpenPage) -> None:
    opened = open_page(made(), "#record")
    table = visible(opened, "table.accuracy").first
    expect(table.locator("tr.leading").first).to_contain_text("★ champion")
    head = table.locator("thead th").all_inner_texts()
    row = dict(
        zip(head[1:], table.locator("tr.leading").first.locator("th:not([rowspan]), td").all_inner_texts(), strict=True)
    )
    assert (row["n"], row["Error (WAPE)"], row["Bias"], row["In the interval"]) == ("46", "17 %", "+4 %", "79 %")


def test_calibration_has_a_dot_and_a_row_for_each_tenth(open_page: OpenPage) -> None:
    opened = open_page(made(), "#record")
    expect(opened.page.locator("#calibration-verdict")).to_contain_text("off by 2.1 percentage points")
    assert opened.page.locator("#calibration-table tbody tr").count() == 10
    assert drawn_colours(opened.page.locator("#chart-calibration")) > 10


# Movement


def cents(text: str) -> int:
    return int(re.sub(r"[^0-9-]", "", text.replace("−", "-")) or 0)


@pytest.mark.parametrize("measure", ["forecast", "amount", "expected"])
def test_opening_and_buckets_come_to_the_closing(open_page: OpenPage, measure: str) -> None:
    opened = open_page(made(), f"#movement?measure={measure}&span=week&period=quarter 2026-10-01")
    rows = [row.split("\t") for row in opened.page.locator("#movement-table tbody tr").all_inner_texts()]
    assert rows[0][0].startswith("Opening, 2026-11-15")
    assert rows[-1][0].startswith("Closing, 2026-11-22")
    changes = sum(cents(row[2]) for row in rows[1:-1])
    assert cents(rows[0][-1]) + changes == cents(rows[-1][-1])
    assert changes != 0
    assert drawn_colours(opened.page.locator("#chart-movement")) > 5


def test_a_movement_is_chosen_by_what_moved_since_when_and_in_which_period(open_page: OpenPage) -> None:
    opened = open_page(made(), "#movement")
    expect(opened.page.locator("#movement-title")).to_contain_text("FY2026-Q4: from")
    choose(opened, "measure", "amount")
    choose(opened, "period", "all")
    expect(opened.page.locator("#movement-title")).to_contain_text("All periods together")
    expect(opened.page.locator("#movement-table")).to_contain_text("Slips out of the period")
    choose(opened, "span", "week")
    expect(opened.page.locator("#movement-table")).to_contain_text("Opening, 2026-11-15")


# Proof


def test_unproven_deals_lead_to_their_record_and_to_their_violations(open_page: OpenPage) -> None:
    opened = open_page(made(), "#proof")
    row = visible(opened, "#panel-proof tr").filter(has_text="Deal 21")
    links = row.get_by_role("link")
    assert links.nth(0).get_attribute("href") == "https://crm.example.com/deals/21?from=forecast"
    assert links.nth(1).get_attribute("href") == "review.html#review?view=open&q=21"
    expect(visible(opened, "#panel-proof tbody tr").first).to_contain_text("33 %")


# Levels


def test_levels_sort_by_gap_either_way_and_what_has_no_target_comes_last(open_page: OpenPage) -> None:
    opened = open_page(made(), "#levels")
    first = [row.split("\n")[0] for row in opened.shown_rows("levels")]
    assert first == ["East", "West", "No team"]
    opened.page.get_by_label("Sort by").filter(visible=True).select_option("running_gap")
    assert [row.split("\n")[0] for row in opened.shown_rows("levels")] == ["West", "East", "No team"]
    opened.page.get_by_role("button", name="Turn the order round").filter(visible=True).click()
    assert [row.split("\n")[0] for row in opened.shown_rows("levels")] == ["East", "West", "No team"]
    opened.page.get_by_role("button", name="Owners 2").click()
    assert [row.split("\n")[0] for row in opened.shown_rows("levels")] == ["Li Na 李娜", "Bo Berg"]


# Deals


def test_deals_are_found_filtered_and_sorted(open_page: OpenPage) -> None:
    opened = open_page(made(), "#deals")
    assert opened.tally("deals") == "24 rows, 394,000 CNY expected"
    opened.facet("Criteria violated", "deals").click()
    assert opened.tally("deals") == "5 of 24 rows, 95,000 CNY expected"
    opened.page.get_by_label("Sort by").filter(visible=True).select_option("chance")
    assert opened.names("deals") == ["Deal 21", "Deal 16", "Deal 11", "Deal 6", "Deal 1"]
    opened.page.locator("#deals-explorer input[type=search]").fill("赵氏")
    expect(visible(opened, ".empty")).to_have_text("Nothing matches.")
    opened.page.get_by_role("button", name="Clear all").click()
    opened.page.locator("#deals-explorer input[type=search]").fill("赵氏")
    expect(opened.page.locator("#deals-explorer .chip").filter(has_text="赵氏")).to_be_visible()
    assert opened.names("deals") == ["赵氏集团"]


def test_a_deal_tells_its_months_its_dates_and_what_moves_its_chance(open_page: OpenPage) -> None:
    opened = open_page(made(), "#deals?row=5")
    drawer = visible(opened, ".drawer")
    for said in (
        "Deal 5",
        "20%",
        "2027-01-09 (25 days later)",
        "240 completed visits",
        "The customer was last active 40 days ago (usual: 9)",
        "−5 points",
        "2026-12",
        "Later, or in no period",
    ):
        expect(drawer).to_contain_text(said)
    assert drawer.locator(".by-month tbody tr").count() == 9
    links = [link.get_attribute("href") for link in drawer.get_by_role("link").all()]
    assert links == ["https://crm.example.com/deals/5?from=forecast", "review.html#review?view=open&q=5"]


def test_a_deal_without_a_figure_says_why_and_shows_no_zero(open_page: OpenPage) -> None:
    opened = open_page(made(), "#deals?row=4")
    row = opened.page.locator("#deals-explorer .tabulator-row.current")
    assert row.inner_text().split("\n")[-2:] == ["—", "Negative amount"]
    expect(visible(opened, ".drawer")).to_contain_text("Negative amount")


def test_a_small_chance_is_not_told_as_none(open_page: OpenPage) -> None:
    tables = served(
        deals_current=[deal("1")],
        forecast_period=[period(opened=100)],
        forecast_deal=[forecast_deal("1", win_rate=Decimal("0.001"))],
    )
    opened = open_page(made(tables), "#deals")
    assert "<1%" in opened.shown_rows("deals")[0]


# Files


def test_the_files_hold_what_the_filter_shows_with_chances_by_month(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(made(), "#deals")
    opened.facet("Criteria violated", "deals").click()
    path = opened.download("deals", "Export as CSV", tmp_path)
    assert path.name == "stageproof-2026-11-22-deals-all.csv"
    rows = rows_of(path)
    assert [row["Deal"] for row in rows] == ["Deal 1", "Deal 6", "Deal 11", "Deal 16", "Deal 21"]
    first = rows[0]
    assert (first["Expected amount, CNY"], first["CRM close date"], first["Chance 2026-11"]) == (
        "29000.00",
        "2026-12-15",
        "0.05",
    )
    assert first["Expected 2026-11, CNY"] == "3000.00"
    assert first["Reasons"].startswith("The customer was last active 40 days ago")
    book = openpyxl.load_workbook(opened.download("deals", "Export as XLSX", tmp_path))
    cells = list(book["Rows"].iter_rows())
    told = dict(zip([cell.value for cell in cells[0]], cells[1], strict=True))
    assert told["Expected close"].value == datetime(2026, 12, 4)
    assert told["Expected amount, CNY"].data_type == "n"


def test_levels_are_exported_with_their_parts(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(made(), "#levels")
    rows = rows_of(opened.download("levels", "Export as CSV", tmp_path))
    assert [(row["Name"], row["FY2026-Q4: expected"], row["FY2026-Q4: gap"]) for row in rows] == [
        ("East", "10300000.00", "-300000.00"),
        ("West", "8240000.00", "5760000.00"),
        ("No team", "2060000.00", ""),
    ]


def test_no_name_becomes_a_formula_in_a_file(open_page: OpenPage, tmp_path: Path) -> None:
    tables = busy()
    tables["deals_current"] = tables["deals_current"].with_columns(
        deal_name=pl.lit("=1+1"), owner_name=pl.lit("@SUM(A1)")
    )
    opened = open_page(made(tables), "#deals")
    written = rows_of(opened.download("deals", "Export as CSV", tmp_path))
    assert {(row["Deal"], row["Owner"]) for row in written} == {("'=1+1", "'@SUM(A1)")}


# Nothing to show


@pytest.mark.parametrize(
    ("tab", "sentence"),
    [
        ("periods", "There is no forecast for this night."),
        ("record", "Nothing has been said yet that could be held to what came"),
        ("movement", "This is the first night that can be compared"),
        ("proof", "No open deal is expected to bring anything that could be split."),
        ("levels", "Nothing is expected of anybody"),
        ("deals", "No deal is open."),
    ],
)
def test_a_first_night_says_in_words_what_is_not_there(open_page: OpenPage, tab: str, sentence: str) -> None:
    opened = open_page(made(served(previous=None)), f"#{tab}")
    panel = opened.page.locator(f"#panel-{tab}")
    expect(panel.get_by_text(sentence).filter(visible=True)).to_have_count(1)
    assert panel.locator("canvas").filter(visible=True).count() == 0, "no empty chart"


# Languages


# Names that are the same in every language.
NAMES = re.compile(
    r"\b(CRM|CSV|XLSX|CNY|Enter|Esc|WAPE|MASE|ICP|FY\d{4}-Q\d|p10|p90|Müller & 伙伴|East|West|Enterprise|Mid-market)\b"
)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_visible_text_lacks_its_twin(open_page: OpenPage, language: str) -> None:
    opened = open_page(made(), f"#periods?lang={language}")
    for tab in TABS:
        opened.page.locator(f"#tab-{tab}").press("Enter")
        opened.page.locator(f"#panel-{tab} .fold").evaluate_all(
            "(folds) => folds.forEach((fold) => (fold.open = true))"
        )
        if tab in ("levels", "deals"):
            opened.page.locator(f"#panel-{tab} .tabulator-row").first.click()
            opened.page.locator(f"#panel-{tab} .drawer").wait_for()
        assert len(visible_texts(opened)) > 40
        assert foreign_texts(opened, language, NAMES) == [], tab


def test_the_language_changes_at_once_and_what_was_chosen_stays_chosen(open_page: OpenPage) -> None:
    opened = open_page(made(), "#movement?measure=amount&span=week&period=all")
    opened.page.get_by_role("button", name="中文").click()
    expect(opened.page.locator("#movement-title")).to_contain_text("全部期间")
    expect(opened.page.locator('select[data-picker="span"]')).to_have_value("week")
    expect(visible(opened, ".headline")).to_contain_text("预计 FY2026-Q4 赢单 2060万 CNY")
    assert "期初" in (opened.page.locator("#chart-movement").get_attribute("aria-label") or "")


# Names that would be markup


HOSTILE = "</script><img src=x onerror=alert(1)>\u2028'\"&lt;b&gt;"


def test_names_with_markup_are_texts_wherever_they_stand(open_page: OpenPage) -> None:
    tables = busy()
    tables["deals_current"] = tables["deals_current"].with_columns(
        deal_name=pl.lit(HOSTILE), owner_name=pl.lit(HOSTILE), team=pl.lit(HOSTILE)
    )
    tables["forecast_period"] = tables["forecast_period"].with_columns(
        scope_value=pl.when(pl.col("scope") == "team")
        .then(pl.format("{}{}", pl.lit(HOSTILE), "scope_value"))
        .otherwise("scope_value")
    )
    opened = open_page(made(tables), "#levels")
    elements = "document.querySelectorAll('img, b, iframe, script:not([type])').length"
    expected = opened.page.evaluate(elements)
    for tab in ("levels", "deals"):
        opened.page.locator(f"#tab-{tab}").press("Enter")
        opened.page.locator(f"#panel-{tab} .tabulator-row").first.click()
        opened.page.locator(f"#panel-{tab} .drawer").wait_for()
    opened.page.locator("#tab-proof").press("Enter")
    assert opened.page.evaluate(elements) == expected
    assert HOSTILE in opened.page.locator("#deals-explorer").evaluate("(element) => element.textContent")
    assert HOSTILE in opened.page.locator("#panel-proof").evaluate("(element) => element.textContent")


# The two pages of a night


def test_the_pages_of_a_night_lead_to_each_other(open_page: OpenPage) -> None:
    opened = open_page(made())
    here = opened.page.get_by_role("navigation", name="Pages of this night")
    assert [link.get_attribute("href") for link in here.get_by_role("link").all()] == [
        "review.html",
        "forecast.html",
        "insights.html",
        "../dictionary.html",
    ]
    expect(here.get_by_role("link", name="Forecast")).to_have_attribute("aria-current", "page")


# Keyboard, paper, size, screens


def test_the_page_is_used_by_the_keyboard_alone(open_page: OpenPage) -> None:
    opened = open_page(made(), "#levels")
    page = opened.page
    page.locator("#tab-levels").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-deals")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator(":focus")).to_have_attribute("type", "search")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text("Deal 1")
    page.keyboard.press("Escape")
    expect(visible(opened, ".drawer")).to_have_count(0)
    page.locator("#tab-movement").press("Enter")
    page.locator('select[data-picker="span"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#movement-table")).to_contain_text("Opening, 2026-11-15")


def test_paper_gets_the_open_tab_without_its_controls(open_page: OpenPage) -> None:
    opened = open_page(made(), "#record")
    opened.page.emulate_media(media="print")
    for control in (".tabs", ".languages", ".pages", ".pickers"):
        expect(opened.page.locator(control).first).to_be_hidden()
    expect(visible(opened, "table.accuracy").first).to_be_visible()
    expect(opened.page.locator("#panel-deals")).to_be_hidden()
    assert opened.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_nothing_is_wider_than_a_telephone(open_page: OpenPage) -> None:
    opened = open_page(made(), viewport={"width": 390, "height": 844})
    for tab in TABS:
        opened.page.locator(f"#tab-{tab}").press("Enter")
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390, tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_keeps_to_wcag_aa(open_page: OpenPage, scheme: str, width: int) -> None:
    opened = open_page(made(), color_scheme=scheme, viewport={"width": width, "height": 844})
    for tab in TABS:
        opened.page.locator(f"#tab-{tab}").press("Enter")
        if tab in ("levels", "deals"):
            opened.page.locator(f"#panel-{tab} .tabulator-row").first.click()
            opened.page.locator(f"#panel-{tab} .drawer").wait_for()
        assert_keeps_to_wcag_aa(opened, tab)


def test_charts_are_drawn_in_the_dark_too(open_page: OpenPage) -> None:
    opened = open_page(made(), "#record", color_scheme="dark")
    for chart in ("said", "held", "calibration"):
        assert drawn_colours(opened.page.locator(f"#chart-{chart}")) > 5, chart


def test_ten_thousand_deals_stay_fluid_because_a_few_dozen_stand_in_the_document(open_page: OpenPage) -> None:
    number = 10_000
    rows = pl.DataFrame({"n": pl.int_range(number, eager=True)})
    tables = served(forecast_period=[period(opened=100), period("timed", NEXT, opened=100)])
    template = {
        "deals_current": deal("x"),
        "forecast_deal": forecast_deal("x"),
        "forecast_deal_period": chances("x", {1: "0.1"})[0] | {"period_start": RUNNING},
    }
    for table, row in template.items():
        tables[table] = (
            pl.DataFrame([row], schema_overrides=SCHEMAS[table])
            .join(rows, how="cross")
            .with_columns(deal_key=pl.format("generic:{}", "n"))
            .select(pl.col(name).cast(kind) for name, kind in SCHEMAS[table].items())
        )
    tables["deals_current"] = tables["deals_current"].with_columns(
        deal_id=pl.col("deal_key").str.strip_prefix("generic:"), deal_name=pl.format("Deal {}", "deal_key")
    )
    opened = open_page(made(tables), "#deals")
    expect(opened.page.locator("#deals-explorer .tabulator-row").first).to_be_visible()
    total = money(10_000 * number)
    assert opened.tally("deals") == f"10,000 rows, {int(total or 0):,} CNY expected"
    assert opened.page.locator("#deals-explorer .tabulator-row").count() < 100
