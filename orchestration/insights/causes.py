"""Why a stage converts otherwise than it did, or than others: which groups of deals are compared, and what is named.

Belongs here: from `conversion_cells` to `conversion_causes`, and the deals behind what is named. Not here: the
arithmetic of the split (`mechanisms`), chance (`bootstrap`), the words (`sentences`).

A share is named only where the interval that holds for every share of its comparison at once excludes zero, and both
groups have `minimum_n` deals: a wrong name costs more than none. What is known of one group and not of the other is not
compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
    UNKNOWN_CLASSES,
    UNPROVEN,
    WITHIN,
    Counts,
    Floats,
    counts_of,
    not_comparable,
    split,
    together,
)
from orchestration.insights.proofs import Comparable, Known, asked_of, comparable, with_proof_class
from orchestration.insights.sentences import Both, Fact, Part, Stage, sentence

PREVIOUS, YEAR_AGO, BEST = "previous_quarter", "year_ago", "best_quarter"
REST = "rest"
# A funnel has five comparisons: with three quarters, and of all owners and of all teams over all stages at once. Each
# names something wrongly with a hundredth at most, so that the whole table does with 5 % at most.
LEVEL = 0.99
# Owners are many, so that fewer draws of each do than of quarters; a limit that one in a hundred exceeds needs these.
MEMBER_DRAWS = 500
MILLION = 1_000_000

# Deals that lack no proof of their own, of an owner who asks for less of it than others.
LOOSE_OWNER = "loose_owner"
# What a deal is by each cause. What remains within segments has none: there it is the deals of no bad class that did or
# did not advance.
CLASS: Mapping[str, pl.Expr] = {
    LEAD_QUALITY: pl.col("quality_class"),
    UNPROVEN: pl.when(pl.col("has_loose_owner") & (pl.col("proof_class") == "proven"))
    .then(pl.lit(LOOSE_OWNER))
    .otherwise(pl.col("proof_class")),
    FOLLOW_UP: pl.col("cadence_class"),
    PACE: pl.col("pace_class"),
}
Parts = tuple[tuple[str, ...], ...]
# The classes that are usually behind a share that lowers conversion, and behind one that raises it, by what is said of
# them; whether they are is seen each time.
USUAL: Mapping[str, tuple[Parts, Parts]] = {
    LEAD_QUALITY: ((("weak",),), (("strong",),)),
    UNPROVEN: ((("one", "two", "three", "more"), (LOOSE_OWNER,)), (("proven",),)),
    FOLLOW_UP: ((("seldom",),), (("often",),)),
    PACE: ((("stalled", "slow", CLOSED_EARLY),), (("flowing",),)),
}
# Of these deals nobody knows what they are, or how often anybody was in touch says nothing: nothing is blamed on them.
TELL_NOTHING = UNKNOWN_CLASSES | {"cut_short"}

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
    "classes_behind": pl.String,
    "deals_behind": pl.Int64,
    "behind_share": pl.Float64,
    "reference_behind_share": pl.Float64,
    "criteria_not_compared": pl.String,
    "is_insufficient_history": pl.Boolean,
    "sentence_en": pl.String,
    "sentence_zh": pl.String,
}
FACTORS = (
    *("owner_key", "team", "entered_at", "is_advanced", "icp_band", "lead_source", "quality_score", "quality_class"),
    *("unproven_criteria", "proof_class", "has_loose_owner", "touches", "touches_per_week", "gap_days_shrunk"),
    *("days_to_customer_activity", "cadence_class"),
    *("dwell_days", "next_stage", "pace_class"),
)


@dataclass(frozen=True)
class Settings:
    """What the company has decided; the names of its stages by funnel and stage, the wording of its criteria by id."""

    minimum_n: int
    shrinkage_deals: int
    stages: Mapping[tuple[str, str], Stage]
    criteria: Mapping[str, Both] = field(default_factory=dict)

    def worded(self, asks: Sequence[str]) -> tuple[Both, ...]:
        """What criteria are called by people, each once; one that was asked in several ways is told apart by `@`."""
        ids = dict.fromkeys(ask.partition("@")[0] for ask in asks)
        return tuple(self.criteria.get(each, (each, each)) for each in ids)


def stage_names(funnel_stages: pl.DataFrame) -> dict[tuple[str, str], Stage]:
    """What people call each stage of each funnel, in its newest version; from the standards' table."""
    newest = funnel_stages.sort("version").unique(["funnel", "stage"], keep="last")
    return {
        (row["funnel"], row["stage"]): Stage(row["name_en"], row["name_zh"]) for row in newest.iter_rows(named=True)
    }


def criterion_wordings(criteria: pl.DataFrame) -> dict[str, Both]:
    """What each criterion asks for, in the words of its newest version; from the standards' table."""
    newest = criteria.sort("version").unique("criterion_id", keep="last")
    return {row["criterion_id"]: (row["wording_en"], row["wording_zh"]) for row in newest.iter_rows(named=True)}


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
    not_compared: frozenset[str] = frozenset()
    criteria: Comparable = field(default_factory=Comparable)


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


@dataclass
class _Scope:
    """The cells of one scope of a stage, with the proof of their deals by the criteria that two groups share."""

    cells: pl.DataFrame
    by_criteria: dict[frozenset[str], pl.DataFrame] = field(default_factory=dict)

    def classified(self, criteria: Comparable) -> pl.DataFrame:
        """One row per member and combination of classes."""
        if criteria.left_out not in self.by_criteria:
            told = with_proof_class(self.cells, criteria.left_out).drop("unproven_criteria")
            keys = [name for name in told.columns if name not in ("deals", "advanced")]
            self.by_criteria[criteria.left_out] = told.group_by(keys).agg(pl.col("deals", "advanced").sum()).sort(keys)
        return self.by_criteria[criteria.left_out]

    def not_comparable(self, criteria: Comparable, focus: pl.DataFrame, reference: pl.DataFrame) -> frozenset[str]:
        """The causes that have no share between two groups of these cells."""
        found = not_comparable(focus, reference)
        is_empty = bool(criteria.told) and asked_of(self.cells) <= criteria.left_out
        return found | {UNPROVEN} if is_empty else found


def _quarters(stages: Sequence[_Stage], settings: Settings) -> list[Pair]:
    """The latest mature quarter of each stage against the one before, a year ago, and the best of the eight before."""
    pairs: list[Pair] = []
    farthest: dict[str, list[Floats]] = {PREVIOUS: [], YEAR_AGO: [], BEST: []}
    for stage in stages:
        scope = _Scope(stage.cells.filter(pl.col("scope") == "quarter"))
        groups = _by_quarter(scope.cells)
        focus = groups.pop(0, None)
        if focus is None:
            continue
        enough = {back: each for back, each in groups.items() if each.deals >= settings.minimum_n}
        best = max(enough, key=lambda back: (_conversion(enough[back]), -back), default=None)
        known = Known.of(focus.cells)
        criteria = {back: comparable(known, Known.of(each.cells)) for back, each in groups.items()}
        classified = {back: _by_quarter(scope.classified(criteria[back])) for back in groups}
        not_compared = {
            back: scope.not_comparable(criteria[back], each[0].cells, each[back].cells)
            for back, each in classified.items()
        }
        errors: dict[int, Floats] = {}
        if focus.deals >= settings.minimum_n:
            alike_in = {back: (not_compared[back], criteria[back].left_out) for back in enough}
            for merged, left_out in sorted(set(alike_in.values()), key=lambda each: tuple(map(sorted, each))):
                chosen_backs = [back for back in enough if alike_in[back] == (merged, left_out)]
                here = classified[chosen_backs[0]]
                counts = _counts({back: here[back] for back in (0, *enough)}, merged)
                alike, added = together(counts.values()), settings.shrinkage_deals
                own = drawn(counts[0], alike, added, DRAWS, generator(stage.funnel, stage.stage, focus.key))
                for back in chosen_backs:
                    key = enough[back].key
                    others = drawn(counts[back], alike, added, DRAWS, generator(stage.funnel, stage.stage, key))
                    errors[back], far = spread(counts[0], counts[back], own, others, settings.shrinkage_deals)
                    farthest[BEST].append(far)
                    for comparison, compared in ((PREVIOUS, 1), (YEAR_AGO, 4)):
                        if back == compared:
                            farthest[comparison].append(far)
        for comparison, chosen in ((PREVIOUS, 1), (YEAR_AGO, 4), (BEST, best)):
            reference = groups.get(chosen) if chosen is not None else None
            pair = stage.pair(comparison, focus, reference, LEVEL)
            if reference is not None and chosen is not None:
                pair.focus, pair.reference = classified[chosen][0], classified[chosen][chosen]
                pair.not_compared, pair.criteria = not_compared[chosen], criteria[chosen]
                found = _counts({0: pair.focus, chosen: pair.reference}, pair.not_compared)
                pair.shares = split(found[0], found[chosen], settings.shrinkage_deals)
                pair.errors = errors.get(chosen)
            pairs.append(pair)
    for pair in pairs:
        pair.limit = limit(farthest[pair.comparison], pair.level)
    return pairs


def _by_quarter(cells: pl.DataFrame) -> dict[int, Group]:
    """Groups by how many quarters before the latest they are."""
    return {
        int(str(back)): Group.of(each)
        for (back,), each in cells.sort("quarters_back").group_by("quarters_back", maintain_order=True)
    }


def _counts(groups: Mapping[int, Group], merged: frozenset[str]) -> dict[int, Counts]:
    return dict(zip(groups, counts_of([each.cells for each in groups.values()], merged), strict=True))


def _members(scope: str, stages: Sequence[_Stage], settings: Settings) -> list[Pair]:
    """Each owner, or each team, against all other deals of the latest four mature quarters."""
    pairs: list[Pair] = []
    farthest: list[Floats] = []
    for stage in stages:
        here = _Scope(stage.cells.filter(pl.col("scope") == scope))
        known = Known.of(here.cells) if here.cells.height else None
        for (member,), told in here.cells.group_by("member", maintain_order=True):
            if member == "(none)" or known is None:
                continue
            if told["deals"].sum() == known.deals:
                pairs.append(stage.pair(scope, Group.of(told), None, LEVEL))
                continue
            of_member = Known.of(told)
            criteria = comparable(of_member, known.without(of_member))
            cells = here.classified(criteria)
            own, rest = cells.filter(pl.col("member") == member), cells.filter(pl.col("member") != member)
            focus, reference = Group.of(own), Group(REST, REST, rest)
            pair = stage.pair(scope, focus, reference, LEVEL)
            pairs.append(pair)
            pair.not_compared, pair.criteria = here.not_comparable(criteria, own, rest), criteria
            mine, others = counts_of([own, rest], pair.not_compared)
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
        "criteria_not_compared": ",".join(sorted(pair.criteria.left_out)) or None,
        "is_insufficient_history": is_insufficient,
    }
    not_compared_by = settings.worded(pair.criteria.told)
    change = _conversion(pair.focus) - _conversion(pair.reference) if pair.reference else None
    shares = whole_shares(pair.shares, change) if pair.shares is not None and change is not None else None
    ends: list[tuple[int, int] | None] = [None] * len(CAUSES)
    if shares and pair.errors is not None and pair.limit is not None and not is_insufficient:
        ends = [_around(share, pair.limit * float(error)) for share, error in zip(shares, pair.errors, strict=True)]
    ends = [None if cause in pair.not_compared else end for cause, end in zip(CAUSES, ends, strict=True)]
    named = [end is not None and (end[0] > 0 or end[1] < 0) for end in ends]
    leading = _leading(shares, named, change) if shares and change is not None else None
    for number, cause in enumerate(CAUSES):
        share, end = shares[number] if shares else None, ends[number]
        behind = None
        if share is not None and pair.reference is not None and cause not in pair.not_compared:
            behind = _behind(cause, share, pair.focus, pair.reference)
        parts = behind.parts if behind else ()
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
            is_compared=cause not in pair.not_compared,
            minimum_n=settings.minimum_n,
            behind=parts,
            is_usual=behind is not None and behind.is_usual,
            not_compared_by=not_compared_by if cause == UNPROVEN else (),
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
            "classes_behind": ",".join(behind.classes) or None if behind else None,
            "deals_behind": sum(part.deals for part in parts) if behind else None,
            "behind_share": sum(part.deals for part in parts) / pair.focus.deals if behind else None,
            "reference_behind_share": sum(part.reference_deals for part in parts) / reference_n if behind else None,
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


@dataclass(frozen=True)
class _Behind:
    """What is behind a share: the classes of its deals, and whether they are those that usually are."""

    parts: tuple[Part, ...]
    classes: tuple[str, ...]
    is_usual: bool


def _behind(cause: str, share: int, focus: Group, reference: Group) -> _Behind:
    """The classes that are commoner in the focus and convert to the side to which the share goes.

    A class moves conversion by (its part of the focus - of the reference) x (its conversion - that of all), over both.
    Classes that are rarer in the focus have no deals there to look at.
    """
    lowers = share <= 0
    if cause == WITHIN:
        mine, others = _plain(focus, lowers), _plain(reference, lowers)
        is_more = mine * reference.deals > others * focus.deals
        return _Behind((Part(0, mine, focus.deals, others, reference.deals),) if is_more else (), (), is_more)
    counted, compared = _by_class(cause, focus), _by_class(cause, reference)

    def part(number: int, classes: Sequence[str]) -> Part | None:
        mine, advanced = _summed(counted, classes)
        others, others_advanced = _summed(compared, classes)
        of_all = _summed(counted, tuple(counted))[1] + _summed(compared, tuple(compared))[1]
        is_more = mine * reference.deals > others * focus.deals
        # Whole numbers, so that of two that convert alike neither is behind anything.
        better = (advanced + others_advanced) * (focus.deals + reference.deals) - of_all * (mine + others)
        is_behind = is_more and (better < 0 if lowers else better > 0)
        return Part(number, mine, focus.deals, others, reference.deals) if is_behind else None

    found = {classes: part(number, classes) for number, classes in enumerate(USUAL[cause][0 if lowers else 1])}
    if any(found.values()):
        behind = tuple(each for classes, made in found.items() if made for each in classes)
        return _Behind(tuple(made for made in found.values() if made), behind, is_usual=True)
    behind = tuple(each for each in sorted(counted.keys() - TELL_NOTHING) if part(0, (each,)))
    together_made = part(0, behind)
    return _Behind((together_made,) if together_made else (), behind if together_made else (), is_usual=False)


def _by_class(cause: str, group: Group) -> dict[str, tuple[int, int]]:
    """Deals and those that advanced, by class."""
    counted = group.cells.group_by(CLASS[cause].alias("class")).agg(pl.col("deals", "advanced").sum())
    return {name: (deals, advanced) for name, deals, advanced in counted.iter_rows()}


def _summed(counted: Mapping[str, tuple[int, int]], classes: Sequence[str]) -> tuple[int, int]:
    found = [counted[each] for each in classes if each in counted]
    return sum(deals for deals, _ in found), sum(advanced for _, advanced in found)


def _plain(group: Group, lowers: bool) -> int:
    plain = group.cells.filter(_is_plain())
    advanced = int(plain["advanced"].sum())
    return int(plain["deals"].sum()) - advanced if lowers else advanced


def _is_plain() -> pl.Expr:
    """In none of the classes that usually lower conversion."""
    return ~pl.any_horizontal(
        *(CLASS[cause].is_in([each for part in USUAL[cause][0] for each in part]) for cause in USUAL)
    )


def cause_deals(causes: pl.DataFrame, deals: pl.DataFrame) -> pl.DataFrame:
    """The deals behind each named share, with what was measured of each.

    `deals`: rows of `conversion_deals`. One row per funnel, stage, comparison, focus, cause and deal.
    """
    keys = ("funnel", "stage", "comparison", "focus", "cause")
    kinds = with_proof_class(deals.clear(), ()).schema
    found = [
        pl.DataFrame(
            schema={
                "business_date": pl.Date,
                **dict.fromkeys(keys, pl.String),
                "deal_key": pl.String,
                **{name: kinds[name] for name in FACTORS},
            }
        )
    ]
    by_stage = deals.partition_by("funnel", "stage", as_dict=True)
    named = causes.filter(pl.col("is_named") & (pl.col("deals_behind") > 0))
    columns = ("share", "classes_behind", "criteria_not_compared")
    for row in named.select("business_date", *keys, *columns).iter_rows(named=True):
        here = by_stage[row["funnel"], row["stage"]]
        of_member = {"owner": pl.col("owner_key"), "team": pl.col("team")}.get(row["comparison"])
        if of_member is None:
            here = here.filter(pl.col("quarters_back") == 0)
        else:
            here = here.filter(of_member == row["focus"])
            # Whether an owner is looser is no fact about a deal where owners are compared.
            here = here.with_columns(pl.lit(False).alias("has_loose_owner"))
        here = with_proof_class(here, (row["criteria_not_compared"] or "").split(","))
        lowers = row["share"] <= 0
        if row["cause"] == WITHIN:
            here = here.filter(_is_plain() & (pl.col("is_advanced") != lowers))
        else:
            here = here.filter(CLASS[row["cause"]].is_in(row["classes_behind"].split(",")))
        labels = [
            pl.lit(row[name], dtype=pl.Date if name == "business_date" else pl.String).alias(name)
            for name in ("business_date", *keys)
        ]
        found.append(here.select(*labels, "deal_key", *FACTORS))
    return pl.concat(found).sort(*keys, "deal_key")
