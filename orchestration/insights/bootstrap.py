"""How far the shares of a comparison may be off by chance: the same comparison over deals drawn anew.

Belongs here: draws, their spread, and one limit for all shares that are looked at together. Not here: what is shared.

Deals are drawn with replacement within each group (Efron, 1979), to which a few like all that are compared are added:
of forty deals that all went on, forty drawn anew always do, and what never happened among few would look certain.

Whoever looks at thirty shares finds one far from zero by chance, so the limit is that of the farthest of them all, in
units of each share's own spread (max-t; Westfall and Young, 1993), and holds for all at once.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np

from orchestration.insights.mechanisms import Counts, Floats, split

DRAWS = 1000


def generator(*names: str) -> np.random.Generator:
    """A source of chance that is the same whenever the same things are compared."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(sha256("\n".join(names).encode()).digest()[:16], "big")))


def drawn(counts: Counts, alike: Counts, added: float, draws: int, rng: np.random.Generator) -> Counts:
    """The group with its deals drawn anew, as often as `draws` says; the last axis is the draw.

    `added`: how many deals like `alike` are put among those that are drawn from.
    """
    whole = np.concatenate([counts.lasting.ravel(), counts.early.ravel()])
    others = np.concatenate([alike.lasting.ravel(), alike.early.ravel()])
    mixed = whole + added * others / others.sum()
    found = np.flatnonzero(mixed)
    cells = np.zeros((whole.size, draws))
    cells[found] = rng.multinomial(round(whole.sum()), mixed[found] / mixed.sum(), draws).T
    lasting, early = np.split(cells, [counts.lasting.size])
    return Counts(
        lasting.reshape(*counts.lasting.shape, draws), early.reshape(*counts.early.shape, draws), counts.unknown
    )


def spread(
    focus: Counts, reference: Counts, drawn_focus: Counts, drawn_reference: Counts, shrinkage: float
) -> tuple[Floats, Floats]:
    """The standard error of each share, and by draw how far the farthest share is off, in such errors.

    No share is known better than to half a deal of the smaller group, however alike the draws are.
    """
    shares = split(drawn_focus, drawn_reference, shrinkage)
    least = 0.5 / float(min(focus.deals, reference.deals))
    errors = np.maximum(shares.std(axis=-1), least)
    return errors, np.abs((shares - shares.mean(axis=-1, keepdims=True)) / errors[:, None]).max(axis=0)


def limit(farthest: Iterable[Floats], level: float) -> float | None:
    """How many errors no share of any of these comparisons is off, with this probability; null for none of them.

    `farthest`: by draw, of each comparison; their draws are independent.
    """
    found: Sequence[Floats] = list(farthest)
    return float(np.quantile(np.max(found, axis=0), level)) if found else None
