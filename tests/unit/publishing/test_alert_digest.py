"""What an audience is told: who is told what, in which order and language, how much of it, and that data stays data."""

import itertools
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from alert_nights import DISCOVERY, NO_STEP, audience, night, stall, violation
from hypothesis import given
from hypothesis import strategies as st

from orchestration.publishing.alerts.digest import Digest, Style, compose, owners, render
from orchestration.publishing.alerts.news import Expectation, Held, Incident, News
from orchestration.publishing.alerts.wording import markdown, plain
from orchestration.publishing.wording import Text

REVIEW = "https://bi.example.com/2026-11-22"
INCIDENT = Incident("incident:table:deals_current", "table", "deals_current", None, 500, 900, 1100)
HELD = Held("held_extract:a", "inbox/generic/2026-11-22/deals.csv: has 7 records where the last had 10")
EXPECTATION = Expectation(
    "expectation:amount_negative:deals_current",
    Text("Amounts are not negative", "金额不为负数"),
    "deals_current",
    12,
    0,
    3,
)


def anything(_: str) -> bool:
    return True


def told(news: News, **more: object) -> str:
    digest = compose(news, audience(**more), REVIEW)
    assert digest is not None
    return render(digest, anything)


def made(news: News, **more: object) -> Digest:
    digest = compose(news, audience(**more), REVIEW)
    assert digest is not None
    return digest


def test_each_deal_is_told_with_stage_owner_amount_what_was_asked_what_was_found_and_what_to_do() -> None:
    text = told(
        night(
            violations=[
                violation("7", observed="activity.demo: 20", outcome="failed", amount=Decimal("250000.50")),
                violation("8", NO_STEP, amount=None, team=None),
            ]
        )
    )
    assert text == (
        "Violations: 2 new, 1 blocking; on 2 deals, 250,000.50 CNY at risk, 1 without a usable amount\n"
        "\n"
        "Blocking | Leaving Initial contact | Expected: A demo of at least 30 minutes was held. (1)\n"
        "What to do: Hold it, and log it.\n"
        "- Deal 7 (7) | Proposal | Li Na 李娜, East | 250,000.50 CNY\n"
        "  Found: activity.demo: 20\n"
        "\n"
        "Warning | No next step is agreed. (1)\n"
        "What to do: Agree one.\n"
        "- Deal 8 (8) | Proposal | Li Na 李娜 | no amount\n"
        "  Found: nothing on record\n"
        "\n"
        "Morning review: https://bi.example.com/2026-11-22"
    )


def test_the_subject_has_company_night_and_how_much_is_new_in_the_language_of_the_audience() -> None:
    news = night(violations=[violation("7"), violation("8", NO_STEP)], stalled=[stall("9")])
    assert made(news).subject == "Müller & 伙伴 2026-11-22: 3 new, 1 blocking"
    assert made(news, language="zh").subject == "Müller & 伙伴 2026-11-22：新增 3 项，其中阻断 1 项"
    assert made(night(stalled=[stall("9")])).subject == "Müller & 伙伴 2026-11-22: 1 new"


def test_a_chinese_audience_reads_chinese_alone() -> None:
    text = told(
        night(
            violations=[
                violation(
                    "7", name="北方项目", change="reopened", waiver_ended_on=date(2026, 11, 21), owner_name="李娜"
                ),
                violation("8", NO_STEP, name="南方项目", owner_name="李娜"),
            ],
            stalled=[stall("9", name="西部项目", owner_name="李娜")],
            backlog=[violation("5", change="backlog")],
            incidents=[INCIDENT],
            expectations=[EXPECTATION],
        ),
        language="zh",
    )
    for expected in (
        "违规：新增 2 项（其中再次出现 1 项，阻断 1 项），涉及 2 个商机，风险金额 2,000 CNY",
        "停滞：新增 1 个停滞商机，金额 1,000 CNY",
        "数据：异常 1 项，不符合预期 1 项",
        "历史存量：首次运行的规则另发现 1 项，涉及 1 个商机，不算新增，见晨间检查。",
        "阻断 | 离开“初步接洽” | 要求：已举行至少30分钟的演示。（1）",
        "怎么办：完成演示并记录。",
        "- 北方项目（7） | 方案报价 | 李娜, East | 1,000 CNY",
        "  实际情况：没有记录（豁免已于 2026-11-21 到期）",
        "- deals_current：发现 500 行，通常为 900 至 1,100 行",
        "- 金额不为负数（deals_current）：实际 12，允许 0 至 3",
        "  原因：客户已无回应。",
        "晨间检查: https://bi.example.com/2026-11-22",
    ):
        assert expected in text.splitlines()
    words = text.replace("East", "").replace("CNY", "").replace("deals_current", "").replace(REVIEW, "")
    assert not any("a" <= letter.lower() <= "z" for letter in words)


def test_what_blocks_comes_first_then_doubts_about_the_data_then_what_warns_then_what_stands_still() -> None:
    text = told(
        night(
            violations=[violation("1", NO_STEP), violation("2", NO_STEP), violation("3")],
            stalled=[stall("4")],
            incidents=[INCIDENT],
            held_extracts=[HELD],
            expectations=[EXPECTATION],
        )
    )
    headings = ["Blocking |", "Doubt the data", "Extracts held", "Not as expected", "Warning |", "Newly stalled"]
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)
    assert "Data: 1 incident, 1 extract held, 1 expectation not met" in text
    assert "- deals_current: 500 rows, usually 900 to 1,100" in text


def test_within_a_rule_the_largest_amount_comes_first_and_unknown_amounts_last() -> None:
    text = told(
        night(
            violations=[
                violation("1", amount=None),
                violation("2", amount=Decimal(5)),
                violation("3", amount=Decimal("5.50")),
            ]
        )
    )
    assert [line.split(" ")[2] for line in text.splitlines() if line.startswith("- ")] == ["3", "2", "1"]


def test_an_amount_at_risk_counts_each_deal_once_and_to_the_cent() -> None:
    cents = Decimal("0.10")
    text = told(
        night(
            violations=[
                violation(str(number % 3), rule, amount=cents)
                for number, rule in enumerate([DISCOVERY] * 3 + [NO_STEP] * 3)
            ]
        )
    )
    assert "on 3 deals, 0.30 CNY at risk" in text


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, ["1", "2", "3", "4"]),
        ({"severities": frozenset({"block"})}, ["1", "2", "4"]),
        ({"rules": frozenset({NO_STEP.rule_id})}, ["3", "4"]),
        ({"funnels": frozenset({"partners"})}, ["2"]),
        ({"stages": frozenset({"contact"})}, ["3"]),
        ({"teams": frozenset({"West"})}, ["1"]),
        ({"tells": frozenset({"stalled"})}, ["4"]),
        ({"tells": frozenset({"violations"})}, ["1", "2", "3"]),
        ({"owner_key": "generic:bob"}, ["2", "4"]),
    ],
)
def test_an_audience_is_told_what_it_asked_for(filters: dict[str, object], left: list[str]) -> None:
    news = night(
        violations=[
            violation("1", team="West"),
            violation("2", funnel="partners", owner_key="generic:bob", team=None),
            violation("3", NO_STEP, stage="contact"),
        ],
        stalled=[stall("4", owner_key="generic:bob")],
    )
    digest = made(news, **filters)
    assert sorted(key.rsplit("|")[-1].rsplit(":")[-1] for key in digest.keys) == left


def test_an_owner_is_told_of_their_own_deals_alone_and_of_no_doubt_about_the_data() -> None:
    news = night(
        violations=[
            violation("1"),
            violation("2", owner_key="generic:bob", owner_name="Bob"),
            violation("3", owner_key=None),
        ],
        stalled=[stall("4", owner_key="generic:bob", owner_name="Bob")],
        incidents=[INCIDENT],
        held_extracts=[HELD],
        expectations=[EXPECTATION],
        backlog=[
            violation("5", change="backlog", owner_key="generic:li"),
            violation("6", change="backlog", owner_key="x"),
        ],
    )
    assert owners(news, audience()) == ["generic:bob", "generic:li"]
    bob = told(news, owner_key="generic:bob")
    assert bob.startswith("Bob, these are deals of yours.\nViolations: 1 new")
    assert "Deal 2" in bob
    assert "Deal 4" in bob
    assert not any(other in bob for other in ("Deal 1", "Deal 3", "Data:", "deals_current", "inbox", "Backlog"))
    assert "Backlog: 1 finding on 1 deal" in told(news, owner_key="generic:li")


def test_nothing_new_is_no_digest_and_a_backlog_alone_is_nothing_new() -> None:
    assert compose(night(), audience(), REVIEW) is None
    assert compose(night(backlog=[violation("1", change="backlog")]), audience(), REVIEW) is None
    assert compose(night(violations=[violation("1")]), audience(teams=frozenset({"West"})), REVIEW) is None


def test_a_backlog_is_counted_and_not_listed() -> None:
    text = told(night(violations=[violation("1")], backlog=[violation(str(n), change="backlog") for n in range(2, 9)]))
    assert "Backlog: 7 findings on 7 deals of rules that were asked for the first time" in text
    assert "Deal 2" not in text


def test_what_was_told_is_not_told_again_and_what_comes_later_says_that_it_is_in_addition() -> None:
    news = night(violations=[violation("1")], stalled=[stall("2")], held_extracts=[HELD])
    first = made(news)
    assert compose(news, audience(), REVIEW, told=first.keys) is None
    later = replace(news, violations=(*news.violations, violation("3")))
    digest = compose(later, audience(), REVIEW, told=first.keys)
    assert digest is not None
    assert digest.keys == (violation("3").key,)
    assert digest.subject.endswith(": 1 new, 1 blocking")
    text = render(digest, anything)
    assert text.startswith("In addition to what was sent for this night before.\nViolations: 1 new")
    assert "Deal 1" not in text


def test_a_long_digest_lists_as_many_as_asked_and_counts_the_rest() -> None:
    news = night(violations=[violation(str(n)) for n in range(30)], stalled=[stall(str(n)) for n in range(30, 57)])
    text = told(news, most_shown=20)
    assert text.count("\n- ") == 20
    assert text.splitlines()[-2:] == ["and 37 more, see the review.", f"Morning review: {REVIEW}"]
    assert "Violations: 30 new, 30 blocking" in text
    assert "(30)" in text
    assert "Newly stalled" not in text
    assert "另有 37 项，请见晨间检查。" in told(news, most_shown=20, language="zh")


FORTY = night(violations=[violation(str(number), name="北方 project") for number in range(40)])


@given(limit=st.integers(420, 6000), style=st.sampled_from(["text", "markdown"]))
def test_a_service_gets_as_many_whole_entries_as_it_takes_and_not_a_byte_more(limit: int, style: Style) -> None:
    digest = made(FORTY, most_shown=40)

    def fits(text: str) -> bool:
        return len(text.encode()) <= limit

    text = render(digest, fits, style)
    shown = text.count("\n- ")
    assert fits(text)
    assert text.startswith("Violations: 40 new")
    assert text.count("nothing on record") == shown
    assert (f"and {40 - shown} more, see the review." in text) == (shown < 40)
    assert shown == 40 or not fits(render(replace(digest, most_shown=shown + 1), anything, style))


@given(limit=st.integers(1, 120))
def test_a_service_that_takes_hardly_anything_gets_the_beginning_of_the_counts(limit: int) -> None:
    text = render(made(FORTY), lambda text: len(text) <= limit)
    assert len(text) <= limit
    assert text
    assert "Violations: 40 new, 40 blocking; on 40 deals, 40,000 CNY at risk\nand 40 more, see the review.".startswith(
        text
    )


def test_a_record_is_linked_where_its_crm_has_a_pattern_and_its_id_cannot_change_the_address() -> None:
    links = {"generic": "https://crm.example.com/deals/{deal_id}/view"}
    news = night(violations=[violation("1", deal_id="../x?y=1&z"), violation("2", crm="hubspot")])
    digest = compose(news, audience(), REVIEW, record_links=links)
    assert digest is not None
    text = render(digest, anything)
    assert text.count("Open in the CRM") == 1
    assert "  Open in the CRM: https://crm.example.com/deals/..%2Fx%3Fy%3D1%26z/view" in text
    assert "[Open in the CRM](<https://crm.example.com/deals/..%2Fx%3Fy%3D1%26z/view>)" in render(
        digest, anything, "markdown"
    )


def test_the_review_is_named_by_its_file_where_it_has_no_address() -> None:
    digest = compose(night(violations=[violation("1")]), audience(), "/srv/reports/2026-11-22/review.html")
    assert digest is not None
    assert render(digest, anything).endswith("\nMorning review: /srv/reports/2026-11-22/review.html")


@pytest.mark.parametrize(
    ("rule", "observed", "english", "chinese"),
    [
        ("customer_silent", "86", "silent for 86 days", "86 天没有动作"),
        ("dwell_over_cap", "158 / 30", "158 days in the stage, 30 allowed", "已停留 158 天，上限 30 天"),
        ("close_date_pushed", "6", "pushed 6 times", "已推迟 6 次"),
        ("close_date_past", "2026-07-21", "expected to close on 2026-07-21", "预计成交日期 2026-07-21"),
        ("mandatory_stage_skipped", "contact", "Initial contact", "初步接洽"),
        ("moved_back", "proposal", "Proposal", "方案报价"),
        ("commit_without_economic_buyer", "commit", "commit", "commit"),
    ],
)
def test_what_was_found_is_told_in_words(rule: str, observed: str, english: str, chinese: str) -> None:
    asked = replace(NO_STEP, rule_id=f"rule.{rule}")
    news = night(violations=[violation("1", asked, observed=observed, outcome="failed")])
    assert f"  Found: {english}" in told(news).splitlines()
    assert f"  实际情况：{chinese}" in told(news, language="zh").splitlines()


HOSTILE = [
    "@all",
    "@channel @here @everyone",
    "<!channel>",
    "<!here|here>",
    "<@U024BE7LH>",
    '<at user_id="all">所有人</at>',
    "<at>li.na@example.com</at>",
    "<users/all>",
    "[free](http://evil.example.com)",
    "![](http://evil.example.com/pixel.png)",
    "<http://evil.example.com|your CRM>",
    "<img src=x onerror=alert(1)>",
    "two\nlines\r\nand\u2028a third",
    "\u202eright to left\u202c",
    "a\x00b\x1b[31m",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_one_line_of_text_that_calls_links_and_hides_nothing(name: str) -> None:
    line = plain(name)
    assert not set(line) & set("@<>\n\r\u2028\u202e\x00\x1b")
    assert "](" not in line
    # Whatever stood in it can still be read.
    words = [word for word in ("all", "channel", "evil", "free", "third", "alert", "31m") if word in name]
    assert all(word in line for word in words)


@given(st.text(max_size=300))
def test_any_text_becomes_one_line_of_bounded_length(text: str) -> None:
    line = plain(text, 80)
    assert len(line) <= 80
    assert line == " ".join(line.split())
    assert plain(line, 80) == line


def test_chinese_and_emoji_pass_as_they_are() -> None:
    assert plain("北方集团（二期） 👩‍💻 ❤️ Ünïcode") == "北方集团（二期） 👩‍💻 ❤️ Ünïcode"


def test_hostile_names_of_deals_owners_teams_and_findings_are_all_made_harmless() -> None:
    bad = '<!channel> @all [x](http://evil) <at user_id="all">'
    news = night(
        violations=[violation(bad, name=bad + " deal", owner_name=bad, team=bad, observed=bad, outcome="failed")],
        stalled=[stall("2", name=bad, owner_name=bad)],
        held_extracts=[Held("h", bad)],
        incidents=[Incident("i", "extract", bad, None, 1, 2, 3)],
        expectations=[replace(EXPECTATION, subject=bad)],
    )
    for language, owner in itertools.product(("en", "zh"), (None, "generic:li")):
        digest = made(news, language=language, owner_key=owner)
        for text in (render(digest, anything), render(digest, anything, "markdown")):
            data = digest.subject + text.replace(f"](<{REVIEW}>)", "")
            assert not set(data) & set("@<>")
            assert "](" not in data


def test_markdown_shows_stars_underscores_and_brackets_as_they_are() -> None:
    assert markdown("*a* _b_ `c` [d] ~e~ \\ A&B &amp; <") == (
        "\\*a\\* \\_b\\_ \\`c\\` \\[d\\] \\~e\\~ \\\\ A&B \\&amp; \\<"
    )
    digest = made(night(violations=[violation("1", name="*bold* # title")]))
    assert "- \\*bold\\* # title (1) | Proposal" in render(digest, anything, "markdown")
    assert "**Blocking | Leaving Initial contact" in render(digest, anything, "markdown")
