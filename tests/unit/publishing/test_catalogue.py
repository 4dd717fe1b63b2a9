"""What the contract says of the served tables: whole sentences, and for every number whether it adds up."""

import re

import pytest

from orchestration.publishing.catalogue import (
    _NEVER_ADDED,
    _ONE_AT_A_TIME,
    ADDITIVE,
    DIMENSION,
    KEY,
    MEASURE,
    TIME,
    chinese,
    column_meaning,
    contract,
    meaning,
)
from orchestration.serving import PUBLISHED


@pytest.mark.parametrize(
    ("name", "kind", "role", "unit"),
    [
        ("deal_key", "VARCHAR", KEY, None),
        ("stage", "VARCHAR", DIMENSION, None),
        ("is_open", "BOOLEAN", DIMENSION, None),
        ("stage_rank", "BIGINT", DIMENSION, None),
        ("rank_by_days", "BIGINT", DIMENSION, None),
        ("closed_at", "TIMESTAMP", TIME, None),
        ("period_start", "DATE", TIME, None),
        ("deals", "BIGINT", ADDITIVE, None),
        ("won_amount", "DECIMAL(38,2)", ADDITIVE, "money"),
        ("p10_amount", "DECIMAL(38,2)", MEASURE, "money"),
        ("won_mean_amount", "DECIMAL(38,2)", MEASURE, "money"),
        ("target_amount", "DECIMAL(38,2)", MEASURE, "money"),
        ("dwell_p50_days", "DOUBLE", MEASURE, "days"),
        ("cap_days", "BIGINT", MEASURE, "days"),
        ("conversion_to_date_low", "DOUBLE", MEASURE, "a share from 0 to 1"),
        ("usual_high", "BIGINT", MEASURE, None),
        ("amount_at_risk", "DECIMAL(18,2)", MEASURE, "money"),
        ("deals_without_amount", "BIGINT", ADDITIVE, None),
        ("n_without_chance", "BIGINT", ADDITIVE, None),
        ("win_rate_amount_weighted", "DOUBLE", MEASURE, "a share from 0 to 1"),
        ("win_rate_points", "DECIMAL(5,2)", MEASURE, "points"),
        ("days_to_conversion_p50", "BIGINT", MEASURE, "days"),
    ],
)
def test_a_name_and_a_type_say_what_a_column_is_for(name: str, kind: str, role: str, unit: str | None) -> None:
    meant = column_meaning(name, kind, "A sentence.")
    assert (meant.role, meant.unit) == (role, unit)


def test_what_tells_rows_apart_is_never_added_up() -> None:
    assert column_meaning("minimum_score", "BIGINT", "The cut-off.", key=("minimum_score",)).role == DIMENSION


def test_amounts_of_several_currencies_do_not_add_up() -> None:
    assert column_meaning("amount", "DECIMAL(18,2)", "Its amount.", has_currency=True).role == MEASURE
    assert column_meaning("amount", "DECIMAL(38,2)", "The amount.").role == ADDITIVE
    by_name = {column.name: column for column in meaning(PUBLISHED["deals_current"]).columns}
    assert (by_name["amount"].role, by_name["amount_reporting"].role) == (MEASURE, ADDITIVE)


@pytest.mark.parametrize("table", sorted(PUBLISHED))
def test_no_sentence_warns_of_adding_what_a_comment_says_adds_up(table: str) -> None:
    for column in meaning(PUBLISHED[table]).columns:
        if re.search(r"never add|not add", column.description):
            assert "Adds up" not in column.comment(), column


@pytest.mark.parametrize("named", [*_NEVER_ADDED.items(), *_ONE_AT_A_TIME.items()], ids=lambda named: named[0])
def test_what_is_told_of_single_columns_is_told_of_columns_that_are_served(named: tuple[str, frozenset[str]]) -> None:
    table, columns = named
    assert columns <= contract()[table]["columns"].keys()


def test_what_stands_in_several_rows_is_never_added() -> None:
    roles = {
        (table, column.name): column.role
        for table in ("funnel_transitions", "conversion_causes", "nights", "forecast_period", "milestone_candidates")
        for column in meaning(PUBLISHED[table]).columns
    }
    assert roles["funnel_transitions", "visits"] == ADDITIVE
    assert roles["funnel_transitions", "from_visits"] == MEASURE, "all visits of the stage, beside each way out of it"
    assert roles["conversion_causes", "focus_n"] == MEASURE, "the same beside each cause"
    assert (roles["nights", "rows_in"], roles["nights", "open_deals"]) == (ADDITIVE, MEASURE), "a stock is no flow"
    assert roles["forecast_period", "open_deals"] == MEASURE, "a deal is in each period that it may be won in"
    assert roles["milestone_candidates", "won_deals"] == MEASURE, "the same deals beside each milestone"
    assert "stage" in meaning(PUBLISHED["funnel_stage_conversion"]).filter_one, "who reached a stage reached all before"


def test_a_comment_says_whether_a_number_adds_up() -> None:
    assert column_meaning("win_rate", "DOUBLE", "Rate.").comment() == (
        "Rate. A share from 0 to 1. Never add up or average."
    )
    assert column_meaning("deals", "BIGINT", "Deals.").comment() == "Deals. Adds up."
    assert (
        column_meaning("dwell_p50_days", "DOUBLE", "Median.").comment() == "Median. In days. Never add up or average."
    )
    assert column_meaning("stage", "VARCHAR", "The stage.").comment() == "The stage."


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_served_table_and_column_is_described(name: str) -> None:
    told = contract()[name]
    assert told["row"].startswith("One row per "), "the grain comes first"
    for column, (_, said) in told["columns"].items():
        assert re.fullmatch(r".{3,}[.)]", said), f"{name}.{column}: {said!r} is no sentence"


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_columns_that_tell_rows_apart_are_served(name: str) -> None:
    assert set(PUBLISHED[name].order_by) <= set(contract()[name]["columns"])


def test_the_contract_knows_the_served_tables_and_no_other() -> None:
    assert set(contract()) == set(PUBLISHED)


def test_a_chart_is_told_of_which_columns_to_take_one_value() -> None:
    period = meaning(PUBLISHED["forecast_period"])
    assert period.filter_one == ("business_date", "method", "funnel", "scope", "period_kind")
    assert period.comment().endswith("Take one value at a time of: business_date, method, funnel, scope, period_kind.")


def test_a_table_of_nights_is_added_up_over_nights() -> None:
    assert meaning(PUBLISHED["nights"]).filter_one == ()


NAME = re.compile(r"`[^`]+`|[a-z0-9]+(?:_[a-z0-9]+)+")


def test_every_sentence_has_its_chinese_with_the_same_names_in_it_and_no_other_stands_there() -> None:
    tables = [meaning(table) for table in PUBLISHED.values()]
    said = {table.row for table in tables} | {column.description for table in tables for column in table.columns}
    assert chinese().keys() == said
    for english, translated in chinese().items():
        assert re.search("[\u3002\u4e00-\u9fff]", translated), english
        assert set(NAME.findall(english)) <= set(NAME.findall(translated)), english
