"""The first sentence: the five seconds that most readers give the page."""

from decimal import Decimal
from typing import Any

import pytest
from review_nights import AMOUNT_MISSING, BUSINESS_DATE, served, standards, violation

from orchestration.publishing.review.compose import compose
from orchestration.publishing.review.headline import headline

NEW = {"change": "new"}


@pytest.mark.parametrize(
    ("parts", "en", "zh"),
    [
        (
            {"violations": [violation("1", **NEW), violation("2", AMOUNT_MISSING, **NEW)]},
            "2 new violations since 2026-11-21, 1 of them blocking: 2,000 CNY at risk on 2 deals.",
            "自 2026-11-21 以来新增 2 项违规，其中阻断 1 项：涉及 2 个商机，风险金额 2,000 CNY。",
        ),
        (
            {"violations": [violation("1", **NEW)]},
            "1 new violation since 2026-11-21, blocking: 1,000 CNY at risk on 1 deal.",
            "自 2026-11-21 以来新增 1 项违规，均为阻断：涉及 1 个商机，风险金额 1,000 CNY。",
        ),
        (
            {"violations": [violation("1", AMOUNT_MISSING, amount_at_risk=None, **NEW)]},
            "1 new violation since 2026-11-21, none of them blocking: 1 deal, whose amounts are not known.",
            "自 2026-11-21 以来新增 1 项违规，均非阻断：涉及 1 个商机，金额未知。",
        ),
        (
            {"violations": [violation("1")]},
            "Nothing new since 2026-11-21. 1 violation is still open.",
            "自 2026-11-21 以来没有新增，仍有 1 项违规未解决。",
        ),
        (
            {"violations": [violation("1", change="backlog"), violation("2")]},
            "Nothing new since 2026-11-21; rules asked for the first time found a backlog of 1.",
            "自 2026-11-21 以来没有新增；首次检查的规则发现历史存量 1 项。",
        ),
        (
            {},
            "Nothing new since 2026-11-21, and no violation is open.",
            "自 2026-11-21 以来没有新增，也没有未解决的违规。",
        ),
        (
            {"previous": None, "violations": [violation("1", change="backlog")]},
            "The first night: 1 violation was found. They are a backlog; from the next night on, this page begins "
            "with what is new.",
            "第一晚：发现 1 项违规，均为历史存量；从下一晚起，本页首先列出新增违规。",
        ),
        ({"previous": None}, "The first night: no violation was found.", "第一晚：没有发现违规。"),
    ],
)
def test_the_headline_says_how_many_how_bad_and_how_much(parts: dict[str, Any], en: str, zh: str) -> None:
    said = headline(compose(served(**parts), standards(), BUSINESS_DATE))
    assert (said.en, said.zh) == (en, zh)


def test_halves_of_a_unit_round_away_from_zero() -> None:
    made = compose(
        served(violations=[violation("1", amount_at_risk=Decimal("10.50"), **NEW)]), standards(), BUSINESS_DATE
    )
    assert "11 CNY" in headline(made).en
