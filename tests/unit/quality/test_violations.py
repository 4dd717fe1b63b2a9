"""The life cycle of a violation: named cases, and agreement with a slow state machine over random nights."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.violations import VIOLATIONS_SCHEMA, WAIVERS_SCHEMA, advance, no_violations

FIRST_NIGHT = date(2026, 11, 20)
CRITERION = "f.s.proof"
RULE = "rule.dwell"
CLOSE = "close.reason"
RULES = frozenset({CRITERION, RULE, CLOSE})

FINDINGS_SCHEMA: dict[str, Any] = {
    "rule_id": pl.String,
    "rule_kind": pl.String,
    "severity": pl.String,
    "funnel": pl.String,
    "deal_key": pl.String,
    "visit_id": pl.String,
    "outcome": pl.String,
    "claimed": pl.String,
    "observed": pl.String,
    "is_late": pl.Boolean,
    "stage": pl.String,
    "owner_key": pl.String,
    "owner_name": pl.String,
    "team": pl.String,
    "amount_reporting": pl.Decimal(18, 2),
}


@dataclass(frozen=True)
class Deal:
    is_in_scope: bool = True
    is_open: bool = True
    owner: str | None = "ann"
    amount: Decimal | None = Decimal("100.00")
    funnel: str = "f"


@dataclass(frozen=True)
class Waiver:
    """Nights counted from FIRST_NIGHT, both included; no visit means any."""

    rule_id: str
    deal_key: str
    visit_id: str | None
    first: int
    last: int
    by: str = "mei"


@dataclass(frozen=True)
class Night:
    """deals by key; answers by (rule, deal, visit): met, missing, failed, late, not_evaluated."""

    deals: dict[str, Deal] = field(default_factory=lambda: {"d1": Deal()})
    answers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    rules: frozenset[str] = RULES
    errored: frozenset[str] = frozenset()
    definitions: dict[str, str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    def definition(self, rule_id: str) -> str:
        return self.definitions.get(rule_id, "as first written")


def kind_of(rule_id: str) -> str:
    prefix = rule_id.partition(".")[0]
    return prefix if prefix in ("rule", "close") else "criterion"


def finding(night: Night, number: int, key: tuple[str, str, str]) -> dict[str, Any]:
    rule_id, deal_key, visit_id = key
    answer, deal = night.answers[key], night.deals[deal_key]
    return {
        "rule_id": rule_id,
        "rule_kind": kind_of(rule_id),
        "severity": "block",
        "funnel": deal.funnel,
        "deal_key": deal_key,
        "visit_id": visit_id,
        "outcome": "missing" if answer == "late" else answer,
        "claimed": f"claimed {number}",
        "observed": f"observed {number}",
        "is_late": answer == "late",
        "stage": f"stage {number}",
        "owner_key": deal.owner,
        "owner_name": deal.owner and deal.owner.title(),
        "team": "north",
        "amount_reporting": deal.amount,
    }


def run(
    night: Night, known: pl.DataFrame, known_rules: Iterable[str], number: int, business_date: date | None = None
) -> pl.DataFrame:
    findings = pl.DataFrame([finding(night, number, key) for key in night.answers], schema=FINDINGS_SCHEMA)
    deals = pl.DataFrame(
        [
            {"deal_key": key, "is_open": deal.is_open and deal.is_in_scope, "is_in_scope": deal.is_in_scope}
            for key, deal in night.deals.items()
        ],
        schema={"deal_key": pl.String, "is_open": pl.Boolean, "is_in_scope": pl.Boolean},
    )
    known_rules = set(known_rules)
    rules = pl.DataFrame(
        [
            {"rule_id": rule, "definition": night.definition(rule), "is_known": rule in known_rules}
            for rule in sorted(night.rules)
        ],
        schema={"rule_id": pl.String, "definition": pl.String, "is_known": pl.Boolean},
    )
    waivers = pl.DataFrame(
        [
            {
                "rule_id": each.rule_id,
                "deal_key": each.deal_key,
                "visit_id": each.visit_id,
                "waived_by": each.by,
                "waived_why": "agreed",
                "waived_from": FIRST_NIGHT + timedelta(days=each.first),
                "waived_until": FIRST_NIGHT + timedelta(days=each.last),
            }
            for each in night.waivers
        ],
        schema=WAIVERS_SCHEMA,
    )
    return advance(
        findings,
        deals,
        rules,
        known,
        waivers,
        business_date=business_date or FIRST_NIGHT + timedelta(days=number),
        unheard_rules=night.errored,
    )


def latest(known: pl.DataFrame, tonight: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([known.join(tonight, on="violation_id", how="anti"), tonight])


def replay(*nights: Night) -> list[pl.DataFrame]:
    """Each night's states, every night knowing the nights before it; all rules were known beforehand."""
    known, states = no_violations(), []
    for number, night in enumerate(nights):
        states.append(run(night, known, RULES, number))
        known = latest(known, states[-1])
    return states


def only(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.row(0, named=True) if frame.height == 1 else pytest.fail(f"expected one row, got {frame}")


def saying(answer: str, rule_id: str = CRITERION, **changes: Any) -> Night:
    return replace(Night(answers={(rule_id, "d1", "v1"): answer}), **changes)


def test_the_id_is_made_of_rule_deal_and_visit_alone() -> None:
    (first,) = replay(saying("missing"))
    expected = hashlib.sha256(b"f.s.proof|d1|v1").hexdigest()[:16]
    assert only(first)["violation_id"] == expected
    (second,) = replay(saying("failed", deals={"d1": Deal(owner="bob", amount=None)}))
    assert only(second)["violation_id"] == expected


def test_a_failing_finding_opens_a_violation_of_one_night() -> None:
    row = only(replay(saying("missing"))[0])
    assert {k: row[k] for k in ("state", "change", "first_seen", "last_seen", "nights_open", "closed_on")} == {
        "state": "open",
        "change": "new",
        "first_seen": FIRST_NIGHT,
        "last_seen": FIRST_NIGHT,
        "nights_open": 1,
        "closed_on": None,
    }
    assert row["amount_at_risk"] == Decimal("100.00")
    assert not row["is_backlog"]


def test_the_first_night_of_a_rule_is_a_backlog_and_stays_told_apart() -> None:
    first = run(saying("missing"), no_violations(), set(), 0)
    assert (only(first)["change"], only(first)["is_backlog"]) == ("backlog", True)
    second = run(saying("missing"), first, {CRITERION}, 1)
    assert (only(second)["change"], only(second)["is_backlog"]) == ("carried", True)


def test_a_violation_still_failing_is_carried_and_follows_owner_amount_and_observation() -> None:
    rows = replay(
        saying("missing"),
        saying("failed", deals={"d1": Deal(owner="bob", amount=Decimal("250.00"))}),
    )
    row = only(rows[1])
    assert (row["change"], row["nights_open"], row["last_seen"]) == ("carried", 2, FIRST_NIGHT + timedelta(days=1))
    assert (row["owner_key_first"], row["owner_key"], row["owner_name"]) == ("ann", "bob", "Bob")
    assert row["amount_at_risk"] == Decimal("250.00")
    assert (row["observed_first"], row["observed"], row["outcome"]) == ("observed 0", "observed 1", "failed")


def test_an_amount_taken_away_is_no_longer_at_risk() -> None:
    rows = replay(saying("missing"), saying("missing", deals={"d1": Deal(amount=None)}))
    assert only(rows[1])["amount_at_risk"] is None


def test_not_evaluated_carries_without_counting_the_night_or_taking_its_word() -> None:
    rows = replay(
        saying("failed"), saying("not_evaluated", deals={"d1": Deal(amount=Decimal("7.00"))}), saying("failed")
    )
    row = only(rows[1])
    assert (row["change"], row["nights_open"], row["last_seen"]) == ("carried", 1, FIRST_NIGHT)
    assert (row["outcome"], row["observed"]) == ("failed", "observed 0")
    assert row["amount_at_risk"] == Decimal("7.00")
    assert (only(rows[2])["nights_open"], only(rows[2])["last_seen"]) == (2, FIRST_NIGHT + timedelta(days=2))


def test_a_finding_that_is_absent_clears_nothing() -> None:
    rows = replay(saying("missing"), Night())
    assert (only(rows[1])["change"], only(rows[1])["nights_open"]) == ("carried", 1)


def test_a_night_without_any_deals_is_an_absent_input_and_clears_nothing() -> None:
    rows = replay(saying("missing"), Night(deals={}))
    assert only(rows[1])["change"] == "carried"


@pytest.mark.parametrize("answer", ["met", "late"])
def test_a_criterion_closes_when_its_evidence_arrives(answer: str) -> None:
    row = only(replay(saying("missing"), saying(answer))[1])
    assert (row["state"], row["change"]) == ("closed", "evidence_arrived")
    assert (row["closed_on"], row["last_seen"], row["nights_open"]) == (FIRST_NIGHT + timedelta(days=1), FIRST_NIGHT, 1)


def test_a_standing_rule_closes_when_its_condition_clears() -> None:
    row = only(replay(saying("failed", RULE), saying("met", RULE))[1])
    assert (row["state"], row["change"], row["outcome"]) == ("closed", "condition_cleared", "met")


def test_a_rule_about_a_visit_clears_when_it_was_evaluated_on_another_visit_of_the_deal() -> None:
    moved_on = Night(answers={(RULE, "d1", "v2"): "met"})
    assert only(replay(saying("failed", RULE), moved_on)[1])["change"] == "condition_cleared"


def test_a_rule_about_a_visit_is_carried_when_it_could_not_be_evaluated_on_the_other_visit() -> None:
    moved_on = Night(answers={(RULE, "d1", "v2"): "not_evaluated"})
    assert only(replay(saying("failed", RULE), moved_on)[1])["change"] == "carried"


def test_proof_that_came_late_before_the_first_night_opens_nothing() -> None:
    assert replay(saying("late"))[0].is_empty()


def test_a_closed_violation_is_not_listed_again() -> None:
    rows = replay(saying("missing"), saying("met"), saying("met"), Night(deals={}))
    assert rows[2].is_empty()
    assert rows[3].is_empty()


@pytest.mark.parametrize("deals", [{"d2": Deal()}, {"d1": Deal(is_in_scope=False)}])
def test_a_deal_that_vanished_or_left_the_scope_closes_as_departed(deals: dict[str, Deal]) -> None:
    row = only(replay(saying("missing"), Night(deals=deals))[1])
    assert (row["state"], row["change"], row["closed_on"]) == (
        "closed",
        "deal_departed",
        FIRST_NIGHT + timedelta(days=1),
    )


def test_a_deal_out_of_scope_departs_even_while_its_gate_stays_failed() -> None:
    row = only(replay(saying("missing"), saying("missing", deals={"d1": Deal(is_in_scope=False)}))[1])
    assert (row["change"], row["nights_open"]) == ("deal_departed", 1)


def test_a_deal_that_closed_tonight_departs_from_standing_rules_and_is_still_judged_at_its_gates() -> None:
    closed = {"d1": Deal(is_open=False)}
    keys = {(RULE, "d1", ""): "missing", (CRITERION, "d1", "v1"): "missing"}
    second = replay(Night(answers=keys), Night(deals=closed, answers={(CRITERION, "d1", "v1"): "missing"}))[1]
    assert dict(second.select("rule_id", "change").rows()) == {RULE: "deal_departed", CRITERION: "carried"}


def test_how_a_deal_closed_is_asked_of_closed_deals_for_as_long_as_the_rule_says() -> None:
    closed = {"d1": Deal(is_open=False, is_in_scope=False)}
    asked = saying("missing", CLOSE, deals=closed)
    rows = replay(asked, asked, Night(deals=closed))
    assert [only(frame)["change"] for frame in rows] == ["new", "carried", "deal_departed"]


def test_a_reason_given_for_a_closed_deal_clears_the_condition() -> None:
    closed = {"d1": Deal(is_open=False, is_in_scope=False)}
    rows = replay(saying("missing", CLOSE, deals=closed), saying("met", CLOSE, deals=closed))
    assert only(rows[1])["change"] == "condition_cleared"


def test_a_failing_deal_out_of_scope_opens_nothing() -> None:
    assert replay(saying("missing", deals={"d1": Deal(is_in_scope=False)}))[0].is_empty()


def test_a_reopened_deal_reopens_the_same_violation_and_counts_on() -> None:
    rows = replay(
        saying("missing"),
        saying("missing"),
        saying("missing", deals={"d1": Deal(is_in_scope=False)}),
        saying("missing", deals={"d1": Deal(owner="bob")}),
    )
    row = only(rows[3])
    assert row["violation_id"] == only(rows[0])["violation_id"]
    assert (row["state"], row["change"], row["closed_on"]) == ("open", "reopened", None)
    assert (row["first_seen"], row["last_seen"]) == (FIRST_NIGHT, FIRST_NIGHT + timedelta(days=3))
    assert (row["nights_open"], row["owner_key_first"], row["observed_first"]) == (3, "ann", "observed 0")


@pytest.mark.parametrize("answer", ["met", "missing", "late", "not_evaluated"])
def test_an_errored_rule_carries_its_violations_whatever_it_says(answer: str) -> None:
    row = only(replay(saying("failed"), saying(answer, errored=frozenset({CRITERION})))[1])
    assert (row["change"], row["nights_open"], row["outcome"]) == ("carried", 1, "failed")


def test_an_errored_rule_opens_and_reopens_nothing() -> None:
    broken = saying("missing", errored=frozenset({CRITERION}))
    assert replay(broken)[0].is_empty()
    assert replay(saying("missing"), saying("met"), broken)[2].is_empty()


def test_an_errored_rule_carries_the_violations_of_departed_deals_until_it_runs() -> None:
    rows = replay(
        saying("missing"), Night(deals={"d2": Deal()}, errored=frozenset({CRITERION})), Night(deals={"d2": Deal()})
    )
    assert [only(frame)["change"] for frame in rows[1:]] == ["carried", "deal_departed"]


def test_a_rule_taken_out_of_the_standards_closes_as_rule_changed() -> None:
    row = only(replay(saying("missing"), Night(rules=RULES - {CRITERION}))[1])
    assert (row["state"], row["change"]) == ("closed", "rule_changed")


def test_a_rule_put_back_reopens_its_violations() -> None:
    rows = replay(saying("missing"), Night(rules=RULES - {CRITERION}), saying("missing"))
    assert (only(rows[2])["change"], only(rows[2])["nights_open"]) == ("reopened", 2)


def redefined(answer: str, **changes: Any) -> Night:
    return saying(answer, definitions={CRITERION: "asks for less"}, **changes)


def test_what_a_rule_clears_on_the_night_it_was_redefined_closes_as_rule_changed() -> None:
    assert only(replay(saying("missing"), redefined("met"))[1])["change"] == "rule_changed"


def test_what_fails_by_the_new_definition_too_is_carried_and_clears_later_on_its_own_merits() -> None:
    rows = replay(saying("missing"), redefined("missing"), redefined("met"))
    assert [only(frame)["change"] for frame in rows] == ["new", "carried", "evidence_arrived"]


def test_a_redefined_rule_that_was_not_evaluated_is_still_to_answer_for_the_change() -> None:
    rows = replay(saying("missing"), redefined("not_evaluated"), redefined("met"))
    assert [only(frame)["change"] for frame in rows[1:]] == ["carried", "rule_changed"]


def test_a_state_of_before_definitions_were_kept_is_no_reason_to_say_that_the_rule_changed() -> None:
    (first,) = replay(saying("missing"))
    older = first.drop("definition", "waived_by", "waived_why", "waived_until", "is_late")
    assert only(run(saying("met"), older, {CRITERION}, 1))["change"] == "evidence_arrived"


def test_what_a_redefined_rule_no_longer_asks_of_a_deal_closes_as_rule_changed() -> None:
    narrowed = Night(answers={(CRITERION, "d1", "v1"): "met"}, definitions={RULE: "from a later stage"})
    row = only(replay(saying("missing", RULE), narrowed)[1])
    assert (row["state"], row["change"]) == ("closed", "rule_changed")


def test_a_deal_that_moves_to_a_funnel_which_does_not_ask_departs_and_one_that_stays_does_not() -> None:
    for funnel, change in (("g", "deal_departed"), ("f", "carried")):
        moved = Night(deals={"d1": Deal(funnel=funnel)}, answers={(RULE, "d1", ""): "met"})
        assert only(replay(saying("missing"), moved)[1])["change"] == change


def test_a_deal_that_moves_to_another_funnel_while_nothing_can_be_evaluated_of_it_is_carried() -> None:
    moved = Night(deals={"d1": Deal(funnel="g")}, answers={(RULE, "d1", ""): "not_evaluated"})
    assert only(replay(saying("missing"), moved)[1])["change"] == "carried"


@pytest.mark.parametrize(("answer", "is_late"), [("met", False), ("late", True)])
def test_proof_after_the_gate_is_kept_as_late(answer: str, is_late: bool) -> None:
    assert only(replay(saying("missing"), saying(answer))[1])["is_late"] is is_late


WAIVED = (Waiver(CRITERION, "d1", None, first=1, last=2),)


def test_a_waiver_closes_until_its_last_day_and_then_the_violation_reopens_under_its_id() -> None:
    rows = replay(*(saying("missing", waivers=WAIVED) for _ in range(5)))
    assert [frame["change"].to_list() for frame in rows] == [["new"], ["waived"], [], ["reopened"], ["carried"]]
    waived, reopened = only(rows[1]), only(rows[3])
    assert (waived["state"], waived["waived_by"], waived["waived_why"]) == ("closed", "mei", "agreed")
    assert waived["waived_until"] == FIRST_NIGHT + timedelta(days=2)
    assert (waived["closed_on"], waived["nights_open"]) == (FIRST_NIGHT + timedelta(days=1), 1)
    assert (reopened["state"], reopened["nights_open"], reopened["closed_on"]) == ("open", 2, None)
    assert reopened["violation_id"] == only(rows[0])["violation_id"]


def test_a_waiver_that_is_taken_back_reopens_the_next_night() -> None:
    rows = replay(saying("missing"), saying("missing", waivers=WAIVED), saying("missing"))
    assert only(rows[2])["change"] == "reopened"


def test_a_waiver_that_ends_while_nothing_could_be_evaluated_reopens_all_the_same() -> None:
    stale = saying("not_evaluated", waivers=WAIVED)
    rows = replay(saying("missing"), stale, stale, stale)
    assert [frame["change"].to_list() for frame in rows] == [["new"], ["waived"], [], ["reopened"]]
    assert (only(rows[3])["nights_open"], only(rows[3])["last_seen"]) == (1, FIRST_NIGHT)


def test_a_gap_that_clears_while_it_is_waived_does_not_come_back_when_the_waiver_ends() -> None:
    rows = replay(
        saying("missing"), saying("missing", waivers=WAIVED), saying("met", waivers=WAIVED), saying("met"), Night()
    )
    assert [frame["change"].to_list() for frame in rows[2:]] == [["evidence_arrived"], [], []]


def test_a_gap_found_under_a_waiver_is_kept_as_waived() -> None:
    row = only(replay(Night(), saying("missing", waivers=WAIVED))[1])
    assert (row["state"], row["change"], row["nights_open"]) == ("closed", "waived", 0)


def test_a_longer_waiver_is_told_once_and_moves_the_end() -> None:
    longer = (*WAIVED, Waiver(CRITERION, "d1", "v1", first=2, last=3, by="li"))
    rows = replay(*(saying("missing", waivers=longer) for _ in range(5)))
    assert [frame["change"].to_list() for frame in rows] == [["new"], ["waived"], ["waived"], [], ["reopened"]]
    assert only(rows[2])["waived_by"] == "li"


def test_a_waiver_of_one_visit_or_deal_or_rule_waives_no_other() -> None:
    others = (
        Waiver(CRITERION, "d1", "v2", first=0, last=9),
        Waiver(CRITERION, "d2", None, first=0, last=9),
        Waiver(RULE, "d1", None, first=0, last=9),
    )
    assert [only(frame)["change"] for frame in replay(*[saying("missing", waivers=others)] * 2)] == ["new", "carried"]


def test_two_findings_of_one_violation_are_refused() -> None:
    findings = pl.DataFrame([finding(saying("missing"), 0, (CRITERION, "d1", "v1"))] * 2, schema=FINDINGS_SCHEMA)
    deals = pl.DataFrame({"deal_key": ["d1"], "is_open": [True], "is_in_scope": [True]})
    with pytest.raises(ValueError, match=r"findings hold more than one row of rule_id 'f\.s\.proof', deal_key 'd1'"):
        advance(
            findings,
            deals,
            pl.DataFrame({"rule_id": [CRITERION], "definition": ["x"], "is_known": [True]}),
            no_violations(),
            WAIVERS_SCHEMA.to_frame(),
            business_date=FIRST_NIGHT,
        )


def test_knowing_tonight_or_later_is_refused_so_that_a_past_night_reruns_on_what_was_known_then() -> None:
    (first,) = replay(saying("missing"))
    with pytest.raises(ValueError, match="known violations reach 2026-11-20, tonight is 2026-11-20"):
        run(saying("missing"), first, {CRITERION}, 0)


def test_columns_and_types_are_the_contract() -> None:
    (first,) = replay(saying("missing"))
    assert first.schema == VIOLATIONS_SCHEMA
    assert replay(Night())[0].schema == VIOLATIONS_SCHEMA


# Agreement with a state machine that follows one violation at a time in plain Python.


def is_in_play(night: Night, deal_key: str, rule_id: str) -> bool:
    if kind_of(rule_id) == "close":
        return any((rule, deal) == (rule_id, deal_key) for rule, deal, _ in night.answers)
    deal = night.deals.get(deal_key)
    return deal is not None and deal.is_in_scope and (deal.is_open or kind_of(rule_id) == "criterion")


def is_no_longer_asked(night: Night, key: tuple[str, str, str]) -> bool:
    heard = {
        (rule, deal): answer
        for (rule, deal, _), answer in sorted(night.answers.items(), key=lambda each: each[1] != "not_evaluated")
        if rule in night.rules and is_in_play(night, deal, rule)
    }
    judged = [d for (r, d), answer in heard.items() if answer != "not_evaluated" and r not in night.errored]
    return key[:2] not in heard and key[1] in judged


def closing_reason(night: Night, key: tuple[str, str, str], definition: str, funnel: str) -> str | None:
    rule_id, deal_key, _ = key
    if rule_id not in night.rules:
        return "rule_changed"
    if rule_id in night.errored:
        return None
    if not is_in_play(night, deal_key, rule_id):
        return "deal_departed" if night.deals else None
    is_unasked = is_no_longer_asked(night, key)
    if is_unasked and night.deals[deal_key].funnel != funnel:
        return "deal_departed"
    answer = night.answers.get(key)
    others = [a for (r, d, _), a in night.answers.items() if (r, d) == (rule_id, deal_key)]
    is_moot = answer is None and bool(others) and "not_evaluated" not in others
    if (answer in ("met", "late") or is_moot or is_unasked) and definition != night.definition(rule_id):
        return "rule_changed"
    if answer in ("met", "late"):
        return "evidence_arrived" if kind_of(rule_id) == "criterion" else "condition_cleared"
    return "condition_cleared" if is_moot else None


def waived_as(night: Night, key: tuple[str, str, str], number: int) -> dict[str, Any]:
    holding = [
        each
        for each in night.waivers
        if (each.rule_id, each.deal_key) == key[:2]
        and each.visit_id in (None, key[2])
        and each.first <= number <= each.last
    ]
    if not holding:
        return {}
    latest_to_end = max(holding, key=lambda each: (each.last, each.first, each.by))
    return {
        "state": "closed",
        "change": "waived",
        "closed_on": FIRST_NIGHT + timedelta(days=number),
        "waived_by": latest_to_end.by,
        "waived_until": FIRST_NIGHT + timedelta(days=latest_to_end.last),
    }


def closed_again(
    was: dict[str, Any], closing: str | None, waiving: dict[str, Any], today: date
) -> dict[str, Any] | None:
    """The next state of what is open or waived; nothing where a waiver just goes on."""
    if closing:
        return {**was, "state": "closed", "change": closing, "closed_on": today}
    if waiving:
        goes_on = was["change"] == "waived" and {**was, **waiving, "closed_on": was["closed_on"]} == was
        return None if goes_on else {**was, **waiving}
    if was["change"] == "waived":
        return {**was, "state": "open", "change": "reopened", "closed_on": None}
    return {**was, "change": "carried"}


def expected_states(
    night: Night, known: dict[tuple[str, str, str], dict[str, Any]], known_rules: set[str], number: int
) -> dict[tuple[str, str, str], dict[str, Any]]:
    today = FIRST_NIGHT + timedelta(days=number)
    states = {}
    for key in known.keys() | night.answers.keys():
        rule_id, deal_key, _ = key
        deal = night.deals.get(deal_key)
        in_play = is_in_play(night, deal_key, rule_id)
        answer = night.answers.get(key)
        runs = rule_id in night.rules and rule_id not in night.errored
        fails = runs and in_play and answer in ("missing", "failed")
        was = known.get(key)
        waiving = waived_as(night, key, number)
        if was is None:
            if not fails:
                continue
            now: dict[str, Any] = {
                "key": key,
                "state": "open",
                "change": "new" if rule_id in known_rules else "backlog",
                "first_seen": today,
                "nights_open": 0,
                "closed_on": None,
                "is_backlog": rule_id not in known_rules,
                "owner_key_first": deal.owner if deal else None,
                "observed_first": f"observed {number}",
                "waived_by": None,
                "waived_until": None,
                **waiving,
            }
        elif was["state"] == "closed" and was["change"] != "waived":
            if not fails:
                continue
            now = {**was, **(waiving or {"state": "open", "change": "reopened", "closed_on": None})}
        else:
            followed = closed_again(was, closing_reason(night, key, was["definition"], was["funnel"]), waiving, today)
            if followed is None:
                continue
            now = followed
        if fails and now["change"] in ("new", "backlog", "carried", "reopened", "waived"):
            now["last_seen"] = today
            now["nights_open"] += now["state"] == "open"
        if runs and in_play and answer not in (None, "not_evaluated"):
            now.update(
                observed=f"observed {number}",
                outcome="missing" if answer == "late" else answer,
                is_late=answer == "late",
                definition=night.definition(rule_id),
            )
        if deal and any(d == deal_key and r in night.rules for r, d, _ in night.answers):
            now.update(funnel=deal.funnel, owner_key=deal.owner, amount_at_risk=deal.amount, stage=f"stage {number}")
        states[key] = now
    return states


DEALS = ["d1", "d2"]
KEYS = [(rule, deal, visit) for rule in (CRITERION, RULE, CLOSE) for deal in DEALS for visit in ("", "v1")]
deal_strategy = st.builds(
    Deal,
    is_in_scope=st.sampled_from([True, True, True, False]),
    is_open=st.sampled_from([True, True, True, False]),
    owner=st.sampled_from(["ann", "bob", None]),
    amount=st.sampled_from([Decimal("1.00"), Decimal("2.50"), None]),
    funnel=st.sampled_from(["f", "f", "f", "g"]),
)


@st.composite
def nights(draw: st.DrawFn) -> Night:
    deals = draw(st.dictionaries(st.sampled_from(DEALS), deal_strategy))
    answers = draw(
        st.dictionaries(
            st.sampled_from(KEYS), st.sampled_from(["missing", "failed", "met", "late", "not_evaluated"]), max_size=8
        )
    )
    subset = st.sampled_from([frozenset[str](), frozenset[str](), frozenset({CRITERION}), frozenset({RULE, CLOSE})])
    removed, errored = draw(subset), draw(subset)
    waiver = st.builds(
        Waiver,
        rule_id=st.sampled_from([CRITERION, RULE, CLOSE]),
        deal_key=st.sampled_from(DEALS),
        visit_id=st.sampled_from([None, "", "v1"]),
        first=st.integers(0, 5),
        last=st.integers(0, 6),
        by=st.sampled_from(["mei", "li"]),
    )
    return Night(
        deals=deals,
        answers={key: answer for key, answer in answers.items() if key[1] in deals},
        rules=RULES - removed,
        errored=errored,
        definitions=dict.fromkeys(draw(subset), "asks for less"),
        waivers=tuple(draw(st.lists(waiver, max_size=3))),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(nights(), min_size=1, max_size=7))
def test_every_night_agrees_row_by_row_with_a_state_machine_of_single_violations(sequence: list[Night]) -> None:
    model: dict[tuple[str, str, str], dict[str, Any]] = {}
    known, known_rules = no_violations(), set[str]()
    for number, night in enumerate(sequence):
        tonight = run(night, known, known_rules, number)
        expected = expected_states(night, model, known_rules, number)
        got = {(row["rule_id"], row["deal_key"], row["visit_id"]): row for row in tonight.iter_rows(named=True)}
        assert len(got) == tonight.height
        assert got.keys() == expected.keys()
        for key, state in expected.items():
            assert {name: got[key][name] for name in state if name != "key"} == {
                name: value for name, value in state.items() if name != "key"
            }
        known, model = latest(known, tonight), {**model, **expected}
        known_rules |= night.rules - night.errored


@settings(max_examples=60, deadline=None)
@given(st.lists(nights(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_same_inputs_in_any_order_give_the_same_frame(sequence: list[Night], random: Any) -> None:
    known = no_violations()
    for number, night in enumerate(sequence):
        tonight = run(night, known, {RULE}, number)
        keys = list(night.answers)
        random.shuffle(keys)
        shuffled = replace(night, answers={key: night.answers[key] for key in keys})
        assert run(shuffled, known.sample(fraction=1, shuffle=True, seed=1), {RULE}, number).equals(tonight)
        known = latest(known, tonight)


@settings(max_examples=60, deadline=None)
@given(st.lists(nights(), min_size=1, max_size=5))
def test_a_night_on_which_nothing_could_be_evaluated_clears_nothing(sequence: list[Night]) -> None:
    known = no_violations()
    for number, night in enumerate(sequence):
        known = latest(known, run(night, known, set(), number))
    # No waiver holds on the last night, so what was waived comes back unseen.
    was_open = known.filter((pl.col("state") == "open") | (pl.col("change") == "waived")).sort("violation_id")
    stale = Night(
        deals={deal: Deal() for deal in DEALS},
        answers=dict.fromkeys(KEYS, "not_evaluated"),
    )
    after = run(stale, known, set(), len(sequence))
    kept = ["violation_id", "first_seen", "last_seen", "nights_open", "observed", "outcome", "is_backlog"]
    assert after.select(kept).equals(was_open.select(kept))
    assert set(after["state"]) <= {"open"}
    assert set(after["change"]) <= {"carried", "reopened"}
