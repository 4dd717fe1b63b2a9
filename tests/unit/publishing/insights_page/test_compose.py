"""What the insights page says: where deals are lost, what mending brings, which causes are named, by which deals."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from insights_nights import (
    BEFORE,
    BUSINESS_DATE,
    CAUSES,
    FOCUS,
    YEAR_AGO,
    ambiguity,
    bottleneck,
    busy,
    cause_deal,
    change,
    conversion,
    criterion,
    deal,
    dwell,
    milestone,
    nothing,
    reader,
    reason,
    served,
    split,
    standards,
)

from orchestration.publishing.insights_page import causes, reasons
from orchestration.publishing.insights_page.compose import compose
from orchestration.publishing.insights_page.content import Gates, InsightsPage, InsightsPageRefusedError, View

MILLION = 10**6


def page(funnels: tuple[str, ...] = ("direct",), **rows: Iterable[Mapping[str, Any]]) -> InsightsPage:
    return compose(served(**rows), standards(funnels=funnels), BUSINESS_DATE)


def view(**rows: Iterable[Mapping[str, Any]]) -> View:
    made = page(**rows)
    assert len(made.views) == 1
    return made.views[0]


# The funnel


def test_a_stage_is_told_with_what_became_of_its_deals_its_dwell_and_who_stands_in_it() -> None:
    steps = page(
        funnel_stage_conversion=[conversion("proposal", 60, 35, 20), conversion()],
        funnel_stage_dwell=[dwell()],
        deals_current=[
            deal("1", "contact"),
            deal("2", "contact", amount_reporting=Decimal("0.25")),
            deal("3", "contact", is_open=False),
            deal("4", "lost"),
        ],
    ).tables.steps
    first, second = steps.iter_rows(named=True)
    assert (first["reached"], first["advanced"], first["still_open"], first["lost"]) == (100, 60, 10, 30)
    assert first["expected"] == round(60 / 90, 6)
    assert (first["open_deals"], first["open_amount"]) == (2, Decimal("1000.25"))
    assert (first["p50_days"], first["p80_days"], second["p50_days"]) == (12.34, 30.0, None)
    assert (second["open_deals"], second["open_amount"]) == (0, Decimal(0))


def test_open_deals_of_unknown_worth_are_not_worth_nothing() -> None:
    steps = page(
        funnel_stage_conversion=[conversion()], deals_current=[deal("1", "contact", amount_reporting=None)]
    ).tables.steps
    assert steps.select("open_deals", "open_amount").row(0) == (1, None)


def test_only_whole_funnels_and_all_cohorts_are_told_as_the_funnel() -> None:
    rows = [
        conversion(),
        conversion(segment="team", segment_value="East", reached=10),
        conversion(cohort_kind="month", reached=5),
    ]
    assert page(funnel_stage_conversion=rows).tables.steps["reached"].to_list() == [100]


def test_the_stage_that_loses_most_deals_is_the_one_with_most_of_them_and_not_the_highest_share() -> None:
    rows = [conversion("contact", 100, 60, 30), conversion("proposal", 60, 30, 29)]
    loss = view(funnel_stage_conversion=rows).loss
    assert loss is not None
    assert (loss.stage.en, loss.lost, loss.reached, loss.still_open) == ("Initial contact", 30, 100, 10)


# Mending


def test_mending_is_told_by_owners_where_enough_can_be_compared_else_by_teams() -> None:
    by_owner = bottleneck("contact", 500)
    by_team = bottleneck("proposal", 900, compared_by="team")
    mend = view(funnel_bottlenecks=[by_team, by_owner]).mend
    assert mend is not None
    assert (mend.compared_by.en, mend.stage.en, mend.amount) == ("owners", "Initial contact", 500)
    mend = view(funnel_bottlenecks=[by_team, by_owner | {"is_insufficient_history": True}]).mend
    assert mend is not None
    assert (mend.compared_by.en, mend.stage.en, mend.amount) == ("teams", "Proposal", 900)


@pytest.mark.parametrize(
    "more", [{"won_amount_gained": Decimal(0)}, {"won_amount_gained": None}, {"compared_by": "icp_band"}]
)
def test_nothing_is_said_to_pay_that_brings_nothing_or_that_nobody_can_choose(more: dict[str, Any]) -> None:
    assert view(funnel_bottlenecks=[bottleneck(**more)]).mend is None


def test_bottlenecks_stand_by_their_rank_within_each_comparison_and_unranked_ones_last() -> None:
    rows = [
        bottleneck("contact", 1, rank=2),
        bottleneck("proposal", 2, rank=1),
        bottleneck("contact", 9, compared_by="team"),
        bottleneck("contact", 5, compared_by="icp_band", rank_by_won_amount=None),
        bottleneck("proposal", 5, compared_by="icp_band"),
    ]
    found = page(funnel_bottlenecks=rows).tables.bottlenecks
    assert found.select("compared_by", "amount").rows() == [
        *[("owner", 2), ("owner", 1), ("team", 9)],
        *[("icp_band", 5), ("icp_band", 5)],
    ]
    assert found["rank_amount"].to_list()[3:] == [1, None]


# Causes


def test_a_comparison_is_one_row_with_the_names_of_its_quarters() -> None:
    rows = [
        *split({"lead_quality": -6.0}, named=["lead_quality"]),
        *split({"follow_up": 1.0}, comparison="year_ago", reference=YEAR_AGO, focus="1999-01-01"),
    ]
    found = page(conversion_causes=rows).tables.splits
    assert found.select("comparison", "focus", "reference", "cause").rows() == [
        ("previous_quarter", "FY2026-Q3", "FY2026-Q2", "lead_quality"),
        ("year_ago", "1999-01-01", "FY2025-Q3", None),
    ]


def test_a_comparison_says_what_its_leading_cause_says_and_nothing_where_none_leads() -> None:
    rows = [
        *split({"follow_up": -6.0}, named=["follow_up"]),
        *split({"follow_up": -6.0}, comparison="year_ago", reference=YEAR_AGO),
        *split({}, stage="proposal", is_insufficient_history=True, sentence_en="Too few.", change=None, share=None),
    ]
    found = page(conversion_causes=rows).tables.splits
    assert found["sentence_en"].to_list() == ["follow_up did it.", "Too few.", None]


def test_people_are_named_and_held_against_all_others() -> None:
    rows = [
        *split({}, comparison="owner", focus="generic:li", reference="rest"),
        *split({}, comparison="owner", focus="generic:gone", reference="rest"),
        *split({}, comparison="team", focus="East", reference="rest"),
    ]
    found = page(conversion_causes=rows, deals_current=[deal("1")]).tables.splits
    assert found.select("focus", "reference").rows() == [("Li Na 李娜", None), ("generic:gone", None), ("East", None)]


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(st.integers(-200_000, 200_000), min_size=5, max_size=5))
def test_the_shares_on_the_page_add_up_to_the_change_to_the_last_millionth(parts: list[int]) -> None:
    of = {cause: part / 10_000 for cause, part in zip(CAUSES, parts, strict=True)}
    made = page(conversion_causes=split(of, before=0.5)).tables
    shares = [round(share * MILLION) for share in made.shares["share"]]
    assert sorted(shares) == sorted(parts)
    assert sum(shares) == round(made.splits["change"][0] * MILLION)


def test_causes_stand_in_one_order_the_rest_last() -> None:
    found = page(conversion_causes=list(reversed(split({})))).tables.shares
    assert found["cause"].to_list()[-1] == "within_segments"
    assert found["cause"].n_unique() == len(CAUSES)


def test_the_named_cause_of_the_stage_that_pays_most_to_mend_comes_first_then_the_largest_fall() -> None:
    small = split({"follow_up": -3.0}, stage="proposal", named=["follow_up"])
    large = split({"lead_quality": -8.0}, named=["lead_quality"])
    other = split({"lead_quality": -9.0}, comparison="year_ago", reference=YEAR_AGO, named=["lead_quality"])
    rows = [*large, *small, *other]
    mended = view(conversion_causes=rows, funnel_bottlenecks=[bottleneck("proposal")])
    assert [(each.stage.en, each.share) for each in mended.causes] == [
        ("Proposal", -0.03),
        ("Initial contact", -0.09),
        ("Initial contact", -0.08),
    ]
    assert [each.share for each in view(conversion_causes=rows).causes] == [-0.09, -0.08, -0.03]


def test_no_rise_and_no_person_is_told_as_the_cause_of_a_loss() -> None:
    rows = [
        *split({"lead_quality": 8.0}, named=["lead_quality"]),
        *split(
            {"lead_quality": -8.0}, comparison="owner", focus="generic:li", reference="rest", named=["lead_quality"]
        ),
        *split({"follow_up": -8.0}, stage="proposal"),
    ]
    made = view(conversion_causes=rows)
    assert made.causes == ()
    assert made.compared == 2


def test_a_comparison_with_too_short_a_history_is_not_counted_as_compared() -> None:
    assert view(conversion_causes=split({}, is_insufficient_history=True)).compared == 0


# Deals behind


def test_the_deals_behind_a_share_are_listed_with_the_largest_first_and_what_was_measured() -> None:
    made = page(
        conversion_causes=split({"lead_quality": -6.0}, named=["lead_quality"]),
        conversion_cause_deals=[cause_deal("1"), cause_deal("2"), cause_deal("3")],
        deals_current=[deal("1"), deal("2", amount_reporting=Decimal(5000)), deal("3", amount_reporting=None)],
    ).tables
    names = [made.deals["deal_id"][place] for place in made.behind["deal"]]
    assert names == ["2", "1", "3"]
    first = made.behind.row(0, named=True)
    assert (first["quality_class"], first["dwell_days"], first["entered_on"]) == ("weak", 51.5, date(2026, 7, 3))
    assert made.stages["name_en"][first["stage"]] == "Proposal"


def test_a_deal_that_has_left_the_crm_stays_behind_its_cause() -> None:
    made = page(conversion_causes=split({}), conversion_cause_deals=[cause_deal("gone")]).tables
    assert made.deals.select("deal_id", "deal_name", "crm", "amount").row(0) == ("gone", "gone", "generic", None)
    assert made.behind["stage"].to_list() == [None]


def test_more_deals_than_a_page_bears_are_counted_and_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causes, "DEALS_LISTED", 2)
    keys = [str(each) for each in range(5)]
    made = page(
        conversion_causes=split({}),
        conversion_cause_deals=[cause_deal(key, cause) for key in keys for cause in ("lead_quality", "follow_up")],
        deals_current=[deal(key) for key in keys],
    )
    assert made.unlisted_deals == 6
    assert made.tables.behind["cause"].to_list() == ["lead_quality", "lead_quality", "follow_up", "follow_up"]


# Gates


def test_gates_in_force_are_counted_by_verdict_and_old_ones_are_not() -> None:
    rows = [
        criterion("a"),
        criterion("b", "contradicted"),
        criterion("c", "not_supported"),
        criterion("d", "insufficient_history"),
        criterion("e", "passed_by_winning_alone"),
        criterion("f", is_in_force=False),
        criterion("g", segment="team", segment_value="East"),
    ]
    made = page(criterion_efficacy=rows)
    assert made.views[0].gates == Gates(supported=1, not_supported=1, contradicted=1, untold=2)
    assert made.views[0].gates.all == 5
    assert made.tables.gates["criterion_id"].to_list()[-1] == "direct.contact.f"


def test_the_difference_told_is_the_one_that_the_verdict_rests_on() -> None:
    rows = [criterion("a"), criterion("b", is_adjusted=False)]
    found = page(criterion_efficacy=rows).tables.gates
    assert found.select("difference", "low", "high").rows() == [(0.25, 0.05, 0.4), (0.3, 0.1, 0.45)]


def test_owners_who_read_a_stage_otherwise_are_told_the_farthest_first_and_no_others() -> None:
    rows = [
        reader(owner_key="a", owner_name="A", difference_from_others=0.1),
        reader(owner_key="b", owner_name=None, difference_from_others=-0.3),
        reader(owner_key="c", owner_name="C", is_beyond_chance=False),
        reader(owner_key="d", owner_name="D", is_beyond_chance=None),
    ]
    made = page(stage_ambiguity=[ambiguity()], stage_ambiguity_owners=rows).tables
    assert made.readers["owner"].to_list() == ["b", "A"]
    assert made.ambiguity["is_ambiguous"].to_list() == [True]


# Design and reasons


def test_found_milestones_stand_before_what_is_not() -> None:
    rows = [milestone("document:x", "not_found"), milestone("activity:a", "harmful"), milestone("activity:b")]
    found = page(milestone_candidates=rows).tables.milestones
    assert found["milestone"].to_list() == ["activity:b", "activity:a", "document:x"]
    assert found["days_p50"].to_list() == [31.5] * 3


def test_proposals_stand_before_findings_and_what_was_looked_at_in_vain_last() -> None:
    rows = [
        nothing("splits"),
        change("gate_supported", "direct.contact.discovery_held"),
        change("gate_unsupported", "direct.contact.a", is_proposed=True),
        change(),
    ]
    made = page(stage_design_review=rows, criterion_efficacy=[criterion()])
    found = made.tables.changes
    assert found["finding"].to_list() == [
        "milestone_unasked",
        "gate_unsupported",
        "gate_supported",
        "nothing_to_change",
    ]
    assert found["traced_by"].is_null().to_list() == [False, False, False, True]
    assert found["wording_en"].to_list() == [
        *(None, "direct.contact.a", "A demo of at least 30 minutes was held."),
        None,
    ]
    assert made.views[0].proposals == 2


def test_deals_whose_amounts_nobody_knows_are_not_worth_nothing() -> None:
    rows = [reason("a", 3, amount=Decimal(0), deals_without_amount=3), reason("b", 2, deals_without_amount=1)]
    assert page(close_reasons=rows).tables.reasons["amount"].to_list() == [None, 2000]


def test_reasons_of_all_deals_stand_before_those_of_segments_and_lost_before_won() -> None:
    rows = [
        reason("price", 6, segment="icp_band", segment_value="A"),
        reason("references", 30, outcome="won"),
        reason("price", 10),
        reason("silence", 20, stage=None),
    ]
    found = page(close_reasons=rows).tables.reasons
    assert found.select("segment", "outcome", "reason").rows() == [
        ("all", "lost", "silence"),
        ("all", "lost", "price"),
        ("all", "won", "references"),
        ("icp_band", "lost", "price"),
    ]
    assert found["stage"].to_list()[0] is None


def test_more_reasons_than_a_page_bears_are_counted_those_of_all_deals_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons, "REASONS_LISTED", 2)
    rows = [reason("price", 90, segment="team", segment_value="East"), reason("price", 5), reason("silence", 4)]
    made = page(close_reasons=rows)
    assert made.tables.reasons["segment"].to_list() == ["all", "all"]
    assert made.unlisted_reasons == 1


# Funnels


def test_each_funnel_has_its_own_view_and_one_without_deals_has_none() -> None:
    rows = [conversion(), conversion(funnel="channel", lost=35)]
    made = page(
        funnels=(
            "direct",
            "channel",
        ),
        funnel_stage_conversion=rows,
        conversion_causes=[
            *split({"lead_quality": -6.0}, named=["lead_quality"]),
            *split({"follow_up": -6.0}, funnel="channel", named=["follow_up"]),
        ],
    )
    assert [each.key for each in made.views] == ["direct", "channel"]
    assert [each.causes[0].cause.en for each in made.views] == ["Lead quality", "Follow-up cadence"]
    assert [each.loss.lost for each in made.views if each.loss] == [30, 35]
    assert made.tables.splits["view"].to_list() == [0, 1]
    alone = page(funnels=("direct", "channel"), funnel_stage_conversion=rows[:1])
    assert [each.key for each in alone.views] == ["direct"]


# What is not there


def test_a_night_without_any_history_has_a_page_that_says_nothing_more_than_it_knows() -> None:
    made = view()
    assert (made.loss, made.mend, made.causes, made.compared, made.proposals) == (None, None, (), 0, 0)
    assert made.gates.all == 0
    assert not made.has_deals


@pytest.mark.parametrize(
    "table",
    ["conversion_causes", "conversion_cause_deals", "milestone_candidates", "stage_design_review", "close_reasons"],
)
def test_a_night_that_was_published_before_a_table_was_has_the_rest_of_its_page(table: str) -> None:
    tables = busy()
    del tables[table]
    made = compose(tables, standards(), BUSINESS_DATE)
    assert made.views[0].loss is not None
    assert made.tables.gates.height > 0


def test_a_table_that_lacks_what_its_rows_are_of_is_refused_by_name() -> None:
    tables = busy()
    tables["conversion_causes"] = tables["conversion_causes"].drop("share", "cause")
    with pytest.raises(
        InsightsPageRefusedError, match="conversion_causes has no column cause, share; the insights page"
    ):
        compose(tables, standards(), BUSINESS_DATE)


def test_a_night_that_was_not_recorded_has_no_page() -> None:
    with pytest.raises(InsightsPageRefusedError, match="nights has 0 rows for 2026-11-21"):
        compose(busy(), standards(), date(2026, 11, 21))


def test_rows_of_another_night_are_not_told() -> None:
    rows = [
        {**row, "business_date": day}
        for day, share in ((BUSINESS_DATE, -6.0), (date(2026, 11, 21), -1.0))
        for row in split({"lead_quality": share})
    ]
    assert page(conversion_causes=rows).tables.splits["change"].to_list() == [-0.06]


def test_the_focus_is_never_the_reference() -> None:
    assert FOCUS != BEFORE
    rows = page(conversion_causes=split({})).tables.splits.filter(pl.col("focus") == pl.col("reference"))
    assert rows.height == 0
