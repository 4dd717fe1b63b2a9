"""What moved between two nights, against a plain reference that looks at both nights whole, over random worlds."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.forecasting.movement import (
    BUCKETS,
    FACTS,
    NightState,
    at,
    changed_positions,
    default_pairs,
    history,
    movement,
    no_positions,
)

FIRST = date(2026, 3, 30)
NIGHTS = [FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=4)]
DAYS = [None, date(2026, 3, 31), date(2026, 4, 2), date(2026, 4, 20), date(2026, 5, 31), date(2026, 8, 1)]
ENDS = {"Won": "won", "Lost": "lost", "Parked": "nurtured", "Out": "disqualified"}
Deal = dict[str, Any]
Night = dict[str, Deal]


def end_of(night: date) -> datetime:
    return datetime(night.year, night.month, night.day, 16)


def position(
    crm_stage: str = "Demo",
    *,
    amount: str | None = "100.00",
    currency: str | None = "CNY",
    rate: str | None = "1.00000000",
    close: date | None = date(2026, 4, 20),
    created: date = date(2026, 1, 5),
    stage: str | None = None,
    segment: str = "A",
    category: str | None = "pipeline",
    probability: float | None = 0.2,
    expected: str | None = "40.00",
    has_reopened: bool = False,
    reporting: str = "CNY",
    calendar_shift: int = 0,
    closed: date | None = None,
    outcome: str | None = None,
) -> Deal:
    ended = outcome or ENDS.get(crm_stage)
    exact = None if amount is None or rate is None or currency is None else Decimal(amount) * Decimal(rate)
    quarter = close and date(close.year, 3 * ((close.month - 1) // 3) + 1 + calendar_shift, 1)
    return {
        "is_open": ended is None,
        "outcome": ended,
        "crm_funnel_name": None,
        "crm_stage_name": crm_stage,
        "funnel": "direct",
        "stage": stage or crm_stage.lower(),
        "segment": segment,
        "created_at": datetime(created.year, created.month, created.day, 2),
        "closed_at": end_of(closed) - timedelta(hours=3) if closed else None,
        "has_reopened": has_reopened,
        "amount": None if amount is None else Decimal(amount),
        "currency": currency,
        "fx_rate": None if rate is None else Decimal(rate),
        "amount_reporting": None if exact is None else exact.quantize(Decimal("0.01"), ROUND_HALF_UP),
        "amount_exclusion": "missing" if exact is None else None,
        "reporting_currency": reporting,
        "expected_close_date": close,
        "month_start": close and close.replace(day=1),
        "quarter_start": quarter,
        "forecast_category": category,
        "probability": probability,
        "expected": None if exact is None or ended else Decimal(expected) if expected is not None else None,
    }


def frame(night: Night) -> pl.DataFrame:
    schema = {
        "deal_key": pl.String(),
        "is_open": pl.Boolean(),
        **{name: FACTS[name] for name in FACTS if name != "state"},
    }
    rows = [
        {"deal_key": key, **{name: deal[name] for name in schema if name != "deal_key"}} for key, deal in night.items()
    ]
    return pl.DataFrame(rows, schema=schema)


def kept(nights: list[Night]) -> pl.DataFrame:
    known, previous = no_positions(), None
    for day, night in zip(NIGHTS, nights, strict=False):
        known = pl.concat([known, changed_positions(frame(night), known, day, previous)])
        previous = end_of(day)
    return known


def state(nights: list[Night], number: int, config: str = "same") -> NightState:
    rows = [(key, deal["expected"]) for key, deal in nights[number].items() if deal["is_open"]]
    expected = pl.DataFrame(rows, schema={"deal_key": pl.String(), "expected_amount": pl.Decimal(18, 2)}, orient="row")
    return NightState(NIGHTS[number], end_of(NIGHTS[number]), config, expected)


def moved(before: Deal | None, after: Deal | None, config: str = "same") -> dict[str, str]:
    """The buckets of one deal between two nights, by kind of period."""
    nights = [{"x:1": deal} if deal else {} for deal in (before, after)]
    made = movement(kept(nights), state(nights, 0), state(nights, 1, config), "last_night").deals
    assert made.height <= 1
    return (
        {}
        if made.is_empty()
        else made.select(all="bucket", month="month_bucket", quarter="quarter_bucket").row(0, named=True)
    )


# The slow reference: two nights whole, one deal at a time.


def reference_bucket(
    before: Deal | None, after: Deal | None, opened: datetime, kind: str, *, is_same_config: bool
) -> str | None:
    was_open, is_open = bool(before and before["is_open"]), bool(after and after["is_open"])
    if not was_open and not is_open and (after is None or (before and before["outcome"] == after["outcome"])):
        return None
    if before and after and was_open != is_open and before["crm_stage_name"] == after["crm_stage_name"]:
        return "definition"
    if after and not is_open:
        return {"won": "won", "nurtured": "nurtured"}.get(after["outcome"], "lost")
    if after and not was_open:
        return "reopened" if before or (after["has_reopened"] and after["created_at"] < opened) else "created"
    if not after:
        return "deleted"
    assert before is not None
    return reference_bucket_of_open(before, after, kind, is_same_config=is_same_config)


def reference_bucket_of_open(before: Deal, after: Deal, kind: str, *, is_same_config: bool) -> str:
    if kind != "all" and before[f"{kind}_start"] != after[f"{kind}_start"]:
        old, new = before["expected_close_date"], after["expected_close_date"]
        if old != new:
            return "pulled_in" if old is None or (new is not None and new < old) else "pushed_out"
    if (before["amount"], before["currency"]) != (after["amount"], after["currency"]):
        name = "amount" if before["currency"] == after["currency"] else "amount_reporting"
        return "amount_raised" if (after[name] or 0) > (before[name] or 0) else "amount_lowered"
    if before["forecast_category"] != after["forecast_category"]:
        return "category"
    is_moved = before["crm_stage_name"] != after["crm_stage_name"] and before["stage"] != after["stage"]
    is_resegmented = before["segment"] != after["segment"]
    if before["probability"] != after["probability"] or is_moved or (is_resegmented and is_same_config):
        return "probability"
    if after["amount"] is not None and before["fx_rate"] != after["fx_rate"]:
        return "rates"
    if before["stage"] != after["stage"] or is_resegmented:
        return "definition"
    if kind != "all" and before[f"{kind}_start"] != after[f"{kind}_start"]:
        return "definition"
    return "model" if before["expected"] != after["expected"] else "unchanged"


@st.composite
def deals(draw: st.DrawFn) -> Deal:
    stage = draw(st.sampled_from(["Demo", "Demo", "Offer", "Won", "Lost", "Parked", "Out"]))
    # What the standards make of a stage may change while the deal does not: 'Offer' counts as lost on some nights.
    is_ended_by_standards = stage == "Offer" and draw(st.integers(0, 4)) == 0
    return position(
        stage,
        amount=draw(st.sampled_from([None, "100.00", "250.55", "0.01"])),
        currency=draw(st.sampled_from([None, "CNY", "EUR", "EUR"])),
        rate=draw(st.sampled_from([None, "1.00000000", "7.81230000", "7.90005000"])),
        close=draw(st.sampled_from(DAYS)),
        created=draw(st.sampled_from([date(2026, 1, 5), FIRST, FIRST + timedelta(days=3)])),
        segment=draw(st.sampled_from(["A", "A", "B"])),
        category=draw(st.sampled_from([None, "commit"])),
        probability=draw(st.sampled_from([None, 0.2, 0.5])),
        expected=draw(st.sampled_from([None, "10.01", "40.00"])),
        has_reopened=draw(st.booleans()),
        outcome="lost" if is_ended_by_standards else None,
    )


@st.composite
def worlds(draw: st.DrawFn) -> list[Night]:
    nights: list[Night] = []
    for number, _ in enumerate(NIGHTS):
        night: Night = {}
        for key in ("x:1", "x:2", "x:3", "x:4", "x:5"):
            before = nights[-1].get(key) if nights else None
            fate = draw(st.sampled_from(["same", "facts", "new", "gone"]))
            if fate == "same" and before:
                night[key] = before
            elif fate == "facts" and before:
                other, names = (
                    draw(deals()),
                    draw(st.sets(st.sampled_from(["close", "category", "expected", "probability"]))),
                )
                groups = {
                    "close": ["expected_close_date", "month_start", "quarter_start"],
                    "category": ["forecast_category"],
                }
                changed = {field: other[field] for name in names for field in groups.get(name, [name])}
                night[key] = before | changed
                if not night[key]["is_open"] or night[key]["amount_reporting"] is None:
                    night[key]["expected"] = None
            elif fate != "gone":
                made = draw(deals())
                night[key] = (
                    made if made["is_open"] else made | {"closed_at": end_of(NIGHTS[number]) - timedelta(hours=3)}
                )
        # On the first night kept, what is closed already is history; it is not told apart from what is not there.
        nights.append({key: deal for key, deal in night.items() if number or deal["is_open"]})
    return nights


def pairs() -> Iterator[tuple[int, int]]:
    return iter([(0, 1), (1, 2), (0, 2)])


@settings(max_examples=60, deadline=None)
@given(world=worlds(), is_same_config=st.booleans())
def test_every_deal_is_in_the_bucket_that_a_look_at_both_nights_gives_it(
    world: list[Night], is_same_config: bool
) -> None:
    positions = kept(world)
    for a, b in pairs():
        made = movement(
            positions, state(world, a), state(world, b, "same" if is_same_config else "other"), "span"
        ).deals
        assert made["deal_key"].is_unique().all()
        for kind, column in (("all", "bucket"), ("month", "month_bucket"), ("quarter", "quarter_bucket")):
            expected = {}
            for key in world[a].keys() | world[b].keys():
                before, after = world[a].get(key), world[b].get(key)
                # A deal that was known and gone at the opening has been there before: it comes back.
                if before is None and any(key in night for night in world[:a]):
                    before = next(night[key] for night in reversed(world[:a]) if key in night) | {
                        "is_open": False,
                        "crm_stage_name": "gone",
                    }
                bucket = reference_bucket(before, after, end_of(NIGHTS[a]), kind, is_same_config=is_same_config)
                if bucket:
                    expected[key] = bucket
            assert dict(made.select("deal_key", column).rows()) == expected


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_opening_and_buckets_make_closing_in_every_period_to_the_cent(world: list[Night]) -> None:
    positions = kept(world)
    for a, b in pairs():
        made = movement(positions, state(world, a), state(world, b), "span")
        assert (made.sums["opening_amount"] + made.sums["change_amount"] == made.sums["closing_amount"]).all()
        for side, night in (("opening", world[a]), ("closing", world[b])):
            for measure, field in (("amount", "amount_reporting"), ("expected_amount", "expected")):
                whole: dict[tuple[str, date | None], Decimal] = defaultdict(Decimal)
                for deal in night.values():
                    if deal["is_open"]:
                        for kind in ("all", "month", "quarter"):
                            whole[kind, deal.get(f"{kind}_start")] += deal[field] or 0
                for funnel in ("all", "direct"):
                    summed = (
                        made.sums.filter(pl.col("funnel") == funnel)
                        .group_by("period_kind", "period_start")
                        .agg(pl.col(f"{side}_{measure}").sum())
                    )
                    found = {(kind, start): amount for kind, start, amount in summed.rows() if amount}
                    assert found == {place: amount for place, amount in whole.items() if amount}
            excluded = made.sums.filter((pl.col("funnel") == "all") & (pl.col("period_kind") == "all"))
            missing = sum(deal["is_open"] and deal["amount_reporting"] is None for deal in night.values())
            assert excluded[f"{side}_excluded_deals"].sum() == missing
        everything = made.sums.filter((pl.col("funnel") == "all") & (pl.col("period_kind") == "all"))
        assert everything["deals"].sum() == made.deals.height


@settings(max_examples=40, deadline=None)
@given(world=worlds())
def test_the_history_gives_back_the_pipeline_of_every_night(world: list[Night]) -> None:
    positions = kept(world)
    served = history(positions)
    for number, night in enumerate(world):
        day = NIGHTS[number]
        of_night = served.filter(
            (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
        )
        assert of_night["deal_key"].is_unique().all()
        still_open = of_night.filter(pl.col("state") == "open").select("deal_key", "amount", "expected_close_date")
        expected = {
            (key, deal["amount"], deal["expected_close_date"]) for key, deal in night.items() if deal["is_open"]
        }
        assert set(still_open.rows()) == expected


@settings(max_examples=25, deadline=None)
@given(world=worlds(), seed=st.integers(0, 99))
def test_the_order_of_rows_changes_nothing(world: list[Night], seed: int) -> None:
    positions = kept(world)
    made = movement(positions, state(world, 0), state(world, 2), "span")
    again = movement(positions.sample(fraction=1, shuffle=True, seed=seed), state(world, 0), state(world, 2), "span")
    assert again.deals.equals(made.deals)
    assert again.sums.equals(made.sums)


def test_a_night_on_which_nothing_changed_adds_no_position() -> None:
    night = {"x:1": position(), "x:2": position(amount=None)}
    known = kept([night])
    assert known.height == 2
    assert changed_positions(frame(night), known, NIGHTS[1], end_of(NIGHTS[0])).is_empty()


def test_deals_closed_before_the_first_night_are_not_kept() -> None:
    assert kept([{"x:1": position("Won", closed=date(2026, 2, 1))}]).is_empty()


def test_a_deal_won_between_two_nights_that_no_night_saw_open_counts_as_won_and_moves_no_pipeline() -> None:
    nights: list[Night] = [{}, {"x:1": position("Won", created=NIGHTS[1], closed=NIGHTS[1])}]
    made = movement(kept(nights), state(nights, 0), state(nights, 1), "last_night")
    assert made.deals.select("bucket", "closed_amount").rows() == [("won", Decimal("100.00"))]
    assert made.sums["change_amount"].sum() == 0
    assert made.sums.filter((pl.col("funnel") == "all") & (pl.col("period_kind") == "all"))["deals"].to_list() == [1]


@pytest.mark.parametrize(
    ("before", "after", "bucket"),
    [
        (position(), position("Won"), "won"),
        (position(), position("Lost"), "lost"),
        (position(), position("Parked"), "nurtured"),
        (None, position(created=NIGHTS[1]), "created"),
        (None, position(created=date(2026, 1, 5), has_reopened=True), "reopened"),
        (position(), None, "deleted"),
        (position(), position(close=date(2026, 8, 1)), "pushed_out"),
        (position(close=None), position(), "pulled_in"),
        (position(), position(amount="100.01", category="commit"), "amount_raised"),
        (position(), position(amount=None), "amount_lowered"),
        (position(), position(category="commit", probability=0.5), "category"),
        (position(), position("Offer", rate="1.10000000"), "probability"),
        (position(rate=None, currency="EUR"), position(rate="7.80000000", currency="EUR"), "rates"),
        (position(), position(stage="solution_demo"), "definition"),
        (position(), position(outcome="lost"), "definition"),
        (position(), position(calendar_shift=1), "definition"),
        (position(), position(reporting="EUR", rate="0.12800000"), "definition"),
        (position(), position(expected="41.00"), "model"),
        (position(), position(), "unchanged"),
    ],
)
def test_each_bucket_has_its_cause(before: Deal | None, after: Deal | None, bucket: str) -> None:
    assert moved(before, after)["quarter"] == bucket


def test_a_segment_moves_by_the_deal_or_where_the_standards_changed_by_definition() -> None:
    assert moved(position(), position(segment="B"))["all"] == "probability"
    assert moved(position(), position(segment="B"), config="other")["all"] == "definition"


def test_a_stage_renamed_in_the_crm_alone_moves_nothing() -> None:
    assert moved(position("Demo", stage="demo"), position("Product demo", stage="demo"))["all"] == "unchanged"


def test_a_push_within_a_quarter_is_a_push_of_the_month_and_no_slip_of_the_quarter() -> None:
    nights = [
        {"x:1": position()},
        {"x:1": position(close=date(2026, 5, 31))},
        {"x:1": position(close=date(2026, 8, 1))},
    ]
    positions = kept(nights)
    counts = ("bucket", "month_bucket", "quarter_bucket", "pushes", "month_slips", "quarter_slips", "pull_ins")
    one = movement(positions, state(nights, 0), state(nights, 1), "last_night").deals.select(counts)
    assert one.rows() == [("unchanged", "pushed_out", "unchanged", 1, 1, 0, 0)]
    both = movement(positions, state(nights, 0), state(nights, 2), "week").deals.select(counts)
    assert both.rows() == [("unchanged", "pushed_out", "pushed_out", 2, 2, 1, 0)]


def test_a_pair_whose_opening_was_never_published_is_left_out() -> None:
    nights = [date(2026, 3, 20), date(2026, 3, 30)]
    starts = [("month_to_date", date(2026, 3, 1)), ("quarter_to_date", date(2026, 1, 1))]
    assert list(default_pairs(nights, date(2026, 3, 31), starts)) == [
        ("last_night", date(2026, 3, 30)),
        ("week", date(2026, 3, 20)),
    ]


def test_a_night_is_looked_at_as_it_knew_the_deals() -> None:
    nights = [{"x:1": position()}, {"x:1": position(amount="7.00")}]
    assert at(kept(nights), NIGHTS[0])["amount"].to_list() == [Decimal("100.00")]


def test_every_bucket_is_named_once() -> None:
    assert len(set(BUCKETS)) == len(BUCKETS)
