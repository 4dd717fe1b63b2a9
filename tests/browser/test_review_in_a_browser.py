"""The morning review as its readers use it: opened from disk in Chromium, filtered, sorted, exported, printed.

The fixture `open_page` fails a test where anything reaches the console, a dialog opens, or anything but the file
itself is asked for.
"""

import csv
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
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
from review_nights import (
    AMOUNT_MISSING,
    BEFORE,
    BUSINESS_DATE,
    DISCOVERY,
    closed,
    deal,
    expectation,
    forecast,
    incident,
    left_behind,
    many,
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

from orchestration.publishing.review.compose import compose
from orchestration.publishing.review.render import render

# openpyxl misses a style that Excel does not.
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:Workbook contains no default style")]

TABS = ("review", "stalled", "quarantine", "data", "funnel", "rules")
LINKS = {
    "generic": "https://crm.example.com/deals/{deal_id}?from=review",
    "hubspot": "https://hub.example.com/{deal_id}",
}
PERSON = {"owner_key": "generic:bo", "owner_name": "Bo Berg", "team": "West"}


def night(language: str = "en", links: dict[str, str] | None = None, **parts: Any) -> str:
    beside = {name: parts.pop(name) for name in ("loads", "refused", "earlier_violations") if name in parts}
    return render(compose(served(**parts), standards(language, links), BUSINESS_DATE, **beside))


def busy(language: str = "en") -> str:
    """A night with something on every tab."""
    return night(
        language,
        LINKS,
        deals=[
            deal("1", "contact"),
            deal("2"),
            deal("3"),
            deal("4", deal_name="赵氏集团"),
            deal("5", deal_name="安达物流"),
        ],
        violations=[
            violation("1", change="new", stage="contact", amount_at_risk=Decimal("200.10")),
            violation("2", AMOUNT_MISSING, change="reopened", amount_at_risk=None, **PERSON),
            violation("3", amount_at_risk=Decimal("1000.20")),
            violation("3", AMOUNT_MISSING, amount_at_risk=Decimal("1000.20"), last_seen=BEFORE),
            violation("4", AMOUNT_MISSING, amount_at_risk=Decimal("70000.00"), **PERSON),
            waived("5"),
            closed("5", AMOUNT_MISSING, is_late=True),
        ],
        rules=[rule_night(DISCOVERY, 2), rule_night(AMOUNT_MISSING)],
        stalls=[
            stalled("3"),
            stalled("4", None, is_silent=None, silent_days=None, reasons_not_evaluated="champion_gone"),
        ],
        stall_reasons=[stall_reason("3"), stall_reason("3", 2, reason="champion_gone", size=1)],
        refused=refused(
            refusal(1),
            refusal(2, "missing_value", column="stage", value=None),
            refusal(9, line=None, is_new=False, file="generic/2026-11-20/deals.parquet"),
        ),
        expectations=[expectation(), expectation("owner_missing", "failed")],
        incidents=[incident()],
        held=["inbox/generic/2026-11-22/users.csv: has 10 records where the last full extract of users had 500"],
        forecasts=[forecast("stage_average", "untimed"), forecast("weighted_stage")],
        earlier_violations=left_behind(BEFORE, violation("3", amount_at_risk=Decimal("900.00"))),
    )


def panel_of(opened: Opened, tab: str) -> Locator:
    """Opens a tab, and the details of its first row where it has rows."""
    opened.page.locator(f"#tab-{tab}").press("Enter")
    panel = opened.page.locator(f"#panel-{tab}")
    if panel.locator(".explorer:not(.is-empty)").count():
        panel.locator(".tabulator-row").first.click()
        panel.locator(".drawer").wait_for()
    return panel


# What the page opens with


def test_the_page_opens_from_disk_with_what_is_new(open_page: OpenPage) -> None:
    opened = open_page(busy())
    expect(opened.page.locator("#panel-review")).to_be_visible()
    expect(opened.page.get_by_role("button", name="New since last night 2")).to_have_attribute("aria-pressed", "true")
    assert opened.names() == ["Deal 1", "Deal 2"]
    assert opened.tally() == "2 rows, 200 CNY"
    assert opened.page.locator("canvas").count() == 3


def test_a_night_without_anything_new_opens_with_what_is_open(open_page: OpenPage) -> None:
    opened = open_page(night(deals=[deal("1")], violations=[violation("1")]))
    expect(opened.page.get_by_role("button", name="All open 1")).to_have_attribute("aria-pressed", "true")
    assert opened.names() == ["Deal 1"]


NOTHING = {
    "review": "No violation is open, waived or was closed tonight.",
    "stalled": "No deal is stalled.",
    "quarantine": "The quarantine is empty",
    "data": "No expectation of the data was asked tonight.",
    "funnel": "There is no forecast for this night.",
    "rules": "No rule ran tonight.",
}


@pytest.mark.parametrize("parts", [{}, {"previous": None}], ids=["quiet", "first"])
def test_a_night_with_nothing_to_report_says_so_on_every_tab(open_page: OpenPage, parts: dict[str, Any]) -> None:
    opened = open_page(night(**parts))
    for tab in TABS:
        panel = panel_of(opened, tab)
        expect(panel.get_by_text(NOTHING[tab]).filter(visible=True)).to_have_count(1)
        assert panel.get_by_role("button").filter(visible=True).count() == 0, "there is nothing to press"


# Filter, search, sort


def amounts(*keys: str) -> Decimal:
    known = {
        "1": Decimal("200.10"),
        "2": None,
        "3": Decimal("1000.20"),
        "4": Decimal("70000.00"),
        "5": Decimal("1000.00"),
    }
    return sum((known[key] or Decimal(0) for key in keys), Decimal(0))


def test_a_value_of_a_facet_filters_and_tells_what_its_deals_are_worth_each_once(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    assert opened.tally() == "5 rows on 4 deals, 71,200 CNY"
    assert opened.facet("Blocking").inner_text().split() == ["Blocking", "2", "1,200"]
    assert opened.facet("Li Na").inner_text().split() == ["Li", "Na", "李娜", "3", "1,200"]
    opened.facet("Li Na").click()
    assert set(opened.names()) == {"Deal 1", "Deal 3"}
    assert opened.tally() == "3 of 5 rows on 2 deals, 1,200 CNY"
    opened.facet("Blocking").click()
    assert opened.names() == ["Deal 3", "Deal 1"]
    # What is filtered by a facet still tells the facet's other values, and no more.
    assert opened.facet("Warning").inner_text().split() == ["Warning", "1", "1,000"]
    opened.page.get_by_role("button", name="Clear all").click()
    assert opened.tally() == "5 rows on 4 deals, 71,200 CNY"


def test_an_amount_that_nobody_knows_is_a_dash_and_not_zero(open_page: OpenPage) -> None:
    opened = open_page(night(violations=[violation("1", amount_at_risk=None), violation("2", AMOUNT_MISSING)]))
    assert opened.facet("Blocking").inner_text().split() == ["Blocking", "1", "—"]


def test_search_looks_for_every_word_in_any_language_and_says_when_nothing_matches(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    search = opened.page.locator("#violations-explorer input[type=search]")
    for query, found in (
        ("deal 2 berg", {"Deal 2"}),
        ("bo berg", {"Deal 2", "赵氏集团"}),
        ("赵氏", {"赵氏集团"}),
        ("方案报价", {"Deal 2", "Deal 3", "赵氏集团"}),
        ("DEMO 30", {"Deal 1", "Deal 3"}),
    ):
        search.fill(query)
        expect(opened.page.locator("#violations-explorer .chip").filter(has_text=query)).to_be_visible()
        assert set(opened.names()) == found, query
    search.fill("no such deal")
    expect(opened.page.get_by_text("Nothing matches.").filter(visible=True)).to_have_count(1)
    assert opened.page.get_by_role("button", name="Export as CSV").filter(visible=True).is_disabled()
    search.press("Escape")
    assert opened.tally() == "5 rows on 4 deals, 71,200 CNY"


def test_rows_sort_by_amount_either_way_and_what_is_not_known_comes_last(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    opened.page.get_by_label("Sort by").filter(visible=True).select_option("amount")
    assert opened.names() == ["赵氏集团", "Deal 3", "Deal 3", "Deal 1", "Deal 2"]
    opened.page.get_by_role("button", name="Turn the order round").filter(visible=True).click()
    assert opened.names() == ["Deal 1", "Deal 3", "Deal 3", "赵氏集团", "Deal 2"]
    head = opened.page.get_by_role("columnheader", name="At risk, CNY")
    expect(head).to_have_attribute("aria-sort", "ascending")
    opened.page.get_by_label("Sort by").filter(visible=True).select_option("")
    assert opened.names()[0] == "Deal 3"


def test_a_heading_sorts_by_a_click_and_by_the_keyboard(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    head = opened.page.get_by_role("columnheader", name="At risk, CNY")
    head.click()
    assert opened.names()[0] == "Deal 1"
    head.press("Enter")
    assert opened.names()[0] == "赵氏集团"
    expect(opened.page.get_by_label("Sort by").filter(visible=True)).to_have_value("amount")


def test_chinese_names_sort_as_chinese_readers_look_them_up(open_page: OpenPage) -> None:
    html = night(
        "zh",
        deals=[deal(key, deal_name=name) for key, name in (("1", "赵氏集团"), ("2", "安达物流"), ("3", "明珠科技"))],
        violations=[violation(key) for key in ("1", "2", "3")],
    )
    opened = open_page(html)
    opened.page.get_by_label("排序").filter(visible=True).select_option("deal")
    assert opened.names() == ["安达物流", "明珠科技", "赵氏集团"]


def test_waived_and_closed_violations_have_their_own_lists_with_their_reasons(open_page: OpenPage) -> None:
    opened = open_page(busy())
    opened.page.get_by_role("button", name="Waived 1").click()
    assert opened.names() == ["安达物流"]
    opened.page.locator(".tabulator-row").first.click()
    drawer = opened.page.locator(".drawer").filter(visible=True)
    for said in ("Mei Lin", "Customer on leave", "2026-12-15"):
        expect(drawer).to_contain_text(said)
    opened.page.get_by_role("button", name="Closed tonight 1").click()
    expect(drawer).to_be_hidden()
    assert "Evidence arrived late" in opened.shown_rows()[0]


# One row


def test_details_say_what_was_expected_what_was_found_and_what_to_do(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    opened.page.locator(".tabulator-row").first.click()
    drawer = opened.page.locator(".drawer").filter(visible=True)
    for said in (
        "Deal 3",
        "A demo of at least 30 minutes was held.",
        "Leaving Initial contact",
        "Nothing recorded",
        "Hold it, and log it.",
        "1,000 CNY",
        "2026-11-03",
        "19 nights",
        "stageproof waive",
    ):
        expect(drawer).to_contain_text(said)
    expect(drawer.get_by_role("link")).to_have_attribute("href", "https://crm.example.com/deals/3?from=review")
    expect(drawer.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer")


def test_an_id_that_is_written_like_an_address_stays_an_id(open_page: OpenPage) -> None:
    hostile = 'a/../b?x=1#"><script>&javascript:alert(1)'
    html = night(links=LINKS, deals=[deal("1", deal_id=hostile)], violations=[violation("1")])
    opened = open_page(html)
    href = opened.page.locator(".record").get_attribute("href")
    assert href == (
        "https://crm.example.com/deals/a%2F..%2Fb%3Fx%3D1%23%22%3E%3Cscript%3E%26javascript%3Aalert(1)?from=review"
    )


def test_a_crm_without_an_address_has_no_link(open_page: OpenPage) -> None:
    opened = open_page(night(deals=[deal("1")], violations=[violation("1")]))
    opened.page.locator(".tabulator-row").first.click()
    assert opened.page.locator(".drawer a").count() == 0


def test_the_page_is_used_by_the_keyboard_alone(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    page = opened.page
    focused = page.locator(":focus")
    page.keyboard.press("/")
    expect(focused).to_have_attribute("type", "search")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tabulator-row.current")).to_contain_text("Deal 3")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tabulator-row.current")).to_contain_text("Deal 1")
    assert focused.get_attribute("aria-activedescendant") == page.locator(".tabulator-row.current").get_attribute("id")
    page.keyboard.press("Enter")
    expect(focused).to_have_text("Deal 1")
    page.keyboard.press("Escape")
    expect(page.locator(".drawer").filter(visible=True)).to_have_count(0)
    expect(focused).to_have_attribute("role", "grid")
    page.locator("#tab-review").focus()
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("id", "tab-stalled")
    expect(page.locator("#panel-stalled")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator("#panel-rules")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator("#panel-review")).to_be_visible()
    page.locator("#violations-explorer .facet-value").first.press("Enter")
    assert focused.get_attribute("aria-pressed") == "true", "the focus stays on the value that was chosen"


def test_from_row_to_row_details_follow_and_the_buttons_move_on(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    opened.page.locator(".tabulator-row").first.click()
    heading = opened.page.locator(".drawer").filter(visible=True).locator("h3")
    opened.page.get_by_role("button", name="Next row").click()
    expect(heading).to_have_text("Deal 1")
    expect(heading).to_be_focused()
    expect(opened.page.locator(".drawer").filter(visible=True)).to_contain_text("Row 2 of 5")


# The address


def test_an_address_brings_back_tab_filter_order_row_and_language(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#review?view=open")
    opened.facet("Li Na").click()
    opened.page.get_by_label("Sort by").filter(visible=True).select_option("amount")
    opened.page.locator(".tabulator-row").nth(1).click()
    # The details lie over it; the keyboard reaches it all the same.
    opened.page.get_by_role("button", name="中文").press("Enter")
    address = opened.page.evaluate("location.hash")
    again = open_page(busy(), address)
    expect(again.page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(again.page.locator(".drawer").filter(visible=True).locator("h3")).to_have_text("Deal 3")
    assert again.names() == ["Deal 3", "Deal 3", "Deal 1"]
    assert again.page.evaluate("location.hash") == address


@pytest.mark.parametrize(
    "address", ["#nowhere", "#review?view=x&owner=%E0%A4%A&sort=../&row=1", "#%", "#review?lang=fr"]
)
def test_an_address_that_means_nothing_opens_the_review(open_page: OpenPage, address: str) -> None:
    opened = open_page(busy(), address)
    expect(opened.page.locator("#panel-review")).to_be_visible()
    assert len(opened.shown_rows()) > 0


def test_an_owner_in_the_head_and_a_rule_in_its_table_lead_to_their_violations(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#rules")
    opened.page.get_by_role("button", name="A demo of at least 30 minutes was held.").click()
    expect(opened.page.locator("#panel-review")).to_be_visible()
    assert set(opened.names()) == {"Deal 1", "Deal 3"}
    opened.page.locator(".holders button").first.click()
    assert opened.tally().startswith("1 of 2 rows")


# Languages


# Names that are the same in every language.
NAMES = re.compile(r"\b(CRM|CSV|XLSX|CNY|JSON|Data Docs|Enter|Esc|stageproof|defs\.yaml|Müller & 伙伴)\b|`[a-z_]+`")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_visible_text_lacks_its_twin(open_page: OpenPage, language: str) -> None:
    opened = open_page(busy(), f"#review?lang={language}")
    for tab in TABS:
        panel_of(opened, tab)
        assert len(visible_texts(opened)) > 40
        assert foreign_texts(opened, language, NAMES) == [], tab


def test_the_language_changes_at_once_and_charts_and_titles_with_it(open_page: OpenPage) -> None:
    opened = open_page(busy())
    page = opened.page
    assert "Morning review" in page.title()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert "晨间检查" in page.title()
    expect(page.locator("canvas").first).to_have_attribute("aria-label", "每晚新增与关闭的违规")
    assert "已举行至少30分钟的演示。" in opened.shown_rows()[0]
    assert opened.tally() == "2 行，200 CNY"
    page.get_by_role("button", name="English").click()
    assert "A demo of at least 30 minutes was held." in opened.shown_rows()[0]


def test_a_reader_who_chose_a_language_finds_it_again_and_others_find_the_companys(open_page: OpenPage) -> None:
    opened = open_page(busy("zh"))
    expect(opened.page.locator("html")).to_have_attribute("lang", "zh-CN")
    opened.page.get_by_role("button", name="English").click()
    opened.page.goto(opened.file.as_uri())
    expect(opened.page.locator("html")).to_have_attribute("lang", "en")


# Files


def test_the_csv_holds_what_the_filter_shows_in_its_order_with_cents(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(busy(), "#review?view=open&sort=amount&order=desc")
    opened.facet("Li Na").click()
    path = opened.download("violations", "Export as CSV", tmp_path)
    assert path.name == "stageproof-2026-11-22-violations-open.csv"
    rows = rows_of(path)
    assert [(row["Deal"], row["Amount, CNY"]) for row in rows] == [
        ("Deal 3", "1000.20"),
        ("Deal 3", "1000.20"),
        ("Deal 1", "200.10"),
    ]
    assert rows[0]["Link"] == "https://crm.example.com/deals/3?from=review"
    assert rows[0]["First seen"] == "2026-11-03"
    assert rows[0]["Owner"] == "Li Na 李娜"
    assert pl.read_csv(path, try_parse_dates=True)["Amount, CNY"].sum() == pytest.approx(2200.5)


# Excel would say the day before in New York and the day after in Shanghai, were dates written as instants.
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai"])
def test_the_xlsx_holds_numbers_and_dates_as_such_and_says_what_was_filtered(
    open_page: OpenPage, tmp_path: Path, zone: str
) -> None:
    opened = open_page(busy(), "#review?view=open", timezone_id=zone)
    opened.facet("Li Na").click()
    path = opened.download("violations", "Export as XLSX", tmp_path)
    book = openpyxl.load_workbook(path)
    rows = list(book["Rows"].iter_rows())
    head = [cell.value for cell in rows[0]]
    first = dict(zip(head, rows[1], strict=True))
    assert (first["Deal"].value, first["Deal"].data_type) == ("Deal 3", "s")
    assert (first["Amount, CNY"].value, first["Amount, CNY"].data_type) == (1000.2, "n")
    assert first["First seen"].value == datetime(2026, 11, 3)
    assert first["First seen"].number_format == "yyyy-mm-dd"
    assert first["Closed on"].value is None
    assert len(rows) == 4
    about = {row[0].value: row[1].value for row in book["About"].iter_rows(min_row=2)}
    assert about == {
        "Company": "Müller & 伙伴",
        "Business date": "2026-11-22",
        "Currency": "CNY",
        "Rows": "3",
        "Shown": "All open",
        "Owner": "Li Na 李娜",
    }


DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "\u00a0=1",
    '"=1',
    "'=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "\u200b=1",
    "harmless;=1+1",
    "harmless\n=1",
    "|cmd",
]
HARMLESS = ["Deal = good", "a-b", "1+1", "mail@example.com", "张伟", "(=)", "'t Hart", "«ＡＢＣ»"]


def is_formula(text: str) -> bool:
    """Whether a spreadsheet, in any locale, may take a cell of this text, or a part that it splits it into, for one."""
    pieces = re.split(r"[;\t\r\n]", text)
    return any(re.match(r"[=+\-@＝＋－＠|]", re.sub(r"^[\s\u200b\u00a0\"«»]+", "", piece)) for piece in pieces)


def test_no_text_becomes_a_formula_in_a_csv_and_every_text_stays_a_text_in_an_xlsx(
    open_page: OpenPage, tmp_path: Path
) -> None:
    texts = [*DANGEROUS, *HARMLESS]
    keys = [f"k{number:02}" for number in range(len(texts))]
    html = night(
        deals=[deal(key, deal_name=text) for key, text in zip(keys, texts, strict=True)],
        violations=[
            violation(key, owner_name=text, amount_at_risk=Decimal(-5)) for key, text in zip(keys, texts, strict=True)
        ],
    )
    opened = open_page(html)
    content = opened.download("violations", "Export as CSV", tmp_path).read_bytes().decode("utf-8-sig")
    rows = {row["Deal id"]: row for row in csv.DictReader(content.splitlines(keepends=True))}
    written = [rows[key]["Owner"] for key in keys]
    assert [text for text in written if is_formula(text)] == []
    assert written[len(DANGEROUS) :] == HARMLESS, "what is harmless is left as it is"
    assert {row["Amount, CNY"] for row in rows.values()} == {"-5.00"}, "a number of ours stays a number"
    book = openpyxl.load_workbook(opened.download("violations", "Export as XLSX", tmp_path))
    cells = list(book["Rows"].iter_rows(min_row=2))
    assert {cell.data_type for row in cells for cell in row} <= {"s", "n", "d"}
    head = [cell.value for cell in book["Rows"][1]]
    owners = {row[head.index("Deal id")].value: row[head.index("Owner")].value for row in cells}
    # XML reads a carriage return as a line end.
    assert [owners[key] for key in keys] == [text.replace("\r", "\n") for text in texts]


@pytest.mark.parametrize(("tab", "explorer"), [("stalled", "stalled"), ("quarantine", "refused")])
def test_stalled_deals_and_refused_records_are_exported_too(
    open_page: OpenPage, tmp_path: Path, tab: str, explorer: str
) -> None:
    opened = open_page(busy(), f"#{tab}?view=all")
    rows = rows_of(opened.download(explorer, "Export as CSV", tmp_path))
    book = openpyxl.load_workbook(opened.download(explorer, "Export as XLSX", tmp_path))
    assert book["Rows"].max_row == len(rows) + 1
    if tab == "stalled":
        assert [(row["Deal"], row["Recommendation"], row["Days stalled"]) for row in rows] == [
            ("Deal 3", "Reactivate", "15"),
            ("赵氏集团", "Diagnose", "15"),
        ]
        assert rows[0]["All reasons"] == "The customer has fallen silent. The customer has fallen silent."
        assert rows[1]["Silent days"] == "", "not known is not zero"
    else:
        assert [(row["Record"], row["Line"], row["Column"], row["What stands there"]) for row in rows] == [
            ("1", "2", "amount", "12,3,4"),
            ("2", "3", "stage", ""),
            ("9", "", "amount", "12,3,4"),
        ]


# Stalled deals, quarantine, data


def test_a_stalled_deal_tells_its_reasons_and_what_its_crm_cannot_tell(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#stalled")
    opened.page.locator("#stalled-explorer .tabulator-row").first.click()
    drawer = opened.page.locator(".drawer").filter(visible=True)
    for said in ("Bring a new insight.", "30 days", "1 gone", "E-1; E-2", "Attempts since", "2026-11-07"):
        expect(drawer).to_contain_text(said)
    opened.page.get_by_role("button", name="Next row").click()
    for said in ("No reason shows in the records", "The champion has left the deal.", "not known"):
        expect(drawer).to_contain_text(said)


def test_a_refused_record_tells_where_it_stands_and_how_to_release_it(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#quarantine")
    assert opened.tally("refused") == "2 rows"
    expect(opened.page.locator("#panel-quarantine")).to_contain_text("has 10 records where the last full extract")
    opened.page.locator("#refused-explorer .tabulator-row").first.click()
    drawer = opened.page.locator(".drawer").filter(visible=True)
    for said in (
        "Not readable as an amount",
        "Say with `formats` in defs.yaml",
        '1,Deal,"12,3,4",CNY',
        "2026-11-22 23:30",
    ):
        expect(drawer).to_contain_text(said)


# Names that would be markup


HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "{{7*7}} ${alert(4)}",
    "a\u2028b\u2029c",
    "👩‍👩‍👧 déjà vu",
    "\u202eexe.txt مرحبا",
    "&lt;b&gt; &amp;",
    "<!-- --> ]]>",
    "javascript:alert(5)",
]


def test_names_with_markup_are_texts_wherever_they_stand(open_page: OpenPage) -> None:
    html = night(
        links=LINKS,
        deals=[deal(f"k{number}", deal_name=name, deal_id=name) for number, name in enumerate(HOSTILE)],
        violations=[
            violation(
                f"k{number}",
                "rule.of_our_own",
                outcome="failed",
                observed=name,
                owner_name=name,
                team=name,
                change="new",
            )
            for number, name in enumerate(HOSTILE)
        ],
        stalls=[stalled(f"k{number}", owner_name=name) for number, name in enumerate(HOSTILE)],
        stall_reasons=[stall_reason(f"k{number}", records=name) for number, name in enumerate(HOSTILE)],
        refused=refused(
            *(refusal(number, value=name, raw_text=name, file=name) for number, name in enumerate(HOSTILE))
        ),
        held=HOSTILE,
    )
    opened = open_page(html)
    page = opened.page
    elements = "document.querySelectorAll('img, b, svg, iframe, script:not([type]), script[type]').length"
    expected = page.evaluate(elements)
    for tab in ("review", "stalled", "quarantine"):
        for row in panel_of(opened, tab).locator(".tabulator-row").all():
            row.click()
            page.locator(".drawer").filter(visible=True).wait_for()
    page.locator("#tab-review").press("Enter")
    shown = page.locator("#violations-explorer").evaluate("(element) => element.textContent")
    for name in HOSTILE:
        assert name in shown
    assert page.evaluate(elements) == expected
    page.get_by_role("button", name="中文").press("Enter")
    assert page.evaluate(elements) == expected
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(elements) == expected


# Paper


def test_paper_gets_every_row_of_the_filter_with_its_reasons_and_no_controls(open_page: OpenPage) -> None:
    tables = many(600)
    opened = open_page(render(compose(tables, standards(), BUSINESS_DATE)), "#review?view=open")
    opened.facet("Team 1").click()
    page = opened.page
    page.evaluate(
        """() => addEventListener("beforeprint", () => {
          const rows = document.querySelectorAll("#violations-explorer .paper tbody tr");
          window.printed = [...rows].map((row) => row.textContent);
        })"""
    )
    page.emulate_media(media="print")
    for control in (".toolbar", ".tabs", ".languages", ".facet-fold", "#violations-explorer .grid"):
        expect(page.locator(control).first).to_be_hidden()
    pdf = page.pdf(prefer_css_page_size=True)
    printed = page.evaluate("window.printed")
    assert len(printed) == tables["quality_violations"].filter(pl.col("team") == "Team 1").height
    assert all(("Team 1" in row and "A demo of at least" in row) or "carries no amount" in row for row in printed)
    assert any("Hold it, and log it." in row for row in printed)
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") > 3
    page.emulate_media(media="screen")
    assert page.locator(".paper tr").count() == 0, "what was made for paper is gone from the screen"


def test_a_tab_that_is_not_shown_is_not_printed(open_page: OpenPage) -> None:
    opened = open_page(busy(), "#rules")
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(opened.page.locator("#panel-rules table")).to_be_visible()
    assert opened.page.locator(".paper tr").count() == 0


# Size


def test_ten_thousand_violations_stay_fluid_because_a_few_dozen_stand_in_the_document(open_page: OpenPage) -> None:
    tables = many(10_000)
    opened = open_page(render(compose(tables, standards(), BUSINESS_DATE)), "#review?view=open")
    page = opened.page
    row = page.locator("#violations-explorer .tabulator-row")
    expect(row.first).to_be_visible()
    assert opened.tally().startswith("10,000 rows on 3,334 deals, ")
    elements = "document.querySelectorAll('*').length"
    assert row.count() < 100
    assert page.evaluate(elements) < 3000
    violations = tables["quality_violations"]
    for team in range(6):
        of_team = violations.filter(pl.col("team") == f"Team {team}")
        worth = of_team.unique("deal_key")["amount_at_risk"].cast(pl.Decimal(38, 2)).sum()
        assert opened.facet(f"Team {team}").inner_text().split()[-2:] == [
            f"{of_team.height:,}",
            f"{worth.quantize(Decimal(1), 'ROUND_HALF_UP'):,}",
        ]
    opened.facet("Team 3").click()
    assert opened.tally().startswith(f"{violations.filter(pl.col('team') == 'Team 3').height:,} of 10,000 rows")
    page.get_by_label("Sort by").filter(visible=True).select_option("amount")
    shown = [
        Decimal(re.sub("[^0-9]", "", each))
        for each in page.locator("[tabulator-field=amount] span").all_inner_texts()[1:]
    ]
    assert shown == sorted(shown, reverse=True)
    search = page.locator("#violations-explorer input[type=search]")
    search.fill("number 33")
    expect(page.locator("#violations-explorer .chip").filter(has_text="number 33")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    page.locator("#violations-explorer [role=grid]").focus()
    page.keyboard.press("End")
    last = page.locator(".tabulator-row.current")
    expect(last).to_be_in_viewport()
    expect(last).to_contain_text("—")
    assert row.count() < 100
    assert page.evaluate(elements) < 3000


# Sizes of screens, and readers who see less


def test_a_long_name_leaves_the_amount_in_its_card_on_a_telephone(open_page: OpenPage) -> None:
    deals = [deal("1", deal_name="Steinbach Neu Manufacturing and Sons " * 3)]
    text = night(deals=deals, violations=[violation("1", change="new", amount_at_risk=Decimal("134676.00"))])
    opened = open_page(text, viewport={"width": 390, "height": 844})
    card = opened.page.locator("#violations-explorer .row-card").first
    box, amount = card.bounding_box(), card.locator(".n").bounding_box()
    assert box is not None
    assert amount is not None
    assert amount["x"] + amount["width"] <= box["x"] + box["width"] <= 390


def test_nothing_is_wider_than_a_telephone(open_page: OpenPage) -> None:
    opened = open_page(busy(), viewport={"width": 390, "height": 844})
    for tab in TABS:
        panel = panel_of(opened, tab)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390, tab
        if panel.locator(".tabulator-row").count():
            box = opened.page.locator(".drawer").filter(visible=True).bounding_box()
            assert box is not None
            assert (box["x"], box["width"]) == (0, 390)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_keeps_to_wcag_aa(open_page: OpenPage, scheme: str, width: int) -> None:
    opened = open_page(busy(), color_scheme=scheme, viewport={"width": width, "height": 844})
    for tab in TABS:
        panel_of(opened, tab)
        assert_keeps_to_wcag_aa(opened, tab)


def test_the_charts_are_drawn_in_both_schemes(open_page: OpenPage) -> None:
    opened = open_page(busy())
    charts = opened.page.locator("canvas")
    light = [drawn_colours(charts.nth(number)) for number in range(3)]
    opened.page.emulate_media(color_scheme="dark")
    dark = [drawn_colours(charts.nth(number)) for number in range(3)]
    assert min(light + dark) > 3


def test_every_kind_of_series_that_a_page_may_need_is_drawn(open_page: OpenPage) -> None:
    opened = open_page(busy())
    months = ["2026-09", "2026-10", "2026-11"]
    kinds: dict[str, dict[str, Any]] = {
        "lines with intervals": {
            "categories": months,
            "series": [
                {"kind": "band", "name": ["80 %", "80%"], "low": [1, 2, 3], "high": [3, 5, 8], "colour": "--link"},
                {"kind": "line", "name": ["p50", "p50"], "values": [2, None, 5], "colour": "--link", "isDashed": True},
            ],
        },
        "bars": {
            "categories": months,
            "series": [{"kind": "bar", "name": ["n", "n"], "values": [1, 5, 2], "colour": "--block", "stack": "a"}],
        },
        "waterfall": {
            "categories": months,
            "series": [
                {
                    "kind": "floating",
                    "name": ["n", "n"],
                    "values": [[0, 5], [5, 3], [0, 3]],
                    "colours": ["--soft", "--block", "--link"],
                }
            ],
        },
        "calibration": {
            "categories": None,
            "format": "percent",
            "axes": {"x": ["Said", "预测"], "y": ["Came", "实际"]},
            "series": [
                {
                    "kind": "points",
                    "name": ["n", "n"],
                    "points": [{"x": 0.2, "y": 0.3, "low": 0.1, "high": 0.5}],
                    "colour": "--link",
                }
            ],
        },
    }
    for name, description in kinds.items():
        opened.page.evaluate(
            """([name, description]) => {
              const box = document.createElement("div");
              box.style.height = "200px";
              box.id = "trial";
              const canvas = document.createElement("canvas");
              box.append(canvas);
              document.querySelector("main").replaceChildren(box);
              stageproof.charts.draw(canvas, { label: [name, name], format: "number", ...description });
            }""",
            [name, description],
        )
        canvas = opened.page.locator("#trial canvas")
        expect(canvas).to_have_attribute("aria-label", name)
        assert drawn_colours(canvas) > 3, name


def test_the_night_before_last_and_the_week_before_stand_in_the_head(open_page: OpenPage) -> None:
    opened = open_page(busy())
    head = opened.page.locator(".cards")
    expect(head).to_contain_text("70,300 more than the night before")
    expect(head).to_contain_text("4 more than the night before")
