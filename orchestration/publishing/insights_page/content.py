"""What the insights page of one night says: plain values and frames, ready to be rendered.

Belongs here: the parts of the page and what each field means. Not here: where they come from (`compose` and the modules
beside it), how they look (`render`, `templates/`, `assets/`). Amounts are in the reporting currency, shares run from 0
to 1; None is not known, and never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from orchestration.publishing.wording import Text


class InsightsPageRefusedError(Exception):
    """A served table is not what the page needs; the sentence names it."""


@dataclass(frozen=True)
class Loss:
    """The stage at which most deals have closed without going further: `lost` of `reached`, `still_open` undecided."""

    stage: Text
    reached: int
    lost: int
    still_open: int


@dataclass(frozen=True)
class Mend:
    """The stage where it pays most to be as good as the best quartile of a segment's values.

    amount, deals: what would have been won besides, of the deals created in `window_days`.
    """

    stage: Text
    compared_by: Text
    amount: Decimal
    deals: float
    window_days: int


@dataclass(frozen=True)
class Cause:
    """A named cause that leads a comparison of quarters: `share` of the whole `change` from reference to focus.

    split: the row of the comparison in Tables.splits.
    """

    split: int
    stage: Text
    comparison: str
    focus: str
    reference: str
    key: str
    cause: Text
    reference_conversion: float
    focus_conversion: float
    change: float
    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Gates:
    """The criteria in force by what history says of them; `supported` pay, `contradicted` ones win less often."""

    supported: int
    not_supported: int
    contradicted: int
    untold: int

    @property
    def all(self) -> int:
        return self.supported + self.not_supported + self.contradicted + self.untold


@dataclass(frozen=True)
class View:
    """One funnel.

    loss, mend: None where no deal was lost, or nothing could be gained or compared. causes: the leading named causes,
    those of `mend`'s stage first, then the largest share. compared: how many pairs of quarters have mature deals enough
    to be compared; of 0 pairs nothing can be named. proposals: changes of the funnel that history asks for.
    """

    key: str
    name: Text
    loss: Loss | None
    mend: Mend | None
    causes: tuple[Cause, ...]
    compared: int
    gates: Gates
    proposals: int
    has_deals: bool


@dataclass(frozen=True)
class Tables:
    """The frames that the page shows row by row, in the order in which they are to be read.

    `view` is the place of a funnel in InsightsPage.views, `stage` one in `stages`; whatever else is named like another
    frame points to it by its row number.

    deals: one row per deal that another frame names. deal_name, deal_id, crm, amount (decimal).
    stages: one row per funnel and stage, in funnel order. funnel_en, funnel_zh, name_en, name_zh.
    steps: one row per view and open stage, in funnel order. reached = advanced + lost + still_open; visited, skipped;
    expected with undecided and n_expected; to_date with its Wilson interval; within_90d with n; visits, ongoing,
    p50_days, p80_days; open_deals and open_amount tonight; is_short.
    bottlenecks: one row per view, compared_by and stage, in funnel order.
    splits: one row per view, stage, comparison and focus: from reference_conversion to focus_conversion, by how many
    deals each; focus and reference are the label of a quarter, the name of an owner or team; reference is null for all
    others. cause is the leading one, null where none is named; sentence_en, sentence_zh say what it means and what to
    do, null where no cause leads. change is null where there is nothing to compare with.
    shares: one row per split and cause. share adds up to the change of its split.
    behind: one row per named share and deal behind it, the largest deals first; at most causes.DEALS_LISTED a share.
    gates: one row per criterion of all deals.
    ambiguity: one row per view, stage and measure.
    readers: one row per view, stage, measure and owner who lies beyond chance from the others.
    milestones: one row per view and milestone, found ones first.
    changes: one row per view and finding of the stage design review, proposals first.
    reasons: one row per view, outcome, stage, segment value, reason and competitor.
    """

    deals: pl.DataFrame
    stages: pl.DataFrame
    steps: pl.DataFrame
    bottlenecks: pl.DataFrame
    splits: pl.DataFrame
    shares: pl.DataFrame
    behind: pl.DataFrame
    gates: pl.DataFrame
    ambiguity: pl.DataFrame
    readers: pl.DataFrame
    milestones: pl.DataFrame
    changes: pl.DataFrame
    reasons: pl.DataFrame


@dataclass(frozen=True)
class InsightsPage:
    """One night as the page shows it.

    unlisted_deals, unlisted_reasons: rows of deals behind causes and of reasons that the page has no room for.
    """

    company: str
    language: str
    currency: str
    time_zone: str
    minimum_n: int
    business_date: date
    as_of: str
    views: tuple[View, ...]
    record_links: Mapping[str, str]
    config_hash: str
    inputs_hash: str
    code_version: str
    unlisted_deals: int
    unlisted_reasons: int
    tables: Tables
