"""What the morning review says: what is new, what it is worth, whose it is, how the nights compare."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
import review_nights as made_up
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
    refusal,
    rule_night,
    served,
    stall_reason,
    stalled,
    standards,
    violation,
    waived,
)

from orchestration.publishing.review.compose import READ, compose
from orchestration.publishing.review.content import ReviewPage, ReviewRefusedError
from orchestration.publishing.review.data import RAW_TEXT_CHARACTERS, REFUSALS_LISTED
from orchestration.publishing.review.violations import TREND_NIGHTS
from orchestration.publishing.summary import summary_rows
from orchestration.publishing.wording import Text


def page(language: str = "en", **parts: Any) -> ReviewPage:
    beside = {name: parts.pop(name) for name in ("loads", "refused", "earlier_violations") if name in parts}
    links = parts.pop("links", None)
    return compose(served(**parts), standards(language, links), BUSINESS_DATE, **beside)


def busy() -> dict[str, Any]:
    return {
        "deals": [deal("1"), deal("2", "contact"), deal("3", "won"), deal("4", amount_reporting=None)],
        "violations": [
            violation("1", change="new"),
            violation("1", AMOUNT_MISSING),
            violation("2", stage="contact", amount_at_risk=Decimal("250.40")),
            violation("4", AMOUNT_MISSING, amount_at_risk=None, change="reopened"),
            closed("3"),
            closed("3", AMOUNT_MISSING, "condition_cleared", closed_on=date(2026, 11, 1)),
        ],
        "rules": [rule_night(DISCOVERY, 2), rule_night(AMOUNT_MISSING, 2)],
        "forecasts": [forecast("stage_average", "untimed"), forecast("weighted_stage")],
    }


# Violations


def test_a_deal_that_fails_two_rules_counts_once_in_the_amount_at_risk() -> None:
    made = page(**busy())
    assert (made.open.violations, made.open.deals, made.open.deals_without_amount) == (4, 3, 1)
    assert made.open.amount == Decimal("1250.40")
    assert made.open.by_severity == {"block": 2, "warn": 2}


def test_an_amount_that_is_not_known_of_any_deal_is_not_zero() -> None:
    made = page(deals=[deal("1")], violations=[violation("1", amount_at_risk=None)])
    assert made.open.amount is None
    assert page().open.amount == 0


def test_amounts_are_summed_to_the_cent_where_a_binary_fraction_would_not() -> None:
    amounts = [Decimal("9999999999999.99"), Decimal("0.10"), Decimal("0.20")]
    made = page(violations=[violation(str(key), amount_at_risk=amount) for key, amount in enumerate(amounts)])
    assert made.open.amount == Decimal("10000000000000.29")


def test_new_means_first_seen_or_reopened_tonight() -> None:
    made = page(**busy())
    listed = made.tables.violations.filter(pl.col("is_new"))
    assert made.new.violations == 2
    assert set(listed["status"]) == {"new", "reopened"}


def test_what_was_new_on_an_earlier_night_is_not_new_tonight() -> None:
    made = page(violations=[violation("1", change="new", first_seen=BEFORE)])
    assert (made.new.violations, made.open.violations) == (0, 1)


def test_the_first_night_of_a_rule_is_a_backlog_and_not_new() -> None:
    made = page(deals=[deal("1")], violations=[violation("1", change="backlog")], rules=[rule_night(DISCOVERY, 1)])
    assert (made.new.violations, made.backlog.violations, made.open.violations) == (0, 1, 1)


def test_only_what_closed_tonight_is_told_as_closed_and_late_proof_is_told_apart() -> None:
    made = page(violations=[closed("1"), closed("2", is_late=True), closed("3", closed_on=BEFORE)])
    assert made.closed.violations == 2
    assert made.closed_as == (
        (Text("Evidence arrived", "证据已补齐"), 1),
        (Text("Evidence arrived late", "证据迟到"), 1),
    )
    assert sorted(made.tables.violations["status"]) == ["evidence_arrived", "evidence_late"]


def test_a_waived_violation_is_listed_with_who_answers_for_it_until_the_waiver_ends() -> None:
    made = page(violations=[waived("1"), waived("2", waived_until=BEFORE)])
    (row,) = made.tables.violations.iter_rows(named=True)
    assert (row["listing"], row["waived_by"], row["waived_until"]) == ("waived", "Mei Lin", date(2026, 12, 15))
    assert (made.waived.violations, made.open.violations, made.closed.violations) == (1, 0, 0)


def test_a_violation_waived_on_this_very_night_is_not_told_as_closed() -> None:
    made = page(violations=[waived("1", closed_on=BUSINESS_DATE)])
    assert (made.waived.violations, made.closed.violations) == (1, 0)


def test_a_violation_not_checked_tonight_says_so() -> None:
    made = page(violations=[violation("1", last_seen=date(2026, 11, 20)), violation("2")])
    assert dict(made.tables.violations.select("violation_id", "is_unchecked").iter_rows()) == {
        f"{DISCOVERY}|1": True,
        f"{DISCOVERY}|2": False,
    }


def test_blocking_violations_come_first_then_the_most_money_then_what_has_no_amount() -> None:
    made = page(
        violations=[
            violation("1", AMOUNT_MISSING, amount_at_risk=Decimal(9000)),
            violation("2", amount_at_risk=None),
            violation("3", amount_at_risk=Decimal(10)),
            violation("4", amount_at_risk=Decimal(20)),
        ]
    )
    ids = [each.split("|")[1] for each in made.tables.violations["violation_id"]]
    assert ids == ["4", "3", "2", "1"]


def test_every_row_points_to_its_deal_rule_and_stage() -> None:
    made = page(**busy())
    tables = made.tables
    for row in tables.violations.iter_rows(named=True):
        rule_id, key = row["violation_id"].split("|")
        assert tables.deals["deal_id"][row["deal"]] == key
        assert tables.rules["rule_id"][row["rule"]] == rule_id
        assert tables.stages["name_en"][row["stage"]] == ("Initial contact" if key == "2" else "Proposal")


def test_a_deal_that_left_the_crm_keeps_its_id_and_its_crm() -> None:
    made = page(violations=[closed("a:b", change="deal_departed", deal_key="hubspot:a:b")])
    assert made.tables.deals.rows(named=True) == [
        {"deal_name": "a:b", "deal_id": "a:b", "crm": "hubspot", "amount": Decimal("1000.00")}
    ]


def test_a_deal_with_a_blank_name_goes_by_its_id() -> None:
    made = page(
        deals=[deal("1", deal_name="  "), deal("2", deal_name=None)], violations=[violation("1"), violation("2")]
    )
    assert made.tables.deals["deal_name"].to_list() == ["1", "2"]


def test_stages_stand_in_the_order_of_the_funnel_and_unknown_ones_last() -> None:
    stages = (("1", "Legal 2"), ("2", "proposal"), ("3", "contact"))
    made = page(deals=[deal("1", "Legal 2")], violations=[violation(key, stage=stage) for key, stage in stages])
    assert made.tables.stages["name_en"].to_list() == ["Initial contact", "Proposal", "Won", "Lost", "Legal 2"]


def test_a_rule_that_the_standards_no_longer_know_goes_by_its_id() -> None:
    made = page(violations=[violation("1", "rule.gone")])
    assert made.tables.rules.row(0, named=True)["expected_en"] == "rule.gone"


@pytest.mark.parametrize(
    ("rule", "outcome", "observed", "en", "zh"),
    [
        ("close_date_past", "failed", "2026-11-18", "Was to close on 2026-11-18", "原定 2026-11-18 成交"),
        ("amount_missing", "missing", None, "No amount", "没有金额"),
        ("mandatory_stage_skipped", "failed", "contact", "Skipped Initial contact", "跳过了“初步接洽”"),
        ("dwell_over_cap", "failed", "40 / 30", "40 days in the stage; the cap is 30", "已停留 40 天，上限 30 天"),
        ("customer_silent", "failed", "16", "Silent for 16 days", "客户已 16 天没有动作"),
        ("close_date_pushed", "failed", "3", "Pushed 3 times", "已推迟 3 次"),
        ("moved_back", "failed", "proposal", "Moved back from Proposal", "从“方案报价”退回"),
        ("single_contact", "missing", None, "No contact", "没有联系人"),
        ("single_contact", "failed", "generic:P-1", "One contact: generic:P-1", "只有一位联系人：generic:P-1"),
        ("moved_back", "failed", None, "Not met", "不符合"),
        ("of_our_own", "failed", "7 of 9", "7 of 9", "7 of 9"),
        ("of_our_own", "missing", None, "Nothing recorded", "没有记录"),
        ("of_our_own", "not_evaluated", None, "Not evaluated", "未能检查"),
        ("amount_missing", "met", None, "Met by now", "现已符合"),
    ],
)
def test_what_was_found_is_said_in_words(rule: str, outcome: str, observed: str | None, en: str, zh: str) -> None:
    made = page(violations=[violation("1", f"rule.{rule}", outcome=outcome, observed=observed)])
    assert made.tables.violations.select("found_en", "found_zh").row(0) == (en, zh)


def test_what_was_found_first_and_the_owner_of_then_are_told_where_they_were_others() -> None:
    same = violation("1", "rule.close_date_pushed", outcome="failed", observed="3", observed_first="3")
    other = violation(
        "2",
        "rule.close_date_pushed",
        outcome="failed",
        observed="5",
        observed_first="3",
        owner_key="generic:bo",
        owner_name="Bo",
    )
    made = page(deals=[deal("1"), deal("2", owner_key="generic:bo", owner_name="Bo")], violations=[same, other])
    rows = {row["violation_id"][-1]: row for row in made.tables.violations.iter_rows(named=True)}
    assert (rows["1"]["found_first_en"], rows["1"]["owner_first"]) == (None, None)
    assert (rows["2"]["found_first_en"], rows["2"]["owner_first"]) == ("Pushed 3 times", "Li Na 李娜")


# Whose, and how the nights compare


def test_the_owners_with_the_most_money_come_first_each_deal_once() -> None:
    made = page(
        violations=[
            violation("1", change="new", owner_name="Ann", amount_at_risk=Decimal(500)),
            violation("1", AMOUNT_MISSING, change="new", owner_name="Ann", amount_at_risk=Decimal(500)),
            violation("2", change="new", owner_name="Bo", team=None, amount_at_risk=Decimal(700)),
            violation("3", change="new", owner_name="Cy", amount_at_risk=None),
            violation("4", change="new", owner_name=None, amount_at_risk=Decimal(9999)),
            violation("5", owner_name="Di", amount_at_risk=Decimal(9999)),
        ]
    )
    assert [(each.name, each.violations, each.amount) for each in made.holders] == [
        ("Bo", 1, Decimal(700)),
        ("Ann", 2, Decimal(500)),
        ("Cy", 1, None),
    ]


def test_without_new_violations_the_owners_are_those_of_all_open_ones() -> None:
    made = page(violations=[violation("5", owner_name="Di")])
    assert [each.name for each in made.holders] == ["Di"]


def test_each_night_is_told_as_its_own_page_told_it() -> None:
    nights = [date(2026, 11, 14), BEFORE, BUSINESS_DATE]
    earlier = pl.concat(
        [
            left_behind(nights[0], violation("1", change="backlog", first_seen=nights[0], amount_at_risk=Decimal(300))),
            # Deal 1 was worth less then, and its violation closed and came back since.
            left_behind(
                BEFORE,
                closed("1", closed_on=BEFORE, first_seen=nights[0]),
                violation("2", AMOUNT_MISSING, change="new", first_seen=BEFORE, amount_at_risk=None),
            ),
        ]
    )
    made = page(
        violations=[
            violation("1", change="reopened", first_seen=nights[0], amount_at_risk=Decimal(800)),
            violation("2", AMOUNT_MISSING, first_seen=BEFORE, amount_at_risk=None),
        ],
        nights=nights,
        earlier_violations=earlier,
    )
    assert made.tables.trend.rows() == [
        (nights[0], 1, 0, 0, 1, 0, 1, Decimal(300)),
        (BEFORE, 0, 1, 1, 0, 1, 1, None),
        (BUSINESS_DATE, 1, 1, 1, 0, 0, 2, Decimal(800)),
    ]
    assert made.night_before is not None
    assert (made.night_before.open, made.night_before.amount) == (1, None)
    assert made.week_before is not None
    assert (made.week_before.business_date, made.week_before.open) == (nights[0], 1)


def test_a_night_without_any_violation_stands_in_the_trend_with_zeros() -> None:
    made = page(violations=[], nights=[BEFORE, BUSINESS_DATE])
    assert made.tables.trend.rows() == [(each, 0, 0, 0, 0, 0, 0, Decimal(0)) for each in (BEFORE, BUSINESS_DATE)]


def test_the_first_night_has_nothing_to_compare_with() -> None:
    made = page(previous=None, violations=[violation("1", change="backlog")])
    assert (made.night_before, made.week_before, made.tables.trend.height) == (None, None, 1)


def test_a_past_night_that_is_run_again_knows_nothing_of_later_ones_and_shows_no_more_than_two_months() -> None:
    nights = [BUSINESS_DATE + timedelta(days=shift) for shift in range(-TREND_NIGHTS - 5, 3)]
    later = left_behind(BUSINESS_DATE + timedelta(days=1), violation("9"))
    made = page(nights=nights, earlier_violations=later)
    assert made.tables.trend.height == TREND_NIGHTS
    assert made.tables.trend["business_date"][-1] == BUSINESS_DATE
    assert made.tables.trend["deals"].sum() == 0


# Stalled deals


def test_stalled_deals_come_with_their_reasons_the_most_money_first() -> None:
    made = page(
        deals=[deal("1"), deal("2")],
        stalls=[stalled("1"), stalled("2", None, amount_reporting=Decimal(5000)), stalled("3", amount_reporting=None)],
        stall_reasons=[stall_reason("1", 2, reason="champion_gone", size=1), stall_reason("1"), stall_reason("3")],
    )
    tables = made.tables
    assert [tables.deals["deal_id"][each] for each in tables.stalled["deal"]] == ["2", "1", "3"]
    assert tables.stalled["reason_zh"].to_list() == [None, "客户已无回应。", "客户已无回应。"]
    assert tables.stall_reasons.select("stalled", "size_en", "size_zh", "records").rows() == [
        (1, "30 days", "30 天", "E-1; E-2"),
        (1, "1 gone", "1 位已离开", "E-1; E-2"),
        (2, "30 days", "30 天", "E-1; E-2"),
    ]


def test_days_of_a_stall_are_whole_floored_days_and_its_instants_business_dates() -> None:
    row = page(stalls=[stalled("1")]).tables.stalled.row(0, named=True)
    assert (row["dwell_days"], row["stalled_days"], row["silent_days"]) == (60, 15, 30)
    # 20:00 UTC is the next day in Shanghai.
    assert (row["last_customer_event_on"], row["stall_began_on"]) == (date(2026, 10, 24), date(2026, 11, 7))


def test_reasons_that_a_crm_cannot_tell_are_named_in_both_languages() -> None:
    row = page(stalls=[stalled("1", reasons_not_evaluated="champion_gone; unheard_of")]).tables.stalled.row(
        0, named=True
    )
    assert row["untold_en"] == "The champion has left the deal. unheard_of"
    assert row["untold_zh"] == "内部支持者已离开。unheard_of"


# The data itself


def test_refused_records_say_in_both_languages_why_and_how_to_release_them() -> None:
    rows = made_up.refused(refusal(3, "ragged_record"), refusal(4, "of_tomorrow", raw_text="x" * 9999))
    first, second = page(refused=rows).tables.refused.iter_rows(named=True)
    assert (first["reason_en"], first["reason_zh"]) == ("More or fewer fields than the header", "字段数与表头不符")
    assert (first["extracted_at"], first["line"]) == ("2026-11-22 23:30", 4)
    assert (second["reason_en"], second["release_zh"]) == ("of_tomorrow", "Say how.")
    assert len(second["raw_text"]) == RAW_TEXT_CHARACTERS


def test_of_refused_records_by_the_thousand_the_page_says_how_many_it_leaves_out() -> None:
    made = page(refused=made_up.refused(*(refusal(number) for number in range(REFUSALS_LISTED + 7))))
    assert (made.tables.refused.height, made.unlisted_refusals) == (REFUSALS_LISTED, 7)
    assert page().unlisted_refusals == 0


def test_what_failed_comes_first_among_the_expectations_and_every_one_is_there() -> None:
    made = page(
        expectations=[
            expectation("a"),
            expectation("b", "failed"),
            expectation("c", "not_evaluated", upper=None),
            expectation("d", "failed", severity="block"),
            expectation("e", "failed", business_date=BEFORE),
            expectation("extract_stale", "errored"),
        ]
    )
    assert [(line.status, line.severity) for line in made.expectations] == [
        ("errored", "warn"),
        ("failed", "block"),
        ("failed", "warn"),
        ("not_evaluated", "warn"),
        ("passed", "warn"),
    ]
    assert made.failed_expectations == 3
    assert [line.is_in_days for line in made.expectations] == [True, False, False, False, False]


def test_a_count_that_jumped_is_told_by_what_its_rule_expects() -> None:
    made = page(rules=[rule_night(DISCOVERY)], incidents=[incident(), incident("extract", "generic.deals")])
    assert [(line.kind, line.subject.zh, line.observed) for line in made.incidents] == [
        ("extract", "generic.deals", 900),
        ("rule", "已举行至少30分钟的演示。", 900),
    ]


def test_loads_are_told_by_file_with_what_was_quarantined() -> None:
    taken = made_up.loads(
        ("generic", "deals", "generic/2026-11-22/deals.csv", datetime(2026, 11, 22, 16, tzinfo=UTC), 10, 9, 1)
    )
    (load,) = page(loads=taken).loads
    assert (load.file, load.extracted_at, load.rows_quarantined) == (
        "generic/2026-11-22/deals.csv",
        "2026-11-23 00:00",
        1,
    )


def test_as_of_is_told_in_the_time_zone_of_the_company() -> None:
    assert page().as_of == "2026-11-23 00:00"


# Rules, funnel, forecast


def test_a_rule_without_a_problem_is_there_with_zeros_and_its_usual_range() -> None:
    made = page(
        rules=[rule_night(AMOUNT_MISSING), rule_night(DISCOVERY, 5, usual_low=2, usual_high=9, is_incident=True)]
    )
    assert [(line.rule.rule_id, line.failing, line.usual_high, line.is_incident) for line in made.rules] == [
        (DISCOVERY, 5, 9, True),
        (AMOUNT_MISSING, 0, None, False),
    ]


def test_a_night_with_no_closed_deals_has_unknowns_and_no_money_made_of_nothing() -> None:
    unknown = {"won_amount": None, "open_amount": None, "total_amount": None, "excluded_deals": 5}
    made = page(
        deals=[deal("1", amount_reporting=None)],
        forecasts=[forecast("stage_average", "untimed", **unknown), forecast("weighted_stage", **unknown)],
    )
    line = made.funnels[0].stages[0]
    assert (line.open_deals, line.open_amount, line.reached, line.conversion) == (1, None, None, None)
    headline = made.headline_forecast
    assert headline is not None
    assert headline.total_amount is None


def test_the_running_quarter_is_the_headline_and_the_untimed_method_is_told_apart() -> None:
    later = forecast("weighted_stage", period_start=date(2027, 1, 1), period_end=date(2027, 3, 31), open_deals=99)
    empty = forecast("weighted_stage", "overdue", open_deals=0)
    made = page(forecasts=[forecast("stage_average", "untimed"), forecast("weighted_stage"), later, empty])
    assert [(line.method.en, line.scope) for line in made.forecasts] == [
        ("Stage average", "untimed"),
        ("Weighted by stage", "dated"),
    ]
    assert made.period_label == "FY2026-Q4"


@pytest.mark.parametrize(
    ("champion", "leading"),
    [(None, "Timed by stage and age"), ("weighted_stage", "Weighted by stage"), ("stage_average", None)],
)
def test_the_review_leads_with_the_method_that_the_forecast_page_leads_with(
    champion: str | None, leading: str | None
) -> None:
    methods = ("crm_probability", "weighted_stage", "timed", "timed_adjusted")
    forecasts = [forecast("stage_average", "untimed"), *(forecast(method) for method in methods)]
    tables = served(forecasts=forecasts, champion=champion)
    made = compose(tables, standards(), BUSINESS_DATE)
    headline = made.headline_forecast
    assert (headline.method.en if headline else None) == leading
    assert made.is_led_by_champion == (champion is not None)
    lines = summary_rows(
        tables
        | {
            "deals_current": tables["deals_current"].with_columns(stage_rank=pl.lit(1)),
            "forecast_period": tables["forecast_period"].with_columns(fell_back_to=pl.lit(None, pl.String)),
        },
        rows_in=0,
        rows_quarantined=0,
        extracts_held=0,
        language="en",
        business_date=BUSINESS_DATE,
        currency="CNY",
    )
    named = [label.removeprefix("Forecast FY2026-Q4, ") for label, _ in lines if label.startswith("Forecast")]
    assert named == ([champion or "timed"] if leading else [])


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


# The whole


def test_the_page_asks_for_columns_that_the_served_tables_have() -> None:
    for name, columns in READ.items():
        assert columns == ("*",) or set(columns) == made_up.SCHEMAS[name].keys(), name


def test_a_night_that_left_no_record_is_refused() -> None:
    with pytest.raises(ReviewRefusedError, match="nights has 0 rows for 2026-11-23"):
        compose(served(), standards(), date(2026, 11, 23))
