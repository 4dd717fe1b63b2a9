"""How the conversion of a group of deals comes about, as four mechanisms in their causal order and an outcome.

Belongs here: from counts of deals by class to the mechanisms, and the conversion that any mix of two groups' mechanisms
would have. Not here: which groups are compared, chance (`bootstrap`), words (`sentences`).

The joint distribution of a group is taken apart as p(lead) p(proof | lead) p(closed early | lead, proof)
p(follow-up | lead, proof) p(pace | lead, proof, follow-up) p(advanced | all). A visit that is closed early has no
follow-up to look at: how soon it is closed decides how much of it is seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

LEAD_QUALITY, UNPROVEN, FOLLOW_UP, PACE, WITHIN = CAUSES = (
    "lead_quality",
    "unproven_advancement",
    "follow_up",
    "stalls_and_early_closes",
    "within_segments",
)
CLOSED_EARLY = "closed_early"
# The class of each factor that says that nobody knows. Whether that of proof is alike is asked criterion by criterion
# (`proofs`): where more is missed, fewer deals are in `not_evaluated`.
UNKNOWN = {
    LEAD_QUALITY: ("quality_class", "unknown"),
    FOLLOW_UP: ("cadence_class", "not_known"),
}
UNKNOWN_CLASSES = frozenset(("unknown", "not_evaluated", "not_known"))
# What is known of one group alone decides who is in a class. It is let pass up to five points of deals, which move
# conversion by less than a thousand deals tell, and where chance alone does as much, which the intervals allow for.
UNKNOWN_POINTS, UNKNOWN_ERRORS = 0.05, 2.0
# Axes of counts; draws come behind them, where sums over classes are fast.
_LEAD, _PROOF, _CADENCE, _PACE, _ADVANCED = range(5)
# And of those that were closed early.
_EARLY_ADVANCED = 2


@dataclass(frozen=True)
class Counts:
    """Deals of a group by class; any axes behind those of the classes are draws of it.

    lasting: (lead, proof, follow-up, pace, advanced no/yes, ...), the deals that were not closed early.
    early: (lead, proof, advanced no/yes, ...), those that were.
    unknown: by axis of lead, proof and follow-up, which classes say that nobody knows.
    """

    lasting: Floats
    early: Floats
    unknown: tuple[tuple[int, ...], ...] = ((), (), ())

    @property
    def deals(self) -> Floats:
        return np.asarray(self.lasting.sum((0, 1, 2, 3, 4)) + self.early.sum((0, 1, 2)))

    @property
    def conversion(self) -> Floats:
        """The share that advanced, exactly as counted."""
        advanced = self.lasting[:, :, :, :, 1].sum((0, 1, 2, 3)) + self.early[:, :, 1].sum((0, 1))
        return np.asarray(advanced / np.maximum(self.deals, 1))


def together(groups: Iterable[Counts]) -> Counts:
    """All deals of groups that have common axes."""
    each = list(groups)
    return Counts(
        sum((one.lasting for one in each[1:]), each[0].lasting),
        sum((one.early for one in each[1:]), each[0].early),
        each[0].unknown,
    )


def not_comparable(focus: pl.DataFrame, reference: pl.DataFrame) -> frozenset[str]:
    """The causes whose factor is known of far more deals of one group than of the other; rows of `conversion_cells`."""
    found = set()
    for cause, (column, unknown) in UNKNOWN.items():
        deals, missing = [
            [int(each.filter(chosen)["deals"].sum()) for each in (focus, reference)]
            for chosen in (pl.lit(True), pl.col(column) == unknown)
        ]
        if not is_alike(missing, deals):
            found.add(cause)
    return frozenset(found)


def is_alike(missing: Sequence[int], deals: Sequence[int]) -> bool:
    """Whether of two groups of so many deals no far larger share is unknown of the one than of the other."""
    difference = abs(missing[0] / deals[0] - missing[1] / deals[1])
    pooled = sum(missing) / sum(deals)
    error = (pooled * (1 - pooled) * (1 / deals[0] + 1 / deals[1])) ** 0.5
    return bool(difference <= max(UNKNOWN_POINTS, UNKNOWN_ERRORS * error))


def _merged(cells: pl.DataFrame, merged: frozenset[str]) -> pl.DataFrame:
    """One class of each factor that is not compared."""
    one = {UNKNOWN[cause][0]: pl.lit("not_compared") for cause in merged if cause in UNKNOWN}
    if UNPROVEN in merged:
        one |= {"proof_class": pl.lit("not_compared"), "has_loose_owner": pl.lit(value=False)}
    if FOLLOW_UP in merged:
        # Whose touches are not known, of that nobody knows that it was closed early. It was not slow.
        one["pace_class"] = pl.col("pace_class").replace(CLOSED_EARLY, "flowing")
    return cells.with_columns(**one)


def counts_of(groups: Sequence[pl.DataFrame], merged: frozenset[str] = frozenset()) -> list[Counts]:
    """Groups of deals on common axes, from rows of `conversion_cells`; classes that none of them has take no room.

    merged: causes whose factor is not compared, so that it has no share and what it does is left within segments.
    """
    whole = _merged(
        pl.concat([each.with_columns(pl.lit(number).alias("group")) for number, each in enumerate(groups)]), merged
    ).with_columns(pl.concat_str("proof_class", pl.col("has_loose_owner").cast(pl.String)).alias("proof"))
    is_early = pl.col("pace_class") == CLOSED_EARLY
    names = ("quality_class", "proof", "cadence_class", "pace_class")
    axes = [
        # A class of follow-up or pace that only deals closed early have has no deals to place.
        whole.filter(~is_early if name in names[2:] else pl.lit(True)).get_column(name).unique().sort().to_list()
        for name in names
    ]
    size = [max(len(axis), 1) for axis in axes]
    unknown = tuple(
        tuple(
            place
            for place, each in enumerate(axis)
            if each.removesuffix("true").removesuffix("false") in UNKNOWN_CLASSES
        )
        for axis in axes[:3]
    )
    numbered = whole.with_columns(
        pl.col(name).replace_strict({each: place for place, each in enumerate(axis)}, default=0, return_dtype=pl.Int64)
        for name, axis in zip(names, axes, strict=True)
    ).with_columns(is_early=whole.select(is_early).to_series())
    found = []
    for number in range(len(groups)):
        made = Counts(np.zeros((*size, 2)), np.zeros((*size[:2], 2)), unknown)
        of_group = numbered.filter(pl.col("group") == number)
        _add(made.early, of_group.filter("is_early"), names[:2])
        _add(made.lasting, of_group.filter(~pl.col("is_early")), names)
        found.append(made)
    return found


def _add(into: Floats, rows: pl.DataFrame, names: Sequence[str]) -> None:
    at = tuple(rows[name].to_numpy() for name in names)
    np.add.at(into[..., 1], at, rows["advanced"].to_numpy())
    np.add.at(into[..., 0], at, (rows["deals"] - rows["advanced"]).to_numpy())


@dataclass(frozen=True)
class Mechanisms:
    """The parts of a group's joint distribution, each with the first axes of `Counts.lasting` and those of draws."""

    lead: Floats
    proof: Floats
    early: Floats
    cadence: Floats
    pace: Floats
    advanced_early: Floats
    advanced: Floats


def mechanisms(counts: Counts, pooled: Counts, shrinkage: float) -> Mechanisms:
    """What the counts of a group say of its mechanisms.

    A conditional share is drawn to that of fewer conditions by as many deals as `shrinkage` says. The outcome of a
    class is drawn to that of the same class in both groups (`pooled`): what one group has too few deals of to tell, the
    other may know, and then the difference is how many of them there are.
    """
    lasting, early = counts.lasting.sum(_ADVANCED), counts.early.sum(_EARLY_ADVANCED)
    by_early = np.stack([lasting.sum((_CADENCE, _PACE)), early], axis=2)
    by_lead: list[tuple[int, ...]] = [(_LEAD, _PROOF), (_LEAD,), ()]
    of_early = _shares(pooled.early, _EARLY_ADVANCED, by_lead, shrinkage)
    lead, proof, cadence = (
        _alike_in_doubt(own, alike, axis, counts.unknown[axis])
        for axis, (own, alike) in enumerate(zip(_known(counts, shrinkage), _known(pooled, shrinkage), strict=True))
    )
    return Mechanisms(
        lead=lead,
        proof=proof,
        early=_shares(by_early, 2, by_lead, shrinkage)[:, :, 1],
        cadence=cadence,
        pace=_shares(lasting, _PACE, [(_LEAD, _PROOF, _CADENCE), (_LEAD, _PROOF), (_LEAD,), ()], shrinkage),
        advanced_early=_shares(counts.early, _EARLY_ADVANCED, [()], shrinkage, of_early)[:, :, 1],
        advanced=_shares(counts.lasting, _ADVANCED, [()], shrinkage, _outcomes(pooled, shrinkage))[:, :, :, :, 1],
    )


def _known(counts: Counts, shrinkage: float) -> tuple[Floats, Floats, Floats]:
    """The shares of the classes of lead, of proof given it, and of follow-up given both."""
    by_cadence = counts.lasting.sum(_ADVANCED).sum(_PACE)
    proofs = by_cadence.sum(_CADENCE) + counts.early.sum(_EARLY_ADVANCED)
    leads = proofs.sum(_PROOF)
    return (
        leads / np.maximum(leads.sum(0), 1),
        _shares(proofs, _PROOF, [(_LEAD,), ()], shrinkage),
        _shares(by_cadence, _CADENCE, [(_LEAD, _PROOF), (_LEAD,), ()], shrinkage),
    )


def _alike_in_doubt(shares: Floats, alike: Floats, axis: int, unknown: Sequence[int]) -> Floats:
    """The shares with as many deals of which nobody knows as both groups have together (`alike`).

    Not to be known is no behaviour, so that a few more such deals must not move what is said of a cause; whatever they
    do is left within segments.
    """
    if not unknown:
        return shares
    is_unknown = np.zeros(shares.shape[axis], dtype=bool)
    is_unknown[list(unknown)] = True
    along = is_unknown.reshape([-1 if each == axis else 1 for each in range(shares.ndim)])
    known = np.where(along, 0, shares).sum(axis, keepdims=True)
    target = np.where(along, 0, alike).sum(axis, keepdims=True)
    drawn = np.where(known > 0, shares * target / np.where(known > 0, known, 1), alike)
    return np.where(along, alike, drawn)


def _outcomes(pooled: Counts, shrinkage: float) -> Floats:
    """The outcome of each class over both groups, drawn to that of its pace; of all paces where one has no deals."""
    by_pace = pooled.lasting.sum((_LEAD, _PROOF, _CADENCE), keepdims=True)
    of_all = by_pace.sum(_PACE, keepdims=True)
    deals = by_pace.sum(_ADVANCED, keepdims=True)
    at_pace = by_pace / np.maximum(deals, 1)
    at_pace = np.where(deals > 0, at_pace, of_all / np.maximum(of_all.sum(_ADVANCED, keepdims=True), 1))
    return _shares(pooled.lasting, _ADVANCED, [(_LEAD, _CADENCE), (_LEAD,), ()], shrinkage, at_pace)


def _shares(
    counts: Floats, axis: int, dropped: Sequence[tuple[int, ...]], shrinkage: float, base: Floats | None = None
) -> Floats:
    """Shares along an axis given the others: from coarse to fine, each drawn to the one before."""
    found = base
    for drop in dropped:
        joint = counts.sum(drop, keepdims=True) if drop else counts
        deals = joint.sum(axis, keepdims=True)
        found = joint / np.maximum(deals, 1) if found is None else (joint + shrinkage * found) / (deals + shrinkage)
    assert found is not None
    return found


def conversions(focus: Mechanisms, reference: Mechanisms) -> Floats:
    """The conversion with each mechanism taken from the one group or the other.

    Shape (2, 2, 2, 2, 2, ...): an axis for each of CAUSES, 0 the reference's mechanism, 1 the focus'.
    """
    groups = (reference, focus)
    # From the outcome inwards, so that each sum is over one class and the large arrays are used once.
    by_pace = {
        (pace, outcome): (groups[pace].pace * groups[outcome].advanced).sum(_PACE)
        for pace, outcome in product((0, 1), repeat=2)
    }
    by_cadence = {
        (cadence, *rest): (groups[cadence].cadence * of_pace).sum(_CADENCE)
        for cadence in (0, 1)
        for rest, of_pace in by_pace.items()
    }
    by_proof = {}
    for (cadence, pace, outcome), lasting in by_cadence.items():
        early = groups[pace].early
        by_class = (1 - early) * lasting + early * groups[outcome].advanced_early
        for proof in (0, 1):
            by_proof[proof, cadence, pace, outcome] = (groups[proof].proof * by_class).sum(_PROOF)
    values = [
        (groups[lead].lead * by_proof[proof, cadence, pace, outcome]).sum(_LEAD)
        for lead, proof, cadence, pace, outcome in product((0, 1), repeat=5)
    ]
    return np.stack(values).reshape(*(2,) * 5, *values[0].shape)


def shapley(values: Floats) -> Floats:
    """What each of n players adds, on average over all orders in which they may come (Shapley, 1953).

    `values` begins with five axes of length 2 (absent, present), the answer with one of length five. It sums to what
    all of them add, and no order is preferred.
    """
    players = len(CAUSES)
    shares = []
    for player in range(players):
        share = np.zeros(values.shape[players:])
        for others in product((0, 1), repeat=players - 1):
            without = (*others[:player], 0, *others[player:])
            present = (*others[:player], 1, *others[player:])
            weight = factorial(sum(others)) * factorial(players - 1 - sum(others)) / factorial(players)
            share = share + weight * (values[present] - values[without])
        shares.append(share)
    return np.stack(shares)


def split(focus: Counts, reference: Counts, shrinkage: float) -> Floats:
    """The difference between the conversions of two groups by cause: shape (5, ...), in the order of CAUSES.

    The last is what the others leave of the difference as counted, so that the five add up to it.
    """
    pooled = together([focus, reference])
    values = conversions(mechanisms(focus, pooled, shrinkage), mechanisms(reference, pooled, shrinkage))
    shares = shapley(values)
    shares[-1] = focus.conversion - reference.conversion - shares[:-1].sum(0)
    return shares
