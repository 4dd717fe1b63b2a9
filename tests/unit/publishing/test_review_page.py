import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser

import polars as pl
import pytest
from nights import (
    AMOUNT_MISSING,
    BUSINESS_DATE,
    DISCOVERY,
    deal,
    forecast,
    rule_night,
    served,
    standards,
    violation,
)

from orchestration.publishing.review_page import (
    LOADS_SCHEMA,
    ROWS_SHOWN_UNFOLDED,
    ReviewPage,
    ReviewRefusedError,
    Text,
    compose,
    render,
)

VOID = {"meta", "link", "br"}


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


def page(language: str = "en", loads: pl.DataFrame | None = None, **parts: object) -> ReviewPage:
    return compose(served(**parts), standards(language), BUSINESS_DATE, loads)  # type: ignore[arg-type]


def busy() -> dict[str, object]:
    return {
        "deals": [deal("1"), deal("2", "contact"), deal("3", "won"), deal("4", amount_reporting=None)],
        "violations": [
            violation("1", change="new"),
            violation("1", AMOUNT_MISSING),
            violation("2", stage="contact", amount_at_risk=Decimal("250.40")),
            violation("4", AMOUNT_MISSING, amount_at_risk=None, change="reopened"),
            violation("3", state="closed", change="evidence_arrived", closed_on=BUSINESS_DATE),
            violation("3", AMOUNT_MISSING, state="closed", change="condition_cleared", closed_on=date(2026, 11, 1)),
        ],
        "rules": [rule_night(DISCOVERY, 2), rule_night(AMOUNT_MISSING, 2)],
        "forecasts": [forecast("stage_average", "untimed"), forecast("weighted_stage")],
    }


def test_markup_in_names_is_shown_as_text() -> None:
    html = render(
        page(
            deals=[deal("1", deal_name='<script>alert("1")</script>')],
            violations=[
                violation(
                    "1", owner_name="<img src=x onerror=alert(1)>", team='" onmouseover="x', observed="</table>&amp;"
                )
            ],
            rules=[rule_night(DISCOVERY, 1, wording_en="<b>Bold</b>", advice_en="{{ page }}")],
        )
    )
    reader = read(html)
    assert [tag for tag, _ in reader.elements].count("script") == 1
    assert not {"img", "b"} & {tag for tag, _ in reader.elements}
    assert not any(name.startswith("on") for _, attributes in reader.elements for name in attributes)
    shown = " ".join(reader.text)
    for written in (
        '<script>alert("1")</script>',
        "<img src=x onerror=alert(1)>",
        "</table>&amp;",
        "<b>Bold</b>",
        "{{ page }}",
    ):
        assert written in shown


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_opens_in_the_language_of_the_company_and_holds_both(language: str, tag: str) -> None:
    html = render(page(language, **busy()))
    root = dict(read(html).elements)["html"]
    assert (root["lang"], root["data-language"]) == (tag, language)
    shown = text(html)
    for words in ("Morning review", "晨间检查", "A demo of at least 30 minutes was held.", "已举行至少30分钟的演示。"):
        assert words in shown


def test_the_page_asks_for_no_other_file() -> None:
    html = render(page(**busy()))
    assert not any({"src", "srcset"} & attributes.keys() for _, attributes in read(html).elements)
    links = [attributes["href"] for _, attributes in read(html).elements if "href" in attributes]
    assert links
    assert all(str(link).startswith("#") for link in links)
    assert "url(" not in html
    assert "@import" not in html


def test_every_contents_link_leads_to_a_section() -> None:
    elements = read(render(page(**busy()))).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {str(attributes["href"])[1:] for _, attributes in elements if "href" in attributes} <= set(ids)


def test_every_table_has_a_caption_and_every_head_a_scope() -> None:
    elements = [
        element for element in read(render(page(**busy()))).elements if element[0] in ("table", "caption", "th")
    ]
    tags = [tag for tag, _ in elements]
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in attributes for tag, attributes in elements if tag == "th")


def test_a_deal_that_fails_two_rules_counts_once_in_the_amount_at_risk() -> None:
    made = page(**busy())
    assert (made.open.violations, made.open.deals, made.open.deals_without_amount) == (4, 3, 1)
    assert made.open.amount == Decimal("1250.40")
    assert made.open.by_severity == {"block": 2, "warn": 2}


def test_new_means_first_seen_or_reopened_tonight() -> None:
    made = page(**busy())
    assert made.new.violations == 2
    assert [group.rule.rule_id for group in made.new_groups] == [DISCOVERY, AMOUNT_MISSING]
    assert made.new_groups[1].violations[0].is_reopened


def test_only_what_closed_tonight_is_told_as_closed() -> None:
    assert page(**busy()).closed == ((Text("Evidence arrived", "证据已补齐"), 1),)


def test_the_first_night_of_a_rule_is_a_backlog_and_not_new() -> None:
    made = page(deals=[deal("1")], violations=[violation("1", change="backlog")], rules=[rule_night(DISCOVERY, 1)])
    assert (made.new.violations, made.backlog.violations, made.open.violations) == (0, 1, 1)
    assert "are a backlog" in text(render(made))


def test_stages_stand_in_the_order_of_the_funnel_and_unknown_ones_last() -> None:
    violations = [violation(key, stage=stage) for key, stage in (("1", "Legal 2"), ("2", "proposal"), ("3", "contact"))]
    made = page(deals=[deal("1", "Legal 2")], violations=violations, rules=[rule_night(DISCOVERY, 3)])
    assert [section.stage.en for section in made.stages] == ["Initial contact", "Proposal", "Legal 2"]


def test_a_violation_not_checked_tonight_says_when_it_was_last_found() -> None:
    made = page(
        deals=[deal("1")], violations=[violation("1", last_seen=date(2026, 11, 20))], rules=[rule_night(DISCOVERY)]
    )
    shown = text(render(made))
    assert "not checked tonight, last found" in shown
    assert "2026-11-20" in shown


def test_a_night_without_violations_says_so_and_shows_zeros() -> None:
    made = page(deals=[deal("1")], rules=[rule_night(DISCOVERY), rule_night(AMOUNT_MISSING)])
    assert (made.open.violations, made.new.violations, made.open.amount) == (0, 0, Decimal(0))
    shown = text(render(made))
    assert "No violation is open." in shown
    assert "Nothing new since the night of 2026-11-21." in shown
    assert shown.count("No problem") == 2


def test_a_rule_that_was_not_evaluated_is_not_shown_as_passed() -> None:
    line = rule_night(DISCOVERY, evaluated=0, met=0, not_evaluated=40, status="not_evaluated")
    shown = text(render(page(rules=[line])))
    assert "Not evaluated" in shown
    assert "No problem" not in shown


def test_a_night_with_no_closed_deals_shows_dashes_and_no_money_made_of_nothing() -> None:
    unknown = {"won_amount": None, "open_amount": None, "total_amount": None, "excluded_deals": 5}
    made = page(
        deals=[deal("1", amount_reporting=None)],
        rules=[rule_night(DISCOVERY)],
        forecasts=[forecast("stage_average", "untimed", **unknown), forecast("weighted_stage", **unknown)],
    )
    line = made.funnels[0].stages[0]
    assert (line.open_deals, line.open_amount, line.reached, line.conversion) == (1, None, None, None)
    headline = made.headline_forecast
    assert headline is not None
    assert headline.total_amount is None
    assert "—" in text(render(made))


def test_an_empty_company_on_its_first_night_has_a_page() -> None:
    made = page(previous=None)
    shown = text(render(made))
    for sentence in ("This is the first night", "No rule ran tonight.", "There is no forecast for this night."):
        assert sentence in shown


def test_the_running_quarter_is_the_headline_and_the_untimed_method_is_told_apart() -> None:
    later = forecast("weighted_stage", period_start=date(2027, 1, 1), period_end=date(2027, 3, 31), open_deals=99)
    empty = forecast("weighted_stage", "overdue", open_deals=0)
    made = page(forecasts=[forecast("stage_average", "untimed"), forecast("weighted_stage"), later, empty])
    assert [(line.method.en, line.scope) for line in made.forecasts] == [
        ("Stage average", "untimed"),
        ("Weighted by stage", "dated"),
    ]
    assert made.period_label == "FY2026-Q4"
    assert "1,001" in text(render(made))


def test_the_funnel_shows_open_deals_conversion_and_dwell_of_the_whole() -> None:
    whole = {"funnel": "direct", "segment": "all", "segment_value": "all", "stage": "proposal"}
    conversion = {
        "cohort_kind": "all",
        "reached": 80,
        "conversion_to_date": 0.25,
        "conversion_to_date_low": 0.168,
        "conversion_to_date_high": 0.355,
        "is_insufficient_history": False,
    }
    made = page(
        deals=[deal("1"), deal("2")],
        conversion=[
            whole | conversion,
            whole | conversion | {"cohort_kind": "month", "reached": 1},
            whole | conversion | {"segment": "team", "segment_value": "East", "reached": 2},
        ],
        dwell=[whole | {"visits": 90, "dwell_p50_days": 12.34}],
    )
    (line,) = made.funnels[0].stages
    assert (line.open_deals, line.open_amount, line.reached, line.visits) == (2, Decimal("2000.00"), 80, 90)
    shown = text(render(made))
    for number in ("25 %", "17–36 %", "12.3"):
        assert number in shown


def test_loads_are_told_by_file_with_what_was_quarantined() -> None:
    loads = pl.DataFrame(
        [("generic", "deals", "generic/2026-11-22/deals.csv", datetime(2026, 11, 22, 16, tzinfo=UTC), 10, 9, 1)],
        schema=LOADS_SCHEMA,
        orient="row",
    )
    made = page(loads=loads)
    assert made.loads[0].extracted_at == "2026-11-23 00:00"
    shown = text(render(made))
    assert "generic/2026-11-22/deals.csv" in shown
    assert "1,200 rows in = 1,188 loaded + 12 quarantined." in shown


def test_as_of_is_told_in_the_time_zone_of_the_company() -> None:
    assert page().as_of == "2026-11-23 00:00"


def test_many_violations_are_folded_and_none_is_left_out() -> None:
    number = ROWS_SHOWN_UNFOLDED + 1
    made = page(
        deals=[deal(f"k{key}") for key in range(number)],
        violations=[violation(f"k{key}") for key in range(number)],
        rules=[rule_night(DISCOVERY, number)],
    )
    html = render(made)
    assert "<details>" in html
    assert "<details open>" not in html
    assert all(f">k{key}<" in html for key in range(number))


def test_the_order_of_rows_and_the_time_of_rendering_change_nothing() -> None:
    tables = served(**busy())  # type: ignore[arg-type]
    mixed = {name: frame.reverse() for name, frame in tables.items()}
    first, second = (compose(each, standards(), BUSINESS_DATE) for each in (tables, mixed))
    assert render(first) == render(second)


def test_a_night_that_left_no_record_is_refused() -> None:
    with pytest.raises(ReviewRefusedError, match="nights has 0 rows for 2026-11-23"):
        compose(served(), standards(), date(2026, 11, 23))


def test_a_night_that_had_to_do_without_an_extract_says_so_with_the_reason() -> None:
    reason = "inbox/generic/2026-11-22/deals.csv: has 10 records where the last full extract of deals had 500"
    shown = text(render(page(held=[reason])))
    assert "1 extract is held:" in shown
    assert "tonight's numbers are of what was known before." in shown
    assert reason in shown
    assert "extract is held" not in text(render(page()))
