"""Which groups are compared, what is named, and the deals behind it."""

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from causes_worlds import QUARTERS, Deal, cells_of, deals_of, random_deals

from orchestration.defs.insights.columns import MEANINGS
from orchestration.insights.causes import CAUSE_COLUMNS, Settings, cause_deals, conversion_causes, stage_names
from orchestration.insights.mechanisms import CAUSES
from orchestration.insights.sentences import Stage

SETTINGS = Settings(30, 20, {("f", "one"): Stage("Contact", "接洽"), ("f", "two"): Stage("Proposal", "报价")})
NIGHT = date(2026, 6, 30)
Rows = list[dict[str, Any]]


def causes(deals: list[Deal]) -> pl.DataFrame:
    return conversion_causes(cells_of(deals), SETTINGS, NIGHT)


def of(frame: pl.DataFrame, comparison: str, focus: str | None = None, stage: str = "one") -> Rows:
    rows = frame.filter(pl.col("comparison") == comparison, pl.col("stage") == stage)
    return rows.filter(pl.col("focus") == focus).to_dicts() if focus else rows.to_dicts()


def company(seed: int, per_quarter: int, tilt: float = 0.0) -> list[Deal]:
    """Nine quarters of two stages and four owners of two teams; `tilt` makes the latest quarter worse."""
    draw = random.Random(seed)
    found = []
    for stage in ("one", "two"):
        for back in range(9):
            for deal in random_deals(draw, per_quarter, tilt if back == 0 else 0.0):
                deal.stage, deal.quarters_back = stage, back
                deal.owner_key = draw.choice(["ann", "bob", "cyd", None])
                deal.team = {"ann": "east", "bob": "west", "cyd": "west"}.get(deal.owner_key or "")
                found.append(deal)
    return found


@pytest.fixture(scope="module")
def worse() -> list[Deal]:
    return company(1, 300, 2.0)


@pytest.fixture(scope="module")
def found(worse: list[Deal]) -> pl.DataFrame:
    return causes(worse)


def test_five_shares_of_each_comparison_add_up_to_the_change_to_the_last_place(found: pl.DataFrame) -> None:
    summed = found.group_by("stage", "comparison", "focus").agg(
        pl.col("share").sum(), pl.col("change").first(), pl.col("cause").n_unique(), pl.len()
    )
    assert summed.filter(pl.col("share") != pl.col("change")).is_empty()
    assert set(summed["cause"]) == set(summed["len"]) == {5}
    assert found["change"].to_list() == (found["focus_conversion"] - found["reference_conversion"]).to_list()
    assert dict(found.schema) == dict(CAUSE_COLUMNS)


def test_the_five_comparisons_of_a_funnel_together_have_more_than_95_percent(found: pl.DataFrame) -> None:
    levels = found.group_by("funnel", "comparison").agg(pl.col("interval_level").max())
    assert levels.height == 5
    assert levels.select((1 - pl.col("interval_level")).sum()).item() <= 0.05 + 1e-9


def test_each_quarter_is_compared_with_the_one_before_a_year_ago_and_the_best(
    worse: list[Deal], found: pl.DataFrame
) -> None:
    rates = {}
    for back in range(1, 9):
        here = [deal.is_advanced for deal in worse if deal.quarters_back == back and deal.stage == "one"]
        rates[QUARTERS[back]] = sum(here) / len(here)
    references = {name: {row["reference"] for row in of(found, name)} for name in found["comparison"].unique()}
    assert references["previous_quarter"] == {QUARTERS[1]}
    assert references["year_ago"] == {QUARTERS[4]}
    assert references["best_quarter"] == {max(rates, key=lambda quarter: rates[quarter])}
    assert references["owner"] == references["team"] == {"rest"}
    assert {row["focus"] for row in of(found, "owner")} == {"ann", "bob", "cyd"}
    assert {row["focus"] for row in of(found, "team")} == {"east", "west"}


def test_an_owner_is_compared_with_all_other_deals_of_the_latest_four_quarters(
    worse: list[Deal], found: pl.DataFrame
) -> None:
    here = [deal for deal in worse if deal.stage == "one" and deal.quarters_back < 4]
    own = [deal for deal in here if deal.owner_key == "ann"]
    row = of(found, "owner", "ann")[0]
    assert (row["focus_n"], row["reference_n"]) == (len(own), len(here) - len(own))
    share = sum(deal.is_advanced for deal in own) / len(own)
    assert float(row["focus_conversion"]) == pytest.approx(share, abs=1e-6)


def test_what_was_made_worse_is_named_and_the_largest_of_it_leads(found: pl.DataFrame) -> None:
    for stage in ("one", "two"):
        rows = of(found, "previous_quarter", stage=stage)
        named = [row for row in rows if row["is_named"]]
        assert "stalls_and_early_closes" in {row["cause"] for row in named}
        assert all(row["share_high"] < 0 or row["share_low"] > 0 for row in named)
        leading = [row for row in rows if row["is_leading"]]
        assert leading == [min(named, key=lambda row: row["share"])]
        assert all(row["share_low"] <= row["share"] <= row["share_high"] for row in rows)


def test_where_nothing_changed_nothing_is_named() -> None:
    names = []
    for seed in range(6):
        made = causes(company(seed, 120)).filter(pl.col("comparison").is_in(["owner", "team"]).not_())
        names += made.filter("is_named").rows()
    assert names == []


UNKNOWN = {
    "lead_quality": ("quality_class", "unknown", "weak", "strong"),
    "follow_up": ("cadence_class", "not_known", "seldom", "often"),
}


def becomes_known(cause: str, unknown_before: float, worse_now: float, back: int = 0) -> list[Deal]:
    """A thousand deals of a quarter: half are good, of which fewer tell what they are the larger `unknown_before`."""
    column, unknown, bad, good = UNKNOWN[cause]
    draw = random.Random(f"{cause} {back}")
    found = []
    for _ in range(1000):
        is_bad = draw.random() < worse_now
        told = unknown if draw.random() < unknown_before else bad if is_bad else good
        classes: dict[str, Any] = {column: told}
        found.append(Deal(is_advanced=draw.random() < (0.3 if is_bad else 0.7), quarters_back=back, **classes))
    return found


@pytest.mark.parametrize("cause", UNKNOWN)
def test_that_something_became_known_is_not_named_as_its_cause(cause: str) -> None:
    """Six in ten were unknown and none are now; conversion fell for a reason that nobody measures."""
    fell = [Deal(**{UNKNOWN[cause][0]: UNKNOWN[cause][2]}, is_advanced=False) for _ in range(300)]  # type: ignore[arg-type]
    found = causes(becomes_known(cause, 0, 0.5) + fell + becomes_known(cause, 0.6, 0.5, back=1))
    rows = {row["cause"]: row for row in of(found, "previous_quarter")}
    assert abs(rows[cause]["share"]) <= Decimal("0.000001")
    assert (rows[cause]["is_named"], rows[cause]["share_low"], rows[cause]["deals_behind"]) == (False, None, None)
    assert "cannot be compared" in rows[cause]["sentence_en"]
    assert "无法比较" in rows[cause]["sentence_zh"]
    assert [name for name, row in rows.items() if row["is_named"]] == ["within_segments"]
    assert rows["within_segments"]["is_leading"]


@pytest.mark.parametrize("cause", UNKNOWN)
def test_what_is_as_unknown_as_before_is_compared(cause: str) -> None:
    found = causes(becomes_known(cause, 0.3, 0.9) + becomes_known(cause, 0.3, 0.1, back=1))
    rows = of(found, "previous_quarter")
    assert cause in {row["cause"] for row in rows if row["is_named"] and row["share"] < 0}
    assert not any("cannot be compared" in row["sentence_en"] for row in rows)


def test_a_quarter_whose_activities_are_unknown_knows_of_no_early_closes() -> None:
    """They are there in both quarters; of one nobody can tell."""
    now = [Deal(pace_class="closed_early", is_advanced=False) if n % 4 == 0 else Deal() for n in range(600)]
    before = [Deal(cadence_class="not_known", quarters_back=1, is_advanced=n % 4 > 0) for n in range(600)]
    rows = of(causes([*now, *before]), "previous_quarter")
    assert [row["cause"] for row in rows if row["is_named"]] == []
    assert all(abs(row["share"]) <= Decimal("0.000001") for row in rows)


def test_an_owner_whose_activities_nobody_logs_is_not_blamed_for_follow_up() -> None:
    unlogged = [Deal(cadence_class="not_known", owner_key="ann", is_advanced=n % 2 > 0) for n in range(200)]
    logged = [Deal(cadence_class="often", owner_key="bob", is_advanced=n % 5 > 0) for n in range(600)]
    rows = of(causes([*unlogged, *logged]), "owner", "ann")
    assert [row["cause"] for row in rows if row["is_named"]] == ["within_segments"]
    assert next(row for row in rows if row["cause"] == "follow_up")["deals_behind"] is None


def gated(back: int, missed: float, *, goes_on: float = 0.7, **criteria: tuple[str, ...]) -> list[Deal]:
    """A thousand deals of a quarter, of whom some share missed a criterion, and of whom so many then go on."""
    draw = random.Random(back)
    found = []
    for number in range(1000):
        is_missed = number < 1000 * missed
        told = {name: each for name, each in criteria.items() if name != "also_missed" or is_missed}
        is_advanced = draw.random() < (goes_on - 0.5 if is_missed else goes_on)
        found.append(Deal(quarters_back=back, is_advanced=is_advanced, **told))  # type: ignore[arg-type]
    return found


def test_a_criterion_that_is_new_in_the_latest_quarter_is_no_worse_behaviour() -> None:
    """Half miss what nobody was asked before, and go on less; what deals did has not changed."""
    now = gated(0, 0.5, also_missed=("new",))
    before = gated(1, 0.5, also_not_known=("new",))
    settings = replace(SETTINGS, criteria={"new": ("The budget is signed.", "预算已签署。")})
    found = conversion_causes(cells_of([*now, *before]), settings, NIGHT)
    rows = {row["cause"]: row for row in of(found, "previous_quarter")}
    proof = rows["unproven_advancement"]
    assert (proof["is_named"], proof["share_low"], proof["deals_behind"]) == (False, None, None)
    assert abs(proof["share"]) <= Decimal("0.000001")
    assert proof["criteria_not_compared"] == "new"
    assert "cannot be compared" in proof["sentence_en"]
    assert proof["sentence_en"].endswith(
        "Not compared, because not asked or not known of both alike: “The budget is signed.”"
    )
    assert proof["sentence_zh"].endswith("：“预算已签署。”")
    assert not any(row["is_named"] for row in rows.values())


def test_criteria_that_both_quarters_were_asked_are_compared_beside_a_new_one() -> None:
    now = gated(0, 0.5, also_missed=("new", "old"))
    before = gated(1, 0.1, also_missed=("old",), also_not_known=("new",))
    found = causes([*now, *before])
    proof = next(row for row in of(found, "previous_quarter") if row["cause"] == "unproven_advancement")
    assert (proof["is_named"], proof["criteria_not_compared"]) == (True, "new")
    assert (proof["deals_behind"], proof["reference_behind_share"]) == (500, 0.1)
    listed = cause_deals(found, deals_of([*now, *before])).filter(pl.col("comparison") == "previous_quarter")
    assert listed["unproven_criteria"].to_list() == [1] * 500
    assert set(listed["proof_class"]) == {"one"}


def test_what_was_asked_in_neither_quarter_is_not_spoken_of() -> None:
    """The criteria of a version that began after both."""
    deals = [*gated(0, 0.5, also_missed=("old",), also_not_known=("later",))]
    deals += gated(1, 0.1, also_missed=("old",), also_not_known=("later",))
    proof = next(row for row in of(causes(deals), "previous_quarter") if row["cause"] == "unproven_advancement")
    assert proof["is_named"]
    assert "Not compared" not in proof["sentence_en"]


def test_proof_of_which_nobody_can_say_in_one_quarter_is_not_compared() -> None:
    """The extract with the proof was absent; deals of which nobody knows go on less, for a reason of their own."""
    now = [*gated(0, 0.2, also_missed=("old",))[:600], *gated(0, 0, goes_on=0.2, also_not_known=("old",))[:400]]
    rows = of(causes([*now, *gated(1, 0.2, also_missed=("old",))]), "previous_quarter")
    proof = next(row for row in rows if row["cause"] == "unproven_advancement")
    assert (proof["is_named"], proof["classes_behind"]) == (False, None)
    assert proof["criteria_not_compared"] == "old"
    assert [row["cause"] for row in rows if row["is_named"]] == ["within_segments"]


def test_nothing_is_blamed_on_a_few_more_deals_of_which_nobody_knows_the_proof() -> None:
    """Four of a hundred more, none of which went on: few enough to compare the others, and no behaviour."""
    now = [
        Deal(proof_class="not_evaluated" if n % 25 == 0 else "proven", is_advanced=n % 25 > 0) for n in range(20_000)
    ]
    before = [Deal(quarters_back=1) for _ in range(20_000)]
    rows = of(causes([*now, *before]), "previous_quarter")
    assert [row["cause"] for row in rows if row["is_named"]] == ["within_segments"]
    proof = next(row for row in rows if row["cause"] == "unproven_advancement")
    assert abs(proof["share"]) < Decimal("0.0001")
    assert proof["deals_behind"] == 0


def test_too_few_deals_name_nothing_however_much_they_differ() -> None:
    bad = [Deal(is_advanced=False, pace_class="stalled") for _ in range(29)]
    good = [Deal(quarters_back=1) for _ in range(400)]
    rows = of(causes([*bad, *good]), "previous_quarter")
    assert {(row["is_insufficient_history"], row["is_named"], row["share_low"]) for row in rows} == {
        (True, False, None)
    }
    assert sum(row["share"] for row in rows) == rows[0]["change"] == Decimal("-1.000000")
    enough = of(causes([*bad, bad[0], *good]), "previous_quarter")
    assert [row["cause"] for row in enough if row["is_named"]] == ["stalls_and_early_closes"]


def test_without_a_quarter_to_compare_with_a_row_says_so() -> None:
    rows = of(causes([Deal() for _ in range(40)]), "year_ago")
    assert [row["cause"] for row in rows] == list(CAUSES)
    assert {(row["reference"], row["change"], row["share"], row["is_insufficient_history"]) for row in rows} == {
        (None, None, None, True)
    }
    assert rows[0]["sentence_en"] == "Contact: there are no deals to compare with."


def test_a_share_is_named_only_in_the_sentence_of_the_cause_and_in_both_languages(found: pl.DataFrame) -> None:
    for row in found.iter_rows(named=True):
        assert row["sentence_en"].startswith("Contact" if row["stage"] == "one" else "Proposal")
        assert row["sentence_zh"].startswith("接洽" if row["stage"] == "one" else "报价")
        assert "None" not in row["sentence_en"] + row["sentence_zh"]
        assert (" points (" in row["sentence_en"]) == row["is_named"]
        assert not set("，。：") & set(row["sentence_en"])
    stalls = of(found, "previous_quarter")[CAUSES.index("stalls_and_early_closes")]
    assert stalls["cause"] == "stalls_and_early_closes"
    assert f"({stalls['deals_behind']}) were slow, stalled or given up early" in stalls["sentence_en"]


def test_the_deals_behind_a_named_share_are_as_many_as_it_says(worse: list[Deal], found: pl.DataFrame) -> None:
    listed = cause_deals(found, deals_of(worse))
    keys = ("stage", "comparison", "focus", "cause")
    counted = listed.group_by(keys).len("listed")
    named = found.filter(pl.col("is_named") & (pl.col("deals_behind") > 0)).join(counted, on=keys, how="full")
    assert named.height >= 4
    assert named["listed"].to_list() == named["deals_behind"].to_list()
    stalled = listed.filter(pl.col("cause") == "stalls_and_early_closes", pl.col("comparison") == "previous_quarter")
    assert set(stalled["pace_class"]) == {"slow", "stalled", "closed_early"}
    assert set(listed.columns) | set(found.columns) == set(MEANINGS)


def latest(of_latest: dict[str, Any], of_before: dict[str, Any], counts: tuple[int, int, int, int]) -> list[Deal]:
    """Two quarters of 400 deals: `counts` of the first kind, and how many of a hundred of each kind go on."""
    now, before, first_goes_on, other_goes_on = counts
    return [
        Deal(
            quarters_back=back,
            is_advanced=number % 100 < (first_goes_on if number < first else other_goes_on),
            **(of_latest if number < first else of_before),
        )
        for back, first in ((0, now), (1, before))
        for number in range(400)
    ]


def named_row(deals: list[Deal], cause: str) -> tuple[pl.DataFrame, dict[str, Any]]:
    found = causes(deals)
    rows = [row for row in of(found, "previous_quarter") if row["cause"] == cause]
    assert [row["is_named"] for row in rows] == [True]
    return found, rows[0]


def listed_of(found: pl.DataFrame, deals: list[Deal], cause: str) -> pl.DataFrame:
    listed = cause_deals(found, deals_of(deals))
    return listed.filter(pl.col("cause") == cause, pl.col("comparison") == "previous_quarter")


USUAL_WORDS = ("weakest", "strongest", "came in", "belong to owners", "followed up", "slow", "went their", "show none")


@pytest.mark.parametrize("tilt", [2.0, -2.0])
@pytest.mark.parametrize("seed", [1, 4])
def test_usual_words_are_said_only_of_deals_that_are_commoner_than_in_the_reference(seed: int, tilt: float) -> None:
    named = causes(company(seed, 250, tilt)).filter("is_named")
    assert {row["share"] > 0 for row in named.to_dicts()}
    for row in named.to_dicts():
        is_usual = any(words in row["sentence_en"] for words in USUAL_WORDS)
        assert is_usual == ("the mix of deals differs" not in row["sentence_en"])
        if is_usual or row["deals_behind"]:
            assert row["behind_share"] > row["reference_behind_share"]


def test_where_deals_that_are_followed_up_often_convert_worse_they_are_the_ones_that_are_listed() -> None:
    deals = latest({"cadence_class": "often"}, {"cadence_class": "seldom"}, (300, 100, 20, 80))
    found, row = named_row(deals, "follow_up")
    assert row["share"] < 0
    assert (row["classes_behind"], row["deals_behind"], row["reference_behind_share"]) == ("often", 300, 0.25)
    assert "followed up" not in row["sentence_en"]
    assert "75 % of the deals (300) are of kinds that are commoner here and go on less often" in row["sentence_en"]
    assert row["sentence_en"].endswith("against 25 %.")
    assert row["sentence_zh"].endswith("对照为 25 %。")
    listed = listed_of(found, deals, "follow_up")
    assert listed["cadence_class"].to_list() == ["often"] * 300


def test_deals_of_a_loose_owner_that_lack_no_proof_are_told_apart_from_those_that_do() -> None:
    loose = {"has_loose_owner": True}
    found, row = named_row(latest(loose, {}, (300, 100, 20, 80)), "unproven_advancement")
    assert row["share"] < 0
    assert row["classes_behind"] == "loose_owner"
    assert "75 % of the deals (300) belong to owners who pass this stage's gates with less proof" in row["sentence_en"]
    assert "came in without proof" not in row["sentence_en"]
    deals = latest(loose, {}, (300, 100, 20, 80))
    for deal in deals[:100]:
        deal.proof_class = "one"
        deal.__post_init__()
    found, row = named_row(deals, "unproven_advancement")
    assert row["classes_behind"] == "one,two,three,more,loose_owner"
    assert (
        "25 % of the deals (100) came in without proof that an earlier gate asks for, against 0 %"
        in (row["sentence_en"])
    )
    assert "50 % of the deals (200) belong to owners" in row["sentence_en"]
    listed = listed_of(found, deals, "unproven_advancement")
    assert listed["proof_class"].value_counts().sort("proof_class").rows() == [("one", 100), ("proven", 200)]


def test_the_deals_behind_an_owners_share_are_the_owners() -> None:
    deals = []
    for number in range(1200):
        owner = ("ann", "bob", "cyd")[number % 3]
        is_stalled = owner == "ann" and number % 2 == 0
        pace = "stalled" if is_stalled else "flowing"
        deals.append(Deal(pace_class=pace, is_advanced=not is_stalled, owner_key=owner, quarters_back=number % 4))
    found = causes(deals)
    named = found.filter(pl.col("is_named") & (pl.col("comparison") == "owner") & (pl.col("focus") == "ann"))
    assert named["cause"].to_list() == ["stalls_and_early_closes"]
    listed = cause_deals(found, deals_of(deals)).filter(pl.col("comparison") == "owner", pl.col("focus") == "ann")
    assert listed.height == named["deals_behind"].item() == sum(deal.pace_class == "stalled" for deal in deals)
    assert set(listed["owner_key"]) == {"ann"}


def test_the_same_cells_in_any_order_give_the_same_table(worse: list[Deal], found: pl.DataFrame) -> None:
    shuffled = cells_of(worse).sample(fraction=1, shuffle=True, seed=3)
    assert conversion_causes(shuffled, SETTINGS, NIGHT).equals(found)


def test_no_deals_at_all_give_empty_tables_of_the_same_columns() -> None:
    cells = cells_of([Deal()]).clear()
    empty = conversion_causes(cells, SETTINGS, NIGHT)
    assert empty.height == 0
    assert dict(empty.schema) == dict(CAUSE_COLUMNS)
    assert cause_deals(empty, deals_of([Deal()]).clear()).height == 0


def test_a_stage_is_called_as_its_newest_version_calls_it() -> None:
    stages = pl.DataFrame(
        {
            "funnel": ["f", "f"],
            "version": [2, 1],
            "stage": ["one", "one"],
            "name_en": ["New", "Old"],
            "name_zh": ["新", "旧"],
        }
    )
    assert stage_names(stages) == {("f", "one"): Stage("New", "新")}
