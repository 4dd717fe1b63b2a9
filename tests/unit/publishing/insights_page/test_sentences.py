"""The sentence at the head of the insights page, in every state that a night may be in."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from insights_nights import BUSINESS_DATE, bottleneck, conversion, served, split, standards

from orchestration.publishing.insights_page.compose import compose
from orchestration.publishing.insights_page.sentences import headline, points


def said(**rows: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    made = compose(served(**rows), standards(), BUSINESS_DATE)
    text = headline(made.views[0], made.currency)
    # A figure and its sign are held together by a blank that does not break.
    return text.en.replace("\N{NO-BREAK SPACE}%", " %"), text.zh


def test_it_says_where_most_is_lost_where_mending_pays_and_which_cause_is_named() -> None:
    fell = {"lead_quality": -6.0, "follow_up": 1.0, "within_segments": -3.0}
    assert said(
        funnel_stage_conversion=[conversion(), conversion("proposal", 60, 35, 20)],
        funnel_bottlenecks=[bottleneck("proposal", 1_925_581)],
        conversion_causes=split(fell, named=["lead_quality"]),
    ) == (
        "The funnel loses most deals in Initial contact: 30 of 100 that reached it (30 %) closed without going "
        "further. Mending pays most in Proposal: if it were as good as its best quartile of owners, 1.93M CNY more "
        "would be won a year. The named cause: lead quality took 6.0 of the 8.0 points that Initial contact converts "
        "less in FY2026-Q3 than in FY2026-Q2 (62 % against 70 %).",
        "漏斗在“初步接洽”流失最多：到达的 100 个商机中，30 个（30%）未再推进即关闭。"
        "改进“方案报价”的收益最大：若达到负责人中最佳四分之一的水平，每年可多赢单 193万 CNY。"
        "已查明的原因：“初步接洽”的转化率由 FY2026-Q2 的 70% 变为 FY2026-Q3 的 62%，"
        "下降 8.0 个百分点，其中线索质量占 6.0 个百分点。",
    )


def test_a_rest_that_nothing_measured_explains_is_told_so_and_not_as_a_cause() -> None:
    rows = split({"within_segments": -5.0, "follow_up": -3.0}, named=["within_segments"])
    english, chinese = said(funnel_stage_conversion=[conversion()], conversion_causes=rows)
    assert "No measured cause explains most of it: 5.0 of the 8.0 points" in english
    assert "其中 5.0 个出现在同类商机之间" in chinese


@pytest.mark.parametrize(
    ("key", "lead_en", "lead_zh"),
    [
        ("unproven_advancement", "The named cause: unproven advancement", "已查明的原因：缺少证据的推进"),
        ("within_segments", "No measured cause explains most of it: deals alike", "都不能解释：同类商机之间"),
    ],
)
def test_a_cause_that_took_more_than_was_lost_is_told_with_what_others_made_up(
    key: str, lead_en: str, lead_zh: str
) -> None:
    rows = split({key: -8.0, "lead_quality": 3.0}, named=[key])
    english, chinese = said(funnel_stage_conversion=[conversion()], conversion_causes=rows)
    assert english.endswith(
        f"{lead_en}, −8.0 points of −5.0 in all for Initial contact in FY2026-Q3 against FY2026-Q2 "
        "(65 % against 70 %); others made up 3.0."
    )
    assert lead_zh in chinese
    assert chinese.endswith("合计 −5.0 个百分点；其他原因弥补了 3.0 个百分点。")
    assert "took" not in english


def test_a_cause_that_is_named_in_a_rise_alone_is_no_cause_of_a_fall() -> None:
    rows = split({"follow_up": 6.0}, named=["follow_up"])
    english, chinese = said(funnel_stage_conversion=[conversion()], conversion_causes=rows)
    assert english.endswith(
        "No cause of a fall stands out beyond chance against the quarter before, a year ago or the best quarter."
    )
    assert chinese.endswith("没有超出偶然的下降原因。")


def test_where_most_is_lost_may_be_where_mending_pays_most() -> None:
    english, chinese = said(funnel_stage_conversion=[conversion()], funnel_bottlenecks=[bottleneck(window_days=90.0)])
    assert "Mending pays most there, too: if it were as good as its best quartile of owners, 500K CNY" in english
    assert "would be won in 90 days." in english
    assert "改进该阶段的收益也最大" in chinese
    assert "90 天内可多赢单" in chinese


@pytest.mark.parametrize(
    ("rows", "end"),
    [
        ([], "Why is not known yet: no two quarters can be compared."),
        (split({}, is_insufficient_history=True), "Why is not known yet: no two quarters can be compared."),
        (split({"lead_quality": -6.0}), "a year ago or the best quarter."),
    ],
)
def test_no_cause_is_named_that_history_does_not_name(rows: list[dict[str, Any]], end: str) -> None:
    english, chinese = said(funnel_stage_conversion=[conversion()], conversion_causes=rows)
    assert english.endswith(end)
    assert "took" not in english
    assert "已查明" not in chinese


def test_a_funnel_that_has_lost_nothing_says_so() -> None:
    assert said(funnel_stage_conversion=[conversion(lost=0)])[0] == "No deal of this funnel has been lost yet."


def test_a_funnel_without_deals_says_so() -> None:
    assert said() == ("No deal has entered this funnel yet.", "还没有商机进入该漏斗。")


@pytest.mark.parametrize(
    ("share", "told"),
    [(-0.0512, "−5.1"), (0.0038, "+0.4"), (0.0004, "0.0"), (-0.0004, "0.0"), (0.0, "0.0"), (1.0, "+100.0")],
)
def test_a_difference_is_told_in_points_with_its_sign_and_no_sign_where_it_is_none(share: float, told: str) -> None:
    assert points(share) == told
