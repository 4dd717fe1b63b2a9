"""What the served tables and their columns mean, for databases, BI tools and the data dictionary.

Belongs here: the contract as the file beside this one tells it, and what a name and a type say of a column by the
naming rules of the house. Not here: which tables there are and the order of their rows (`contracts`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.publishing.contracts import ServedTable

CONTRACT = Path(__file__).with_name("contract.json")
# Each sentence in Chinese, by the sentence itself: one that is written anew has no Chinese rather than a stale one, and
# the tests ask for it.
CHINESE = Path(__file__).with_name("meanings_zh.json")
NIGHT_ID = "night_id"
NIGHT_ID_MEANS = "The night that the table is of: the same in all tables and places that are served together."

# A key, a word to filter and group by, an instant or a day, a number that may be added up, and one that may not.
KEY, DIMENSION, TIME, ADDITIVE, MEASURE = "key", "dimension", "time", "additive", "measure"

MONEY, SHARE = "money", "a share from 0 to 1"

_TEXTS = frozenset({"VARCHAR", "BOOLEAN"})
_TIMES = frozenset({"DATE", "TIMESTAMP"})
_IN_ORDER = re.compile(r"(^|_)rank(_|$)|_(number|order|version|record)$|^(bin|occurrence)$")
_NOT_ADDITIVE = re.compile(
    r"(^|_)(p\d\d|mean|median|low|high|lower|upper|lowest|highest|longest|share|rate|target|minimum|shrinkage|weight)(_|$)"
    r"|(^|_)days(_|$)|_p\d\d$"
    # A deal has it once for each of its violations.
    r"|(^|_)at_risk$"
)
# The first that a name has; a rate weighted by amounts is a share all the same.
_UNITS = (
    (re.compile(r"_weighted$"), SHARE),
    (re.compile(r"(^|_)amounts?(_|$)"), MONEY),
    (re.compile(r"(^|_)days(_|$)"), "days"),
    (re.compile(r"(^|_)weeks(_|$)"), "weeks"),
    (re.compile(r"(^|_)seconds(_|$)"), "seconds"),
    (re.compile(r"(^|_)points(_|$)"), "points"),
    (re.compile(r"(^|_)(share|probability|conversion|win_rate|chance)(_|$)"), SHARE),
)
# Whole numbers count: deals with an amount, not amounts. Neither money nor a share is ever one.
_COUNTS = frozenset({"BIGINT", "INTEGER"})


# Where a table has one of these, rows of its different values tell of the same deals.
_TELLS_THE_SAME = frozenset(
    {
        *("method", "source", "part", "question", "lead_bucket", "span", "comparison", "compared_by", "measure"),
        *("scope", "segment", "cohort_kind", "period_kind"),
    }
)
# Rows that differ in these alone tell of the same deals as well: a deal has reached each stage before its own.
_ONE_AT_A_TIME: Mapping[str, frozenset[str]] = {
    "criterion_efficacy": frozenset({"criterion_id"}),
    "forecast_quality": frozenset({"period_start"}),
    "funnel_stage_conversion": frozenset({"stage"}),
    "icp_lift": frozenset({"attribute"}),
    "icp_weight_review": frozenset({"attribute"}),
}
# Numbers that do not add up though name and type are those of one that does: the same in several rows, of deals that
# are in several rows, what stood at the end of a night, or of a kind that changes from row to row.
_NEVER_ADDED: Mapping[str, frozenset[str]] = {
    "close_reasons": frozenset({"outcome_deals"}),
    "conversion_causes": frozenset(
        {"focus_n", "reference_n", "focus_conversion", "reference_conversion", "change", "deals_behind"}
    ),
    "criterion_compliance": frozenset({"deals", "evaluated_deals"}),
    "criterion_efficacy": frozenset({"versions", "adjusted_strata"}),
    "deal_positions": frozenset({"amount_reporting"}),
    "deals_next_gate": frozenset({"amount_reporting"}),
    "deals_stalled": frozenset({"won_visits"}),
    "deals_stalled_reasons": frozenset({"size"}),
    "forecast_accuracy": frozenset({"n_as_ofs", "n_periods", "n_periods_unknown_amounts"}),
    "forecast_backtest": frozenset({"excluded_deals"}),
    "forecast_calibration": frozenset({"n_as_ofs", "n_still_open", "n_without_chance"}),
    "forecast_coverage": frozenset({"yield_periods", "yield_deals"}),
    "forecast_period": frozenset({"open_deals", "excluded_deals"}),
    "forecast_record": frozenset({"excluded_deals"}),
    "funnel_bottlenecks": frozenset({"segments_compared", "deals_started", "won_amount_gained"}),
    "funnel_stage_dwell": frozenset({"deals"}),
    "funnel_stage_to_won": frozenset({"deals_followed"}),
    "funnel_transitions": frozenset({"from_visits"}),
    "funnel_velocity": frozenset({"velocity_amount_per_day", "observed_won_amount_per_day"}),
    "icp_lift": frozenset({"rest_deals", "rest_won_deals"}),
    "milestone_candidates": frozenset(
        {
            *("won_deals", "won_with_deals", "lost_deals", "lost_with_deals", "compared_deals", "compared_with_visits"),
            *("judged_candidates", "ordered_pairs"),
        }
    ),
    "nights": frozenset({"deals", "open_deals", "open_violations"}),
    "quality_expectations": frozenset({"evaluated", "observed"}),
    "quality_findings": frozenset({"amount_reporting"}),
    "quality_incidents": frozenset({"observed", "nights_compared"}),
    "quality_rule_nights": frozenset({"nights_compared"}),
    "quality_violations": frozenset({"nights_open"}),
    "stage_ambiguity": frozenset({"deals", "owners", "compared_owners", "comparable_deals"}),
    "stage_ambiguity_owners": frozenset({"deals", "comparable_deals"}),
    "stage_design_review": frozenset(
        {"deals", "dropoff_deals", "gate_criteria", "examined", "examined_without_history"}
    ),
}
# A night that stands beside others tells again of the deals that they told of.
_NIGHTS = frozenset({"business_date", "as_of_date"})


@dataclass(frozen=True)
class ColumnMeaning:
    """One column: its type as DuckDB names it, a sentence, what it is for, and its unit."""

    name: str
    type: str
    description: str
    role: str
    unit: str | None

    @property
    def aggregation(self) -> str:
        """How a chart brings rows of it together."""
        return {KEY: "count distinct", ADDITIVE: "sum", MEASURE: "none"}.get(self.role, "group by")

    def comment(self) -> str:
        """The sentence, with unit and aggregation where the column is a number."""
        if self.role not in (ADDITIVE, MEASURE):
            return self.description
        unit = {None: "", SHARE: f" {SHARE.capitalize()}."}.get(self.unit, f" In {self.unit}.")
        return f"{self.description}{unit} {'Adds up.' if self.role == ADDITIVE else 'Never add up or average.'}"


@dataclass(frozen=True)
class TableMeaning:
    """One table: what one row is, the columns that tell rows apart, and those of which a chart takes one value."""

    name: str
    row: str
    key: tuple[str, ...]
    filter_one: tuple[str, ...]
    columns: tuple[ColumnMeaning, ...]

    def comment(self) -> str:
        if not self.filter_one:
            return self.row
        return f"{self.row} Take one value at a time of: {', '.join(self.filter_one)}."

    def comments(self) -> dict[str, str]:
        """The comment of each column by its name, and that of the table under an empty one."""
        return {"": self.comment()} | {column.name: column.comment() for column in self.columns}


def column_meaning(
    name: str,
    kind: str,
    description: str,
    key: tuple[str, ...] = (),
    *,
    has_currency: bool = False,
    is_never_added: bool = False,
) -> ColumnMeaning:
    """What a column is for, by its name and its type.

    A whole number or a sum of money may be added up; a share, a quantile, a mean, a bound and any other DOUBLE may not,
    and no amount that stands beside the currency of its own deal.

    key: the columns that tell the rows of the table apart. has_currency: whether the table has a column of that name.
    is_never_added: whether a number that may be added up by name and type may not.
    """
    plain = kind.split("(", maxsplit=1)[0]
    role = MEASURE if has_currency and name == "amount" else _role(name, plain, key)
    if is_never_added and role == ADDITIVE:
        role = MEASURE
    is_number = role in (ADDITIVE, MEASURE)
    unit = next((unit for what, unit in _UNITS if what.search(name)), None) if is_number else None
    if unit in (MONEY, SHARE) and plain in _COUNTS:
        unit = None
    return ColumnMeaning(name, kind, description, role, unit)


def _role(name: str, plain: str, key: tuple[str, ...]) -> str:
    if name.endswith(("_key", "_id")):
        return KEY
    if plain in _TIMES:
        return TIME
    if plain in _TEXTS or name in key or _IN_ORDER.search(name):
        return DIMENSION
    return MEASURE if plain == "DOUBLE" or _NOT_ADDITIVE.search(name) else ADDITIVE


@cache
def contract() -> Mapping[str, Mapping[str, Any]]:
    """What is promised of each table: `row`, what one row is; `columns`, name to [type, sentence], in their order."""
    told: Mapping[str, Mapping[str, Any]] = json.loads(CONTRACT.read_text(encoding="utf-8"))["tables"]
    return told


@cache
def chinese() -> Mapping[str, str]:
    """The sentences of the contract in Chinese, by the sentence in English."""
    told: Mapping[str, str] = json.loads(CHINESE.read_text(encoding="utf-8"))
    return told


def meaning(table: ServedTable) -> TableMeaning:
    """What a served table means; one that the contract does not know yet is served without a word."""
    told = contract().get(table.name, {"row": "", "columns": {}})
    columns = [
        column_meaning(
            name,
            kind,
            said,
            table.order_by,
            has_currency="currency" in told["columns"],
            is_never_added=name in _NEVER_ADDED.get(table.name, ()),
        )
        for name, (kind, said) in told["columns"].items()
    ]
    columns.append(ColumnMeaning(NIGHT_ID, "VARCHAR", NIGHT_ID_MEANS, DIMENSION, None))
    told_again = _TELLS_THE_SAME | _ONE_AT_A_TIME.get(table.name, frozenset())
    if len(table.order_by) > 1:
        told_again |= _NIGHTS
    filter_one = tuple(name for name in table.order_by if name in table.holds_all or name in told_again)
    return TableMeaning(table.name, told["row"], table.order_by, filter_one, tuple(columns))
