"""The insights page as its readers use it: choose, follow to the deals, export, print, in two languages.

Every page is opened from disk. The fixture fails a test when anything reaches the console, a dialog opens, or anything
but the file itself is asked for.
"""

import csv
import re
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from insights_nights import BUSINESS_DATE, busy, conversion, served, split, standards
from opened_pages import Opened, OpenPage, assert_keeps_to_wcag_aa
from playwright.sync_api import Locator, expect

from orchestration.publishing.insights_page.render import insights_page

# openpyxl misses a style that Excel does not.
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:Workbook contains no default style")]

TABS = ("funnel", "causes", "people", "gates", "design", "reasons", "deals")
LISTS = {"people": "people", "design": "milestones", "reasons": "reasons", "deals": "deals"}
LINKS = {"generic": "https://crm.example.com/deals/{deal_id}?from=insights"}


def made(tables: dict[str, pl.DataFrame] | None = None, language: str = "en", **more: Any) -> str:
    return insights_page(tables if tables is not None else busy(), standards(language, LINKS, **more), BUSINESS_DATE)


def visible(opened: Opened, selector: str) -> Locator:
    return opened.page.locator(selector).filter(visible=True)


def table(opened: Opened, name: str) -> list[list[str]]:
    """The rows of a plain table as they stand there, line breaks as blanks."""
    rows = opened.page.locator(f"#{name} tbody tr")
    return [[re.sub(r"\s+", " ", cell) for cell in row.locator("th, td").all_inner_texts()] for row in rows.all()]


def choose(opened: Opened, picker: str, value: str) -> None:
    visible(opened, f'select[data-picker="{picker}"]').select_option(value)


def exported(opened: Opened, host: str, kind: str, folder: Path) -> Path:
    with opened.page.expect_download() as waiting:
        opened.page.locator(f"#{host}").get_by_role("button", name=f"Export as {kind}").click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_bytes().decode("utf-8-sig").splitlines(keepends=True)))


# The funnel


def test_the_page_opens_with_where_most_is_lost_and_why(open_page: OpenPage) -> None:
    opened = open_page(made())
    expect(opened.page.locator("#panel-funnel")).to_be_visible()
    expect(visible(opened, ".headline")).to_contain_text("The funnel loses most deals in Initial contact: 30 of 100")
    cards = visible(opened, ".card").all_inner_texts()
    for card, said in zip(cards, ("30 %", "900K CNY", "−9.0", "1 of 3"), strict=True):
        assert said in re.sub(r"\s+", " ", card)


def test_a_stage_tells_what_became_of_its_deals_and_leads_to_those_that_stand_in_it(open_page: OpenPage) -> None:
    opened = open_page(made())
    first = table(opened, "steps-table")[0]
    assert first[0] == "Initial contact"
    assert first[1:] == [
        *("100", "60 went on · 10 open · 30 lost", "67% n 100", "60% 55–65%"),
        *("12.3 of 110 stays", "30.0", "20 deals 400,000"),
    ]
    lengths = (
        opened.page.locator("#steps-table .became")
        .first.locator("span")
        .evaluate_all("(parts) => parts.map((part) => part.style.inlineSize)")
    )
    assert lengths == ["60%", "10%", "30%"]
    link = opened.page.locator("#steps-table").get_by_role("link", name="20 deals")
    assert link.get_attribute("href") == "forecast.html#deals?stage=Direct%20sales%2FInitial%20contact"


def test_what_has_no_median_yet_is_a_dash_and_no_zero(open_page: OpenPage) -> None:
    second = table(open_page(made()), "steps-table")[1]
    assert second[5:7] == ["— of 110 stays", "—"]


def test_bottlenecks_are_chosen_by_what_deals_are_compared_by(open_page: OpenPage) -> None:
    opened = open_page(made())
    assert [row[0] for row in table(opened, "bottleneck-table")] == ["1Proposal", "2Initial contact"]
    assert table(opened, "bottleneck-table")[0][1] == "900,000"
    choose(opened, "by", "team")
    rows = table(opened, "bottleneck-table")
    assert [row[0] for row in rows] == ["1Initial contact short history"]
    assert "by=team" in opened.page.evaluate("location.hash")


def test_plain_tables_are_exported_as_they_stand_with_all_their_numbers(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(made())
    path = exported(opened, "steps-table", "CSV", tmp_path)
    assert path.name == "stageproof-2026-11-22-direct-funnel.csv"
    first = rows_of(path)[0]
    assert (first["Stage"], first["Reached"], first["Lost"], first["Open amount, CNY"]) == (
        *("Initial contact", "100", "30"),
        "400000.00",
    )
    book = openpyxl.load_workbook(exported(opened, "bottleneck-table", "XLSX", tmp_path))
    cells = list(book["Rows"].iter_rows(values_only=True))
    told = dict(zip(cells[0], cells[1], strict=True))
    assert (told["Stage"], told["Won more, CNY"], told["Rank by days"]) == ("Proposal", 900_000, 2)


# Causes


def test_the_comparison_that_the_head_tells_of_opens_first(open_page: OpenPage) -> None:
    opened = open_page(made())
    visible(opened, ".card").get_by_role("link", name="Stalls and early closes").click()
    expect(opened.page.locator("#panel-causes")).to_be_visible()
    opened = open_page(made(), "#causes")
    expect(opened.page.locator("#cause-title")).to_contain_text("Proposal: 51.0% in FY2026-Q3, 60.0% in FY2026-Q2")
    expect(opened.page.locator("#cause-sentence")).to_have_text("stalls_and_early_closes did it.")
    expect(opened.page.locator("#cause-basis")).to_contain_text("within 45 days: of 80 deals, of 90 in the reference")


def number(text: str) -> float:
    return float(re.sub(r"[^0-9.−+]", "", text).replace("−", "-") or 0)


@pytest.mark.parametrize(
    ("stage", "against"),
    [("Initial contact", "previous_quarter"), ("Initial contact", "year_ago"), ("Proposal", "previous_quarter")],
)
def test_the_shares_that_are_shown_come_to_the_change_that_is_shown(
    open_page: OpenPage, stage: str, against: str
) -> None:
    opened = open_page(made(), f"#causes?stage={stage}&against={against}")
    parts = [number(row[1]) for row in table(opened, "cause-table")]
    change = number(opened.page.locator("#cause-title .date").inner_text())
    assert len(parts) == 5
    assert sum(parts) == pytest.approx(change, abs=0.001)
    assert change != 0


def test_a_named_cause_is_told_by_more_than_its_colour(open_page: OpenPage) -> None:
    opened = open_page(made(), "#causes")
    named = [row for row in table(opened, "cause-table") if "★ named" in row[0]]
    assert [(row[0].split("★")[0], row[1], row[2]) for row in named] == [
        ("Stalls and early closes", "−9.0", "−11.0 … −7.0")
    ]


def test_a_change_that_may_be_chance_is_neither_red_nor_green(open_page: OpenPage) -> None:
    opened = open_page(made(), "#causes?stage=Initial contact&against=year_ago")
    expect(opened.page.locator("#cause-sentence")).to_have_text(
        "No cause of this change can be told apart from chance."
    )
    assert opened.page.locator("#cause-title .worse, #cause-table .worse").count() == 0
    toned = opened.page.locator("#glance-table :is(.worse, .better)").all_inner_texts()
    assert toned == ["−7.0", "−9.0"], "those with a named cause"


def test_the_glance_leads_to_each_comparison(open_page: OpenPage) -> None:
    opened = open_page(made(), "#causes")
    page = opened.page
    cell = page.locator("#glance-table button").filter(has_text="Lead quality")
    cell.click()
    expect(page.locator("#cause-title")).to_contain_text("Initial contact")
    expect(page.locator("#glance-table button[aria-pressed=true]")).to_contain_text("Lead quality")
    assert "stage=Initial+contact&against=previous_quarter" in page.evaluate("location.hash")
    expect(page.locator("#glance-table")).to_contain_text("—")


def test_a_named_cause_leads_to_the_deals_behind_it(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(made(), "#causes?stage=Initial contact&against=previous_quarter")
    opened.page.locator("#cause-table").get_by_role("button", name="40 deals").click()
    expect(opened.page.locator("#panel-deals")).to_be_visible()
    assert opened.tally("deals") == "40 of 51 rows, 820,000 CNY"
    rows = rows_of(opened.download("deals", "Export as CSV", tmp_path))
    assert {row["Cause"] for row in rows} == {"Lead quality"}
    assert sorted(int(row["Deal id"]) for row in rows) == list(range(1, 41))
    assert rows[0]["Lead quality"] == "Weak lead"


def test_a_cause_that_is_not_named_has_no_deals_to_show(open_page: OpenPage) -> None:
    opened = open_page(made(), "#causes?stage=Initial contact&against=year_ago")
    assert opened.page.locator("#cause-table").get_by_role("button", name="deals").count() == 0


# People


def test_people_are_found_by_stage_and_cause_and_tell_what_sets_them_apart(open_page: OpenPage) -> None:
    opened = open_page(made(), "#people")
    assert [row.split("\n")[0] for row in opened.shown_rows("people")] == ["Bo Berg", "Li Na 李娜"]
    opened.facet("Follow-up cadence", "people").click()
    opened.page.locator("#people-explorer .tabulator-row").first.click()
    drawer = visible(opened, ".drawer")
    for said in ("Bo Berg", "−10.0 points", "follow_up did it.", "★ named", "−12.0"):
        expect(drawer).to_contain_text(said)
    opened.page.get_by_role("button", name="Teams 1").click()
    assert [row.split("\n")[0] for row in opened.shown_rows("people")] == []


def test_people_are_exported_with_every_share(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(made(), "#people")
    rows = rows_of(opened.download("people", "Export as CSV", tmp_path))
    first = rows[0]
    assert (first["Who"], first["Difference"], first["Follow-up cadence"], first["Follow-up cadence: named"]) == (
        *("Bo Berg", "-0.1", "-0.12"),
        "yes",
    )


# Gates


def test_a_gate_tells_both_sides_their_difference_and_whether_it_pays(open_page: OpenPage) -> None:
    opened = open_page(made(), "#gates")
    rows = table(opened, "gates-table")
    assert rows[1] == [
        "A demo of at least 30 minutes was held. leaving Initial contact",
        *("50% 38–62% · n 60", "20% 10–37% · n 30", "+25.0 +5.0 … +40.0", "10.0 / 14.0", "▲ Pays"),
    ]
    assert [row[-1] for row in (rows[0], *rows[2:])] == [
        "No difference beyond chance",
        "▼ Wins less often",
        "Short history",
    ]
    assert "no longer asked" in rows[-1][0]


def test_an_ambiguous_stage_says_so_and_who_reads_it_otherwise(open_page: OpenPage) -> None:
    opened = open_page(made(), "#gates")
    rows = table(opened, "ambiguity-table")
    assert "ambiguous" in rows[0][0]
    assert rows[0][4] == "12.0 points 4.0 points – 30.0 points"
    assert rows[1][4] == "2.5 days 0.5 days – 5.0 days"
    assert [row[-1] for row in rows] == ["Owners differ", "Owners differ", "No more than chance"]
    assert table(opened, "readers-table")[0][0] == "Bo Berg West"


# Design and reasons


def test_what_history_asks_of_the_funnel_stands_first_with_its_evidence(open_page: OpenPage) -> None:
    rows = table(open_page(made(), "#design"), "changes-table")
    assert [(row[0], row[1]) for row in rows] == [
        ("Ask for it→ proposed", "Activity: demo leaving Initial contact"),
        ("Merge→ proposed", "Initial contact + Proposal"),
        ("Keep", "A demo of at least 30 minutes was held. leaving Initial contact"),
        ("Keep watching: may still pay", "The budget is known. leaving Initial contact"),
        ("Parts the stage, no proposal", "Initial contact at Activity: demo"),
        ("Nothing to change", "Splitting a stage"),
    ]
    assert rows[0][2:] == ["+20.0 +10.0 … +30.0", "60", "won 45% with it, 25% without Which deals"]
    assert rows[1][-1].startswith("3 deals (3.0%, 1–8%) drop off between them and would no longer be seen")
    assert rows[-1][-1] == "7 looked at, 2 of them with too short a history"


def test_the_changes_are_exported_with_every_number_of_the_review(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(made(), "#design")
    rows = rows_of(exported(opened, "changes-table", "CSV", tmp_path))
    assert (rows[1]["Subject"], rows[1]["Deals that drop off between"], rows[1]["Proposed"]) == (
        *("contact+proposal", "3"),
        "yes",
    )


def test_every_number_of_the_design_tells_the_query_that_lists_its_deals(open_page: OpenPage, tmp_path: Path) -> None:
    opened = open_page(made(), "#design")
    opened.page.locator("#changes-table details").first.click()
    expect(opened.page.locator("#changes-table code").first).to_have_text(
        "select deal_key from milestone_unasked where subject = 'activity:demo'"
    )
    rows = rows_of(exported(opened, "changes-table", "CSV", tmp_path))
    assert rows[1]["Query for its deals"] == "select deal_key from merge_stages where subject = 'contact+proposal'"
    assert rows[-1]["Query for its deals"] == ""
    opened.page.locator("#milestones-explorer .tabulator-row").first.click()
    expect(visible(opened, ".drawer").locator("code")).to_have_text(
        "select * from milestone_deals where funnel = 'direct' and milestone = 'activity:demo'"
    )


def test_milestones_that_no_gate_asks_for_are_found_at_once(open_page: OpenPage) -> None:
    opened = open_page(made(), "#design")
    assert [row.split("\n")[0] for row in opened.shown_rows("milestones")] == [
        "demo",
        "meeting with the decision maker",
    ]
    opened.page.get_by_role("button", name="Found, asked by no gate 1").click()
    rows = opened.shown_rows("milestones")
    assert len(rows) == 1
    assert "no gate asks" in rows[0]
    opened.page.locator("#milestones-explorer .tabulator-row").first.click()
    drawer = visible(opened, ".drawer")
    for said in ("40 of 50", "30 of 100", "85% of 120 pairs", "4.2 times; not corrected for how long deals live"):
        expect(drawer).to_contain_text(said)


def test_closing_early_adds_up_over_stages_and_reasons(open_page: OpenPage) -> None:
    opened = open_page(made(), "#reasons")
    expect(opened.page.locator("#early-sentence")).to_have_text(
        "15 of 40 deals that closed otherwise than won (38%) were given up early."
    )
    assert [row[1:3] for row in table(opened, "early-table")] == [["35", "13"], ["5", "2"]]
    assert [row.split("\n")[0] for row in opened.shown_rows("reasons")][:2] == ["no budget", "price"]
    opened.page.get_by_role("button", name="By customer fit bands 2").click()
    assert opened.tally("reasons") == "2 rows, 10,000 CNY"


# Deals


def test_a_deal_tells_what_was_measured_and_leads_to_its_record(open_page: OpenPage) -> None:
    opened = open_page(made(), "#deals")
    opened.page.locator("#deals-explorer input[type=search]").fill("赵氏")
    expect(opened.page.locator("#deals-explorer .chip").filter(has_text="赵氏")).to_be_visible()
    rows = opened.shown_rows("deals")
    assert len(rows) == 3
    assert "Stalled · 51.5 days in the stage" in rows[1]
    opened.page.locator("#deals-explorer .tabulator-row").first.click()
    drawer = visible(opened, ".drawer")
    for said in (
        "−6.0 points",
        "Weak lead",
        "One criterion unproven",
        "Contacted seldom",
        "0.4",
        "2026-07-03",
        "did not",
    ):
        expect(drawer).to_contain_text(said)
    assert drawer.get_by_role("link").first.get_attribute("href") == "https://crm.example.com/deals/3?from=insights"


def test_no_name_becomes_a_formula_in_a_file(open_page: OpenPage, tmp_path: Path) -> None:
    tables = busy()
    tables["deals_current"] = tables["deals_current"].with_columns(
        deal_name=pl.lit("=1+1"), owner_name=pl.lit("@SUM(A1)")
    )
    opened = open_page(made(tables), "#deals")
    written = rows_of(opened.download("deals", "Export as CSV", tmp_path))
    assert {(row["Deal"], row["Owner"]) for row in written} == {("'=1+1", "'@SUM(A1)")}
    opened.page.locator("#tab-causes").press("Enter")
    path = exported(opened, "cause-table", "CSV", tmp_path)
    assert rows_of(path)[0]["Cause"] == "Lead quality"


# Funnels


def test_a_funnel_is_chosen_once_for_the_whole_page(open_page: OpenPage) -> None:
    tables = served(
        funnel_stage_conversion=[conversion(), conversion(funnel="channel", lost=35)],
        conversion_causes=[
            *split({"lead_quality": -6.0}, named=["lead_quality"]),
            *split({"follow_up": -4.0}, funnel="channel", named=["follow_up"]),
        ],
    )
    opened = open_page(made(tables, funnels=("direct", "channel")), "#causes")
    expect(opened.page.locator("#cause-title")).to_contain_text("−6.0 points")
    opened.page.locator(".funnels").get_by_role("button", name="Channel").click()
    expect(visible(opened, ".headline")).to_contain_text("35 of 100")
    expect(opened.page.locator("#cause-title")).to_contain_text("−4.0 points")
    address = opened.page.evaluate("location.hash")
    assert "funnel=channel" in address
    again = open_page(made(tables, funnels=("direct", "channel")), address)
    expect(again.page.locator("#cause-title")).to_contain_text("−4.0 points")


# Nothing to show


@pytest.mark.parametrize(
    ("tab", "sentence"),
    [
        ("funnel", "No deal has entered this funnel yet."),
        ("funnel", "No deal has left a stage yet"),
        ("causes", "There is no history yet to split"),
        ("people", "There is no history yet to compare owners or teams by."),
        ("gates", "No deal has passed a gate that asks for something."),
        ("gates", "No stage has been left by enough deals to compare owners."),
        ("design", "There is no history yet from which changes of the funnel could be proposed."),
        ("design", "No kind of activity, evidence or document has come to enough deals to be judged."),
        ("reasons", "No deal has closed yet"),
        ("deals", "No cause is named, so no deal stands behind one."),
    ],
)
def test_a_first_night_says_in_words_what_is_not_there(open_page: OpenPage, tab: str, sentence: str) -> None:
    opened = open_page(made(served()), f"#{tab}")
    panel = opened.page.locator(f"#panel-{tab}")
    expect(panel.locator(".empty").filter(has_text=sentence).filter(visible=True)).to_have_count(1)
    assert panel.locator("canvas").filter(visible=True).count() == 0, "no empty chart"


# Languages


def visible_texts(opened: Opened) -> list[str]:
    """Texts and labels that a reader of this language meets, those of the company's own data left out."""
    return opened.page.evaluate(
        """() => {
          const texts = [document.title];
          const seen = (element) => element.checkVisibility({ visibilityProperty: true }) || element.closest("option");
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const element = walker.currentNode.parentElement;
            if (element.closest('script, style, [translate="no"]') || !seen(element)) continue;
            if (walker.currentNode.textContent.trim()) texts.push(walker.currentNode.textContent.trim());
          }
          for (const element of document.querySelectorAll("[aria-label], [placeholder], [title]")) {
            if ((element.closest('[translate="no"]') && !element.matches("button")) || !seen(element)) continue;
            for (const name of ["aria-label", "placeholder", "title"]) {
              if (element.getAttribute(name)) texts.push(element.getAttribute(name));
            }
          }
          return texts;
        }"""
    )


# Names that are the same in every language, and what the made-up sentences of causes hold.
NAMES = re.compile(r"\b(CRM|CSV|XLSX|CNY|Enter|Esc|FY\d{4}-Q\d|p\d\d|Müller & 伙伴|\w+ did it)\b")
CHINESE = re.compile(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_visible_text_lacks_its_twin(open_page: OpenPage, language: str) -> None:
    opened = open_page(made(), f"#funnel?lang={language}")
    foreign = CHINESE if language == "en" else re.compile(r"[A-Za-z]{2,}")
    for tab in TABS:
        opened.page.locator(f"#tab-{tab}").press("Enter")
        if tab in LISTS:
            opened.page.locator(f"#panel-{tab} .tabulator-row").first.click()
            opened.page.locator(f"#panel-{tab} .drawer").wait_for()
        texts = [NAMES.sub("", text) for text in visible_texts(opened)]
        assert len(texts) > 40
        assert [text for text in texts if foreign.search(text)] == [], tab


def test_the_language_changes_at_once_and_what_was_chosen_stays_chosen(open_page: OpenPage) -> None:
    opened = open_page(made(), "#causes?stage=Initial contact&against=year_ago")
    opened.page.get_by_role("button", name="中文").click()
    expect(opened.page.locator("#cause-title")).to_contain_text("初步接洽：FY2026-Q3 为 69.0%，FY2025-Q3 为 70.0%")
    expect(opened.page.locator('select[data-picker="against"]')).to_have_value("year_ago")
    expect(visible(opened, ".headline")).to_contain_text("漏斗在“初步接洽”流失最多")
    assert "构成" in (opened.page.locator("#chart-causes").get_attribute("aria-label") or "")


# Names that would be markup


HOSTILE = "</script><img src=x onerror=alert(1)>\u2028'\"&lt;b&gt;"


def test_names_with_markup_are_texts_wherever_they_stand(open_page: OpenPage) -> None:
    tables = busy()
    tables["deals_current"] = tables["deals_current"].with_columns(
        deal_name=pl.lit(HOSTILE), owner_name=pl.lit(HOSTILE), team=pl.lit(HOSTILE)
    )
    tables["close_reasons"] = tables["close_reasons"].with_columns(reason=pl.lit(HOSTILE), competitor=pl.lit(HOSTILE))
    tables["milestone_candidates"] = tables["milestone_candidates"].with_columns(subject_key=pl.lit(HOSTILE))
    opened = open_page(made(tables), "#people")
    elements = "document.querySelectorAll('img, b, iframe, script:not([type])').length"
    expected = opened.page.evaluate(elements)
    for tab, explorer in LISTS.items():
        opened.page.locator(f"#tab-{tab}").press("Enter")
        opened.page.locator(f"#panel-{tab} .tabulator-row").first.click()
        opened.page.locator(f"#panel-{tab} .drawer").wait_for()
        assert HOSTILE in opened.page.locator(f"#{explorer}-explorer").evaluate("(element) => element.textContent"), tab
    assert opened.page.evaluate(elements) == expected


# The pages of a night


def test_the_pages_of_a_night_lead_to_each_other(open_page: OpenPage) -> None:
    here = open_page(made()).page.get_by_role("navigation", name="Pages of this night")
    links = [link.get_attribute("href") for link in here.get_by_role("link").all()]
    assert links == ["review.html", "forecast.html", "insights.html", "../dictionary.html"]
    expect(here.get_by_role("link", name="Insights")).to_have_attribute("aria-current", "page")


# Keyboard, paper, size, screens


def test_the_page_is_used_by_the_keyboard_alone(open_page: OpenPage) -> None:
    opened = open_page(made(), "#causes")
    page = opened.page
    page.locator("#glance-table button").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cause-title")).to_contain_text("Initial contact")
    expect(page.locator(":focus")).to_have_attribute("aria-pressed", "true")
    page.locator('select[data-picker="against"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#cause-title")).to_contain_text("FY2025-Q3")
    page.locator("#tab-causes").focus()
    page.keyboard.press("End")
    expect(page.locator("#panel-deals")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator(":focus")).to_have_attribute("type", "search")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(":focus")).to_have_text("Deal 40")
    page.keyboard.press("Escape")
    expect(visible(opened, ".drawer")).to_have_count(0)


def test_paper_gets_the_open_tab_without_its_controls(open_page: OpenPage) -> None:
    opened = open_page(made(), "#causes")
    opened.page.emulate_media(media="print")
    for control in (".tabs", ".languages", ".pages", ".pickers", ".listed-tools"):
        expect(opened.page.locator(control).first).to_be_hidden()
    expect(opened.page.locator("#cause-table table")).to_be_visible()
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
        if tab in LISTS:
            opened.page.locator(f"#panel-{tab} .tabulator-row").first.click()
            opened.page.locator(f"#panel-{tab} .drawer").wait_for()
        assert_keeps_to_wcag_aa(opened, tab)
