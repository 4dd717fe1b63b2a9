"""Which criteria two groups of deals can be compared by, and what the proof of their deals then is.

Belongs here: from the lists of criteria in `conversion_cells` and `conversion_deals` to `proof_class`. Not here: what
was missed and asked (dbt), what a class does to conversion (`mechanisms`).

A criterion that only one group was asked, or of which nobody can say in one of them, would make that group's proof look
worse without anybody having done worse. So it is left out for both, by name.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from orchestration.insights.mechanisms import UNKNOWN_POINTS, is_alike

NOT_EVALUATED = "not_evaluated"
CLASSES = ("proven", "one", "two", "three")
MORE = "more"
# A criterion that most deals of a group were not asked says nothing of the group.
MOST = 0.5


@dataclass(frozen=True)
class Known:
    """Deals of a group, and by the text of criteria of which nothing is known how many deals have it."""

    deals: int
    by_text: Mapping[str, int]

    @classmethod
    def of(cls, cells: pl.DataFrame) -> "Known":
        counted = cells.group_by("criteria_not_known").agg(pl.col("deals").sum())
        return cls(int(counted["deals"].sum()), dict(counted.iter_rows()))

    def without(self, others: "Known") -> "Known":
        """The deals that are not among `others`, which are some of these."""
        left = {text: deals - others.by_text.get(text, 0) for text, deals in self.by_text.items()}
        return Known(self.deals - others.deals, {text: deals for text, deals in left.items() if deals})

    def missing(self) -> Counter[str]:
        """By criterion, of how many deals it is not known."""
        found: Counter[str] = Counter()
        for text, deals in self.by_text.items():
            for criterion in _listed(text):
                found[criterion] += deals
        return found

    def doubtful(self, without: frozenset[str]) -> int:
        """Deals of which one of the other criteria is not known."""
        return sum(deals for text, deals in self.by_text.items() if not without.issuperset(_listed(text)))


@dataclass(frozen=True)
class Comparable:
    """left_out: criteria by which two groups are not compared. told: those of them that one of the two was asked."""

    left_out: frozenset[str] = frozenset()
    told: tuple[str, ...] = ()


def comparable(focus: Known, reference: Known) -> Comparable:
    """What has to be left out for the proof of two groups to mean the same.

    Left out is what is known of far more deals of one than of the other, or of fewer than half of one; then, the widest
    apart first, whatever still makes deals of the one more doubtful than those of the other.
    """
    mine, theirs = focus.missing(), reference.missing()
    sizes = (focus.deals, reference.deals)
    left_out, told = set(), set()
    for criterion in mine.keys() | theirs.keys():
        counts = (mine[criterion], theirs[criterion])
        unknown = [count / size for count, size in zip(counts, sizes, strict=True)]
        if max(unknown) <= 1 - MOST and is_alike(counts, sizes):
            continue
        left_out.add(criterion)
        # What next to nobody was asked in either is no part of the comparison, and nobody misses it.
        if min(unknown) < 1 - UNKNOWN_POINTS:
            told.add(criterion)
    apart = sorted(
        (mine.keys() | theirs.keys()) - left_out,
        key=lambda each: (-abs(mine[each] / sizes[0] - theirs[each] / sizes[1]), each),
    )
    for criterion in apart:
        now = frozenset(left_out)
        if is_alike((focus.doubtful(now), reference.doubtful(now)), sizes):
            break
        left_out.add(criterion)
        told.add(criterion)
    return Comparable(frozenset(left_out), tuple(sorted(told)))


def with_proof_class(rows: pl.DataFrame, left_out: Iterable[str]) -> pl.DataFrame:
    """`rows` with unproven_criteria and proof_class by the other criteria, instead of the lists that tell them."""
    without = frozenset(left_out)
    texts = rows.select("criteria_missed", "criteria_not_known").unique(maintain_order=True)
    missed = [len(set(_listed(text)) - without) for text in texts["criteria_missed"]]
    doubtful = [not without.issuperset(_listed(text)) for text in texts["criteria_not_known"]]
    classes = [
        MORE if count >= len(CLASSES) else NOT_EVALUATED if not count and is_doubtful else CLASSES[count]
        for count, is_doubtful in zip(missed, doubtful, strict=True)
    ]
    told = texts.with_columns(
        pl.Series("unproven_criteria", missed, pl.Int64), pl.Series("proof_class", classes, pl.String)
    )
    return (
        rows.drop("unproven_criteria", "proof_class", strict=False)
        .join(told, on=["criteria_missed", "criteria_not_known"], how="left", maintain_order="left")
        .drop("criteria_missed", "criteria_not_known")
    )


def asked_of(cells: pl.DataFrame) -> frozenset[str]:
    """Every criterion that some deal missed, or of which something is not known."""
    texts = [*cells["criteria_missed"].unique(), *cells["criteria_not_known"].unique()]
    return frozenset(each for text in texts for each in _listed(text))


def _listed(text: str) -> list[str]:
    return text.split(",") if text else []
