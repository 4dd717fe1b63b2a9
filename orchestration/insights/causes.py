"""Why a stage converts otherwise than it did, or than others: which groups of deals are compared, and what is named.

Belongs here: from `conversion_cells` to `conversion_causes`, and the deals behind what is named. Not here: the
arithmetic of the split (`mechanisms`), chance (`bootstrap`), the words (`sentences`).

A share is named only where the interval that holds for every share of its comparison at once excludes zero, and both
groups have `minimum_n` deals: a wrong name costs more than none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from orchestration.insights.bootstrap import DRAWS, drawn, generator, limit, spread
from orchestration.insights.mechanisms import (
    CAUSES,
    CLOSED_EARLY,
    FOLLOW_UP,
    LEAD_QUALITY,
    PACE,
    UNPROVEN,
    WITHIN,
    Floats,
    counts_of,
    split,
    together,
)
from orchestration.insights.sentences import Fact, Stage, sentence

PREVIOUS, YEAR_AGO, BEST = "previous_quarter", "year_ago", "best_quarter"
REST = "rest"
# A funnel has five comparisons: with three quarters, and of all owners and of all teams over all stages at once. Each
# names something wrongly with a hundredth at most, so that the whole table does with less than 5 %.
LEVEL = 0.99
# Owners are many, so that fewer draws of each do than of quarters; a limit that one in a hundred exceeds needs these.
MEMBER_DRAWS = 500
QUARTERS_COMPARED = 8
MILLION = 1_000_000

# Of deals compared within a quarter or with the rest: the classes behind a share that lowers conversion, and behind one
# that raises it. What remains within segments has none: there it is the deals of no class that did or did not advance.
BEHIND: Mapping[str, tuple[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    LEAD_QUALITY: ("quality_class", (("weak",), ("strong",))),
    UNPROVEN: ("proof_class", (("one", "two", "three", "more"), ("proven",))),
    FOLLOW_UP: ("cadence_class", (("seldom",), ("often",))),
    PACE: ("pace_class", (("stalled", "slow", CLOSED_EARLY), ("flowing",))),
}

SHARE = pl.Decimal(9, 6)
CAUSE_COLUMNS: Mapping[str, Any] = {
    "business_date": pl.Date,
    "funnel": pl.String,
    "stage": pl.String,
    "stage_rank": pl.Int64,
    "comparison": pl.String,
    "focus": pl.String,
    "reference": pl.String,
    "horizon_days": pl.Float64,
    "focus_n": pl.Int64,
    "reference_n": pl.Int64,
    "focus_conversion": SHARE,
    "reference_conversion": SHARE,
    "change": SHARE,
    "cause": pl.String,
    "share": SHARE,
    "share_low": SHARE,
    "share_high": SHARE,
    "interval_level": pl.Float64,
    "is_named": pl.Boolean,
    "is_leading": pl.Boolean,
    "deals_behind": pl.Int64,
    "behind_share": pl.Float64,
    "reference_behind_share": pl.Float64,
    "is_insufficient_history": pl.Boolean,
    "sentence_en": pl.String,
    "sentence_zh": pl.String,
}
FACTORS = (
    *("owner_key", "team", "entered_at", "is_advanced", "icp_band", "lead_source", "quality_score", "quality_class"),
    *("unproven_criteria", "proof_class", "has_loose_owner", "touches", "touches_per_week", "cadence_class"),
    *("dwell_days", "next_stage", "pace_class"),
)


@dataclass(frozen=True)
class Settings:
    """What the company has decided, and the names of its stages by funnel and stage."""

    minimum_n: int
    shrinkage_deals: int
    stages: Mapping[tuple[str, str], Stage]


def stage_names(funnel_stages: pl.DataFrame) -> dict[tuple[str, str], Stage]:
    """What people call each stage of each funnel, in its newest version; from the standards' table."""
    newest = funnel_stages.sort("version").unique(["funnel", "stage"], keep="last")
    return {
        (row["funnel"], row["stage"]): Stage(row["name_en"], row["name_zh"]) for row in newest.iter_rows(named=True)
    }


@dataclass(frozen=True)
class Group:
    """Deals of a stage that are compared: their key, what people call them, and their cells."""

    key: str
    name: str
    cells: pl.DataFrame

    @classmethod
    def of(cls, cells: pl.DataFrame) -> "Group":
        first = cells.row(0, named=True)
        return cls(first["member"], first["member_name"], cells)

    @property
    def deals(self) -> int:
        return int(self.cells["deals"].sum())


@dataclass
class Pair:
    """A focus and its reference (null: there is none to compare with), and what became of their comparison."""

    funnel: str
    stage: str
    comparison: str
    focus: Group
    reference: Group | None
    stage_rank: int
    horizon_days: float
    level: float
    shares: Floats | None = None
    errors: Floats | None = None
    limit: float | None = None


def conversion_causes(cells: pl.DataFrame, settings: Settings, business_date: date) -> pl.DataFrame:
    """One row per funnel, stage, comparison, focus and cause; see CAUSE_COLUMNS.

    `cells`: rows of `conversion_cells`. Five shares of a comparison add up to `change`, to the last of six places.
    """
    rows: list[dict[str, Any]] = []
    cells = cells.sort(cells.columns)
    for (funnel,), of_funnel in cells.group_by("funnel", maintain_order=True):
        stages = list(of_funnel.sort("stage_rank", "stage").group_by("funnel", "stage", maintain_order=True))
        pairs = _quarters([_Stage.of(str(funnel), each) for _, each in stages], settings)
        for scope in ("owner", "team"):
            pairs += _members(scope, [_Stage.of(str(funnel), each) for _, each in stages], settings)
        for pair in pairs:
            rows += _rows(pair, settings, business_date)
    made = pl.DataFrame(rows, CAUSE_COLUMNS, orient="row")
    return made.sort("funnel", "stage_rank", "stage", "comparison", "focus", maintain_order=True)


@dataclass(frozen=True)
class _Stage:
    funnel: str
    stage: str
    stage_rank: int
    horizon_days: float
    cells: pl.DataFrame

    @classmethod
    def of(cls, funnel: str, cells: pl.DataFrame) -> "_Stage":
        first = cells.row(0, named=True)
        return cls(funnel, first["stage"], first["stage_rank"], first["horizon_days"], cells)

    def pair(self, comparison: str, focus: Group, reference: Group | None, level: float) -> Pair:
        return Pair(self.funnel, self.stage, comparison, focus, reference, self.stage_rank, self.horizon_days, level)


def _quarters(stages: Sequence[_Stage], settings: Settings) -> list[Pair]:
    """The latest mature quarter of each stage against the one before, a year ago, and the best of the eight before."""
    pairs: list[Pair] = []
    farthest: dict[str, list[Floats]] = {PREVIOUS: [], YEAR_AGO: [], BEST: []}
    for stage in stages:
        quarters = stage.cells.filter(pl.col("scope") == "quarter")
        groups = {
            int(str(back)): Group.of(each)
            for (back,), each in quarters.sort("quarters_back").group_by("quarters_back", maintain_order=True)
        }
        focus = groups.pop(0, None)
        if focus is None:
            continue
        enough = {back: each for back, each in groups.items() if each.deals >= settings.minimum_n}
        counts = dict(
            zip((0, *enough), counts_of([focus.cells, *(each.cells for each in enough.values())]), strict=True)
        )
        best = max(enough, key=lambda back: (float(counts[back].conversion), -back), default=None)
        errors: dict[int, Floats] = {}
        if focus.deals >= settings.minimum_n:
            alike, added = together(counts.values()), settings.shrinkage_deals
            own = drawn(counts[0], alike, added, DRAWS, generator(stage.funnel, stage.stage, focus.key))
            for back, each in enough.items():
                others = drawn(counts[back], alike, added, DRAWS, generator(stage.funnel, stage.stage, each.key))
                errors[back], far = spread(counts[0], counts[back], own, others, settings.shrinkage_deals)
                farthest[BEST].append(far)
                for comparison, compared in ((PREVIOUS, 1), (YEAR_AGO, 4)):
                    if back == compared:
                        farthest[comparison].append(far)
        for comparison, chosen in ((PREVIOUS, 1), (YEAR_AGO, 4), (BEST, best)):
            reference = groups.get(chosen) if chosen is not None else None
            pair = stage.pair(comparison, focus, reference, LEVEL)
            if chosen in errors:
                pair.shares = split(counts[0], counts[chosen], settings.shrinkage_deals)
                pair.errors = errors[chosen]
            elif reference is not None:
                mine, theirs = counts_of([focus.cells, reference.cells])
                pair.shares = split(mine, theirs, settings.shrinkage_deals)
            pairs.append(pair)
    for pair in pairs:
        pair.limit = limit(farthest[pair.comparison], pair.level)
    return pairs


def _members(scope: str, stages: Sequence[_Stage], settings: Settings) -> list[Pair]:
    """Each owner, or each team, against all other deals of the latest four mature quarters."""
    pairs: list[Pair] = []
    farthest: list[Floats] = []
    for stage in stages:
        cells = stage.cells.filter(pl.col("scope") == scope)
        for (member,), own in cells.group_by("member", maintain_order=True):
            rest = cells.filter(pl.col("member") != member)
            if member == "(none)":
                continue
            focus, reference = Group.of(own), Group(REST, REST, rest) if rest.height else None
            pair = stage.pair(scope, focus, reference, LEVEL)
            pairs.append(pair)
            if reference is None:
                continue
            mine, others = counts_of([own, rest])
            pair.shares = split(mine, others, settings.shrinkage_deals)
            if min(focus.deals, reference.deals) < settings.minimum_n:
                continue
            rng = generator(stage.funnel, stage.stage, scope, focus.key)
            alike = together([mine, others])
            draws = [drawn(each, alike, settings.shrinkage_deals, MEMBER_DRAWS, rng) for each in (mine, others)]
            pair.errors, far = spread(mine, others, draws[0], draws[1], settings.shrinkage_deals)
            farthest.append(far)
    for pair in pairs:
        pair.limit = limit(farthest, pair.level)
    return pairs


def _rows(pair: Pair, settings: Settings, business_date: date) -> Iterator[dict[str, Any]]:
    reference_n = pair.reference.deals if pair.reference else 0
    is_insufficient = min(pair.focus.deals, reference_n) < settings.minimum_n
    shared: dict[str, Any] = {
        "business_date": business_date,
        "funnel": pair.funnel,
        "stage": pair.stage,
        "stage_rank": pair.stage_rank,
        "comparison": pair.comparison,
        "focus": pair.focus.key,
        "reference": pair.reference.key if pair.reference else None,
        "horizon_days": pair.horizon_days,
        "focus_n": pair.focus.deals,
        "reference_n": reference_n,
        "focus_conversion": _decimal(_conversion(pair.focus)),
        "reference_conversion": _decimal(_conversion(pair.reference)) if pair.reference else None,
        "interval_level": pair.level,
        "is_insufficient_history": is_insufficient,
    }
    change = _conversion(pair.focus) - _conversion(pair.reference) if pair.reference else None
    shares = whole_shares(pair.shares, change) if pair.shares is not None and change is not None else None
    ends: list[tuple[int, int] | None] = [None] * len(CAUSES)
    if shares and pair.errors is not None and pair.limit is not None and not is_insufficient:
        ends = [_around(share, pair.limit * float(error)) for share, error in zip(shares, pair.errors, strict=True)]
    named = [end is not None and (end[0] > 0 or end[1] < 0) for end in ends]
    leading = _leading(shares, named, change) if shares and change is not None else None
    for number, cause in enumerate(CAUSES):
        share, end = shares[number] if shares else None, ends[number]
        behind = _behind(cause, share, pair.focus)
        behind_reference = _behind(cause, share, pair.reference) if pair.reference else None
        fact = Fact(
            stage=settings.stages[pair.funnel, pair.stage],
            comparison=pair.comparison,
            focus=pair.focus.name,
            reference=shared["reference"],
            horizon_days=pair.horizon_days,
            focus_n=pair.focus.deals,
            reference_n=reference_n,
            focus_conversion=_conversion(pair.focus) / MILLION,
            reference_conversion=_conversion(pair.reference) / MILLION if pair.reference else None,
            cause=cause,
            share=share / MILLION if share is not None else None,
            interval=(end[0] / MILLION, end[1] / MILLION) if end else None,
            is_named=named[number],
            is_insufficient=is_insufficient,
            minimum_n=settings.minimum_n,
            deals_behind=behind,
            behind_share=behind / pair.focus.deals if behind is not None else None,
            reference_behind_share=behind_reference / reference_n if behind_reference is not None else None,
        )
        said = sentence(fact)
        yield {
            **shared,
            "change": _decimal(change),
            "cause": cause,
            "share": _decimal(share),
            "share_low": _decimal(end[0]) if end else None,
            "share_high": _decimal(end[1]) if end else None,
            "is_named": named[number],
            "is_leading": leading == number,
            "deals_behind": behind,
            "behind_share": fact.behind_share,
            "reference_behind_share": fact.reference_behind_share,
            "sentence_en": said[0],
            "sentence_zh": said[1],
        }


def _conversion(group: Group) -> int:
    """In whole millionths, half up."""
    return (int(group.cells["advanced"].sum()) * 2 * MILLION + group.deals) // (2 * group.deals)


def _decimal(millionths: int | None) -> Decimal | None:
    return None if millionths is None else Decimal(millionths).scaleb(-6)


def _around(share: int, half_width: float) -> tuple[int, int]:
    half = round(half_width * MILLION)
    return share - half, share + half


def whole_shares(shares: Floats, change: int) -> list[int]:
    """The shares in whole millionths that add up to the change (millionths), by largest remainder."""
    exact = np.asarray(shares, dtype=np.float64) * MILLION
    whole = np.floor(exact).astype(np.int64)
    missing = change - int(whole.sum())
    # The change is of rounded conversions, so a millionth or two may be missing either way.
    order = np.argsort(-(exact - whole), kind="stable")
    for number in range(abs(missing)):
        at = order[number % len(order)] if missing > 0 else order[-1 - number % len(order)]
        whole[at] += 1 if missing > 0 else -1
    return [int(each) for each in whole]


def _leading(shares: Sequence[int], named: Sequence[bool], change: int) -> int | None:
    """The named share that is largest in the direction of the change; none where there is no such."""
    along = [number for number, share in enumerate(shares) if named[number] and share * change > 0]
    return max(along, key=lambda number: (abs(shares[number]), -number), default=None)


def _behind(cause: str, share: int | None, group: Group) -> int | None:
    if share is None:
        return None
    if cause == WITHIN:
        plain = group.cells.filter(_is_plain())
        advanced = int(plain["advanced"].sum())
        return int(plain["deals"].sum()) - advanced if share <= 0 else advanced
    return int(group.cells.filter(_is_behind(cause, share))["deals"].sum())


def _is_behind(cause: str, share: int) -> pl.Expr:
    column, (lowering, raising) = BEHIND[cause]
    is_class = pl.col(column).is_in(lowering if share <= 0 else raising)
    if cause != UNPROVEN:
        return is_class
    return is_class | pl.col("has_loose_owner") if share <= 0 else is_class & ~pl.col("has_loose_owner")


def _is_plain() -> pl.Expr:
    """In none of the classes behind a lower conversion."""
    return ~pl.any_horizontal(*(_is_behind(cause, -1) for cause in BEHIND))


def cause_deals(causes: pl.DataFrame, deals: pl.DataFrame) -> pl.DataFrame:
    """The deals behind each named share, with what was measured of each.

    `deals`: rows of `conversion_deals`. One row per funnel, stage, comparison, focus, cause and deal.
    """
    keys = ("funnel", "stage", "comparison", "focus", "cause")
    found = [
        pl.DataFrame(
            schema={
                "business_date": pl.Date,
                **dict.fromkeys(keys, pl.String),
                "deal_key": pl.String,
                **{name: deals.schema[name] for name in FACTORS},
            }
        )
    ]
    by_stage = deals.partition_by("funnel", "stage", as_dict=True)
    for row in causes.filter("is_named").select("business_date", *keys, "share").iter_rows(named=True):
        here = by_stage[row["funnel"], row["stage"]]
        of_member = {"owner": pl.col("owner_key"), "team": pl.col("team")}.get(row["comparison"])
        if of_member is None:
            here = here.filter(pl.col("quarters_back") == 0)
        else:
            here = here.filter(of_member == row["focus"])
            # Whether an owner is looser is no fact about a deal where owners are compared.
            here = here.with_columns(pl.lit(False).alias("has_loose_owner"))
        lowers = row["share"] <= 0
        if row["cause"] == WITHIN:
            here = here.filter(_is_plain() & (pl.col("is_advanced") != lowers))
        else:
            here = here.filter(_is_behind(row["cause"], -1 if lowers else 1))
        labels = [
            pl.lit(row[name], dtype=pl.Date if name == "business_date" else pl.String).alias(name)
            for name in ("business_date", *keys)
        ]
        found.append(here.select(*labels, "deal_key", *FACTORS))
    return pl.concat(found).sort(*keys, "deal_key")
