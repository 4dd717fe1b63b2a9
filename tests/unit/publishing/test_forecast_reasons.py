"""Why a deal's chance is what it is, as people read it in both languages."""

from decimal import Decimal

import pytest

from orchestration.forecasting.features import FACTS, LATE, NONE_ASKED, NOT_POSITIVE, NUMBERS, UNKNOWN
from orchestration.publishing.forecast_reasons import points_text, reason_text

LEVELS = {fact: [UNKNOWN] for fact in FACTS if fact != LATE}
LEVELS["criteria_unproven"].append(NONE_ASKED)
LEVELS["amount"].append(NOT_POSITIVE)


@pytest.mark.parametrize(
    ("fact", "value", "usual", "en", "zh"),
    [
        (
            "criteria_unproven",
            2.0,
            0.0,
            "2 criteria were passed without proof (usual: 0)",
            "有 2 项标准未经证明就已通过（通常为 0）",
        ),
        ("criteria_unproven", 0.0, 0.0, "All criteria so far are proven", "目前各项标准均有证据"),
        (
            "days_since_customer_activity",
            43.9,
            11.2,
            "The customer was last active 43 days ago (usual: 11)",
            "客户最近一次动作在 43 天前（通常为 11）",
        ),
        ("pushes", 1.0, None, "Its close date was pushed once", "预计成交日期推迟过 1 次"),
        (
            "amount",
            1_250_000.5,
            48_000.0,
            "Its amount is 1,250,001 (usual: 48,000)",
            "金额为 1,250,001（通常为 48,000）",
        ),
        (
            "days_in_stage",
            1_200.0,
            15.5,
            "It has been in its stage for 1,200 days (usual: 15)",
            "在当前阶段已停留 1,200 天（通常为 15）",
        ),
    ],
)
def test_a_number_is_told_beside_what_is_usual(fact: str, value: float, usual: float | None, en: str, zh: str):
    text = reason_text(fact, None, value, usual)

    assert (text.en, text.zh) == (en, zh)


def test_an_icp_band_is_told_by_its_name():
    assert reason_text("icp_band", "A", None, None).en == "The customer is in ICP band A"
    assert reason_text("icp_band", "重点", None, None).zh == "客户的 ICP 等级为 重点"


@pytest.mark.parametrize(("fact", "level"), [(fact, level) for fact, levels in LEVELS.items() for level in levels])
def test_every_level_of_every_fact_has_wording_in_both_languages(fact: str, level: str):
    text = reason_text(fact, level, None, None)

    assert text.en != f"{fact}: {level}"
    assert not text.en.endswith(f"band {level}")
    assert text.zh != text.en


@pytest.mark.parametrize("fact", [fact for fact in FACTS if NUMBERS[fact]])
@pytest.mark.parametrize("value", [0.0, 1.0, 7.0])
def test_every_fact_with_a_number_has_wording_in_both_languages(fact: str, value: float):
    text = reason_text(fact, None, value, None)

    assert text.en != fact
    assert text.zh != text.en


def test_a_fact_without_wording_is_called_by_its_code():
    assert reason_text("moon_phase", "full", None, None).en == "moon_phase: full"
    assert reason_text("moon_phase", None, 3.0, None).en == "moon_phase"


@pytest.mark.parametrize(
    ("points", "en", "zh"),
    [
        ("6.16", "+6 points", "+6 个百分点"),
        ("-0.55", "−0.6 points", "−0.6 个百分点"),
        ("1.20", "+1 point", "+1 个百分点"),
        ("-12.50", "−13 points", "−13 个百分点"),
    ],
)
def test_points_are_signed_and_no_more_exact_than_they_are(points: str, en: str, zh: str):
    text = points_text(Decimal(points))

    assert (text.en, text.zh) == (en, zh)
