"""What the forecast page of one night says: plain values and frames, ready to be rendered.

Belongs here: the parts of the page and what each field means. Not here: where they come from (`compose` and the modules
beside it), how they look (`render`, `templates/`, `assets/`). Amounts are in the reporting currency; None is not known,
and never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from orchestration.publishing.wording import Text


class ForecastPageRefusedError(Exception):
    """A served table is not what the page needs; the sentence names it."""


@dataclass(frozen=True)
class Expected:
    """What one method expects of one period: total = won so far + open deals + new business.

    low, high: four times in five what comes lies between them (p10 and p90). gap: target - total. new_business: None
    for a method that knows of none. open_deals: those that have any chance in it; open_wins: how many of them are
    expected to be won in it, None where that is not known.
    """

    won: Decimal | None
    won_deals: int
    open: Decimal | None
    open_deals: int
    open_wins: float | None
    excluded_deals: int
    new_business: Decimal | None
    new_business_deals: float | None
    total: Decimal | None
    low: Decimal | None
    high: Decimal | None
    target: Decimal | None
    gap: Decimal | None
    is_insufficient_history: bool
    fell_back_to: Text | None

    @property
    def has_interval(self) -> bool:
        return self.low is not None and self.high is not None and self.low < self.high


@dataclass(frozen=True)
class Pipeline:
    """What the CRM's own close dates and categories say of a period, next to its target.

    amount: of open deals whose own close date lies in it; overdue: of these, with a date gone by. coverage: amount over
    to_go; required: what history says it has to be at this point of the period, from `required_periods` past ones, of
    the whole funnel where is_required_borrowed. commit, best_case, all: rolled up, each with those before it and won.
    unrolled_deals: open deals that are in no roll-up, because the CRM gives no category or one that nobody knows.
    """

    to_go: Decimal | None
    amount: Decimal | None
    deals: int
    excluded_deals: int
    overdue: Decimal | None
    overdue_deals: int
    coverage: float | None
    required: float | None
    required_periods: int
    is_required_borrowed: bool
    commit: Decimal | None
    best_case: Decimal | None
    all: Decimal | None
    unrolled_deals: int


@dataclass(frozen=True)
class Period:
    """One fiscal month or quarter (`kind`), from the running ones on."""

    kind: str
    start: date
    end: date
    label: str
    is_running: bool
    days_left: int
    expected: Expected
    pipeline: Pipeline | None


@dataclass(frozen=True)
class Quarter:
    """A quarter and its months that are told apart."""

    quarter: Period
    months: tuple[Period, ...]


@dataclass(frozen=True)
class OutOfPeriod:
    """What a method expects outside every period told apart. `status`: later, overdue, undated, untimed."""

    status: str
    deals: int
    excluded_deals: int
    amount: Decimal | None


@dataclass(frozen=True)
class UnplacedTarget:
    """A quota of a span that is no fiscal month or quarter, against which nothing is held. whose: all, or for whom."""

    start: date
    end: date
    whose: Text
    is_whose_named: bool
    amount: Decimal | None


@dataclass(frozen=True)
class MethodLine:
    """One method beside the others: the quarters of View.compared, what it places in none, and its past error.

    compared: None for each quarter that the method says nothing of. wape: None where no past period says.
    """

    key: str
    name: Text
    is_headline: bool
    is_champion: bool
    compared: tuple[Expected | None, ...]
    outside: tuple[OutOfPeriod, ...]
    wape: float | None
    fell_back_to: Text | None


@dataclass(frozen=True)
class AccuracyLine:
    """How good one method was at one lead time. Shares of what came; coverage and mase as definitions.md says."""

    lead: Text
    is_first_of_lead: bool
    lines_of_lead: int
    name: Text
    is_headline: bool
    is_champion: bool
    n: int
    periods: int
    silent: int
    fell_back: int
    wape: float | None
    bias: float | None
    coverage: float | None
    width: float | None
    mase: float | None
    is_insufficient_history: bool


@dataclass(frozen=True)
class AccuracyTable:
    """`source`: backtest or night. `kind`: month or quarter."""

    source: str
    kind: str
    lines: tuple[AccuracyLine, ...]


@dataclass(frozen=True)
class StateLine:
    """What of a period's open deals rests on deals of one state of proof. share: of all expected of open deals.

    deals: those with any chance in the period, so that a deal is in every period that it may be won in; wins: how many
    of them are expected in it.
    """

    state: str
    name: Text
    deals: int
    wins: float | None
    expected: Decimal | None
    share: float | None


@dataclass(frozen=True)
class ProofPeriod:
    """One period and its states, the worst first."""

    label: Text
    is_running: bool
    lines: tuple[StateLine, ...]
    expected: Decimal | None


@dataclass(frozen=True)
class UnprovenDeal:
    """One open deal with a violated criterion. expected: what it is expected to bring in the running quarter.

    link: address of its record in the CRM, None where the company gave no pattern.
    """

    name: str
    deal_id: str
    crm: Text
    link: str | None
    stage: Text
    owner: str | None
    team: str | None
    amount: Decimal | None
    chance: float | None
    expected: Decimal


@dataclass(frozen=True)
class View:
    """The page for one funnel, or for all of them (`key` all).

    method: whose figures it shows first. is_champion: it was the best over the last as-of dates; where False there is
    no champion yet and the page says so. quarters: running one first; empty where the method says nothing of when.
    compared: the running and the next quarter, as far as any method says when; methods are held side by side in them.
    unproven: the largest open deals with violated criteria; unproven_deals and unproven_expected are of all of them.
    """

    key: str
    name: Text
    method: str
    method_name: Text
    is_champion: bool
    quarters: tuple[Quarter, ...]
    compared: tuple[Period, ...]
    outside: tuple[OutOfPeriod, ...]
    unplaced: tuple[UnplacedTarget, ...]
    methods: tuple[MethodLine, ...]
    fallbacks: tuple[tuple[Text, Text], ...]
    accuracy: tuple[AccuracyTable, ...]
    proof: tuple[ProofPeriod, ...]
    unproven: tuple[UnprovenDeal, ...]
    unproven_deals: int
    unproven_expected: Decimal | None
    open_deals: int

    @property
    def running(self) -> Period | None:
        return self.quarters[0].quarter if self.quarters and self.quarters[0].quarter.is_running else None

    @property
    def next(self) -> Period | None:
        return self.quarters[1].quarter if len(self.quarters) > 1 else None


@dataclass(frozen=True)
class Tables:
    """The frames that the scripts of the page show, in the order in which they are to be read. `view`: place in
    ForecastPage.views.

    deals: one row per open deal. deal_name, deal_id, crm, amount, close_date (the CRM's own).
    stages: one row per funnel and stage named. funnel_en, funnel_zh, name_en, name_zh.
    expected: one row per deal and method that speaks of it in a view; the largest expectation first. deal, stage,
    method (place in `methods`), funnel_view (the view of its funnel), owner, team, win_rate, running_chance,
    next_chance, expected_amount, running_amount, expected_win_on, close_gap_days (expected_win_on - close_date), place
    (month label, or later, overdue, undated, untimed), criteria_state, amount_exclusion, amount_basis, realisation,
    rate_n, is_insufficient_history, fell_back_to; and for each month told apart chance_<n> and amount_<n>, with
    chance_rest and amount_rest for what lies in none.
    reasons: one row per row of `expected` and reason, the leading one first. expected, teller (the method that tells
    it, which looks at a deal's own facts and may be another than that of the row), wording_en, wording_zh, points_en,
    points_zh (by how much it moves the chance), raises.
    levels: one row per view, scope (funnel, team, owner, segment) and value. name_en, name_zh, is_named (whether the
    name is the product's own and no datum); for running_ and next_: total, low, high, won, open, new, target, gap,
    coverage, required.
    periods: one row per view and period told apart. kind, label, won, open, new, total, low, high, target.
    said: one row per view, period and date on which it was spoken of. source (backtest, night), as_of_date, kind,
    period_start, label, forecast, low, high, actual (null while it goes on), is_republished (the night has been
    published again since with another forecast; this is what it said first).
    calibration: one row per view, question and bin (0 stands for all). n, won_deals, mean_chance, observed_share,
    observed_low, observed_high, ece.
    movement: one row per view, measure, span, period and bucket. kind (all, month, quarter), period_start, label,
    opening_night, deals, pushes, slips; opening, change, closing.
    """

    deals: pl.DataFrame
    stages: pl.DataFrame
    expected: pl.DataFrame
    reasons: pl.DataFrame
    levels: pl.DataFrame
    periods: pl.DataFrame
    said: pl.DataFrame
    calibration: pl.DataFrame
    movement: pl.DataFrame


@dataclass(frozen=True)
class ForecastPage:
    """Everything that the page of one night says.

    views: all funnels together first, then each where there are several. methods: keys that frames point to. months:
    labels of the months told apart. quarter_labels: of the running and the next quarter, None where there is none.
    unlisted_deals: open deals that the list leaves out. is_later_word: the night was published before with another
    forecast, which is the one that later nights keep.
    """

    company: str
    language: str
    currency: str
    time_zone: str
    minimum_n: int
    business_date: date
    previous_business_date: date | None
    as_of: str
    views: tuple[View, ...]
    methods: tuple[str, ...]
    months: tuple[str, ...]
    quarter_labels: tuple[str | None, str | None]
    unlisted_deals: int
    is_later_word: bool
    record_links: Mapping[str, str]
    config_hash: str
    inputs_hash: str
    code_version: str
    tables: Tables
