"""What the morning review of one night says: plain values and frames, ready to be rendered.

Belongs here: the parts of the page and what each field means. Not here: where they come from (`compose` and the modules
beside it), how they look (`render`, `templates/`, `assets/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from orchestration.publishing.wording import Text


class ReviewRefusedError(Exception):
    """A served table is not what the page needs; the sentence names it."""


@dataclass(frozen=True)
class Count:
    """Violations, the deals that carry them, and what these deals are worth, each deal once.

    amount: reporting currency; None where no amount of any of these deals is known.
    """

    violations: int
    by_severity: Mapping[str, int]
    deals: int
    amount: Decimal | None
    deals_without_amount: int


@dataclass(frozen=True)
class Holder:
    """One owner and what the deals of theirs are worth that stand in the review, each deal once."""

    name: str
    team: str | None
    violations: int
    amount: Decimal | None


@dataclass(frozen=True)
class Change:
    """What was open, and how much money at risk, on an earlier night."""

    business_date: date
    open: int
    amount: Decimal | None


@dataclass(frozen=True)
class Load:
    """One extract file that came in since the night before."""

    crm: str
    object: str
    file: str
    extracted_at: str
    rows_in: int
    rows_loaded: int
    rows_quarantined: int


@dataclass(frozen=True)
class Rule:
    """What is expected and what to do where it is not met. `place`: the gate it guards; None for a standing rule."""

    rule_id: str
    severity: str
    expected: Text
    advice: Text
    place: Text | None


@dataclass(frozen=True)
class RuleLine:
    """One rule in one funnel tonight. `status`: passed, failed, not_evaluated, errored.

    usual_low, usual_high: how many gaps are usual, None where too few nights say; is_incident: it opened and closed
    nothing tonight, because its count jumped.
    """

    rule: Rule
    funnel: Text
    evaluated: int
    met: int
    failing: int
    late: int
    not_evaluated: int
    status: str
    usual_low: int | None
    usual_high: int | None
    is_incident: bool


@dataclass(frozen=True)
class StageLine:
    """One open stage: deals in it now; deals that ever reached it, their conversion and dwell; None where unknown."""

    stage: Text
    open_deals: int
    open_amount: Decimal | None
    reached: int | None
    conversion: float | None
    conversion_low: float | None
    conversion_high: float | None
    is_insufficient_history: bool
    dwell_median_days: float | None
    visits: int | None


@dataclass(frozen=True)
class FunnelTable:
    """One funnel, its stages in order."""

    funnel: Text
    stages: tuple[StageLine, ...]


@dataclass(frozen=True)
class ForecastLine:
    """One method and scope of the forecast. `scope`: dated (the running quarter), overdue, undated, untimed.

    is_leading: it is of the method that leads on the forecast page too.
    """

    method: Text
    is_leading: bool
    scope: str
    won_deals: int | None
    won_amount: Decimal | None
    open_deals: int
    open_amount: Decimal | None
    excluded_deals: int
    new_business_amount: Decimal | None
    total_amount: Decimal | None
    p10_amount: Decimal | None
    p90_amount: Decimal | None


@dataclass(frozen=True)
class ExpectationLine:
    """One expectation of the data itself and the extract or table it is about. `status` as that of a rule.

    observed is to lie from lower to upper; None where that cannot be said tonight. is_in_days: it is an age, not a
    number of rows.
    """

    expected: Text
    subject: str
    severity: str
    status: str
    evaluated: int
    observed: int | None
    lower: int | None
    upper: int | None
    is_in_days: bool


@dataclass(frozen=True)
class IncidentLine:
    """One count that jumped beyond its usual range tonight. `kind`: rule, extract, table."""

    kind: str
    subject: Text
    observed: int
    usual_low: int | None
    usual_high: int | None


@dataclass(frozen=True)
class Tables:
    """The frames that the page shows row by row, in the order in which they are to be read.

    deals: one row per deal that any other frame names; the others point to it by its row number. deal_name, deal_id,
    crm, amount (decimal, reporting currency).
    stages: one row per funnel and stage named; in funnel order. funnel_en, funnel_zh, name_en, name_zh.
    rules: one row per rule named. rule_id, expected_en, expected_zh, advice_en, advice_zh, place_en, place_zh (null for
    a standing rule).
    violations: one row per violation that is open, waived, or closed tonight; blocking ones first, then the most money.
    violation_id, listing (open, waived, closed), status (new, reopened, backlog, carried, waived, evidence_late, or why
    it closed), is_new (first or again tonight, backlog aside), is_backlog, is_unchecked, severity, rule, deal, stage,
    owner, team, owner_first (where another then), claimed_en, claimed_zh, found_en, found_zh, found_first_en,
    found_first_zh (where something else then), visit_id, first_seen, last_seen, nights_open, closed_on, waived_by,
    waived_why, waived_until.
    stalled: one row per stalled deal, most money first. deal, stage, owner, team, dwell_days, slow_after_days,
    cap_days, is_over_cap, is_slow, is_silent, silent_days, last_customer_event_on, stall_began_on, stalled_days,
    reason_en, reason_zh (the leading one; null where none shows), action_en, action_zh, attempts, last_attempt_on,
    responses, last_response_on, recommendation, untold_en, untold_zh (reasons that its CRM's records cannot tell).
    stall_reasons: one row per stalled deal and reason, the leading one first. stalled (row number), wording_en,
    wording_zh, action_en, action_zh, size_en, size_zh (how much of it), records.
    refused: one row per thing wrong with a quarantined record, newest extract first. crm, object, file, extracted_at
    (local date and minute), record, line, column, reason, reason_en, reason_zh, value, raw_text, release_en,
    release_zh, is_new (since the night before).
    trend: one row per published night up to this one, oldest first. business_date, open_block, open_warn, opened (new
    or reopened), backlog, closed, deals, amount.
    """

    deals: pl.DataFrame
    stages: pl.DataFrame
    rules: pl.DataFrame
    violations: pl.DataFrame
    stalled: pl.DataFrame
    stall_reasons: pl.DataFrame
    refused: pl.DataFrame
    trend: pl.DataFrame


@dataclass(frozen=True)
class ReviewPage:
    """Everything that the page of one night says.

    record_links: CRM to the pattern of a record's address. unlisted_refusals: what `tables.refused` leaves out.
    """

    company: str
    language: str
    currency: str
    time_zone: str
    minimum_n: int
    business_date: date
    previous_business_date: date | None
    as_of: str
    deals: int
    open_deals: int
    new: Count
    open: Count
    waived: Count
    closed: Count
    backlog: Count
    night_before: Change | None
    week_before: Change | None
    holders: tuple[Holder, ...]
    closed_as: tuple[tuple[Text, int], ...]
    rules: tuple[RuleLine, ...]
    funnels: tuple[FunnelTable, ...]
    period_label: str | None
    forecasts: tuple[ForecastLine, ...]
    is_led_by_champion: bool
    expectations: tuple[ExpectationLine, ...]
    incidents: tuple[IncidentLine, ...]
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    held: tuple[str, ...]
    loads: tuple[Load, ...]
    unlisted_refusals: int
    record_links: Mapping[str, str]
    config_hash: str
    inputs_hash: str
    code_version: str
    tables: Tables

    @property
    def headline_forecast(self) -> ForecastLine | None:
        """The running quarter by the method that leads; None where it says nothing of when."""
        return next((line for line in self.forecasts if line.is_leading and line.scope == "dated"), None)

    @property
    def has_several_funnels(self) -> bool:
        return len(self.funnels) > 1

    @property
    def failed_expectations(self) -> int:
        """Expectations of the data that failed or could not be run."""
        return sum(line.status in ("failed", "errored") for line in self.expectations)
