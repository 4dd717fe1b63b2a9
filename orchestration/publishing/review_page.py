"""The morning review: one self-contained HTML page a night, from the served tables.

Belongs here: choosing and ordering what the page says (`compose`) and turning it into text (`render`), both pure.
Not here: how it looks (`templates/`), what a violation is, where the page is written.
"""

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"

# Above this many rows a stage is folded when the page opens; a browser lays out a few hundred rows at once
# without a pause.
ROWS_SHOWN_UNFOLDED = 150

LOADS_SCHEMA = {
    "crm": pl.String(),
    "object": pl.String(),
    "file": pl.String(),
    "extracted_at": pl.Datetime("us", "UTC"),
    "rows_in": pl.Int64(),
    "rows_loaded": pl.Int64(),
    "rows_quarantined": pl.Int64(),
}


@dataclass(frozen=True)
class Text:
    """One wording in both languages of the page."""

    en: str
    zh: str


METHOD_NAMES = {
    "stage_average": Text("Stage average", "阶段平均法"),
    "weighted_stage": Text("Weighted by stage", "阶段加权法"),
}
CLOSED_AS = {
    "evidence_arrived": Text("Evidence arrived", "证据已补齐"),
    "condition_cleared": Text("Condition cleared", "情况已解除"),
    "deal_departed": Text("Deal left the review", "商机已退出检查"),
    "rule_changed": Text("Rule no longer asked", "规则已变更"),
    "waived": Text("Waived", "已豁免"),
}
NO_FUNNEL = Text("Outside every funnel", "未归入任何漏斗")
SEVERITIES = ("block", "warn")


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
class Violation:
    """One open violation. `observed`: what was found, None where nothing was. `amount`: reporting currency."""

    deal_name: str
    deal_id: str
    stage: Text
    owner: str | None
    team: str | None
    outcome: str
    observed: str | None
    first_seen: date
    last_seen: date
    nights_open: int
    amount: Decimal | None
    is_new: bool
    is_reopened: bool


@dataclass(frozen=True)
class RuleGroup:
    """The violations of one rule, largest amount first."""

    rule: Rule
    violations: tuple[Violation, ...]


@dataclass(frozen=True)
class Count:
    """Violations, the deals that carry them, and what these deals are worth, each deal once."""

    violations: int
    by_severity: Mapping[str, int]
    deals: int
    amount: Decimal | None
    deals_without_amount: int


@dataclass(frozen=True)
class StageSection:
    """The open violations of deals that are in one stage."""

    funnel: Text
    stage: Text
    count: Count
    groups: tuple[RuleGroup, ...]
    is_folded: bool


@dataclass(frozen=True)
class RuleLine:
    """One rule tonight. `status`: passed, failed, not_evaluated, errored."""

    rule: Rule
    funnel: Text
    evaluated: int
    met: int
    failing: int
    late: int
    not_evaluated: int
    status: str


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
    """One method and scope of the forecast. `scope`: dated (the running quarter), overdue, undated, untimed."""

    method: Text
    scope: str
    won_deals: int | None
    won_amount: Decimal | None
    open_deals: int
    open_amount: Decimal | None
    excluded_deals: int
    total_amount: Decimal | None


@dataclass(frozen=True)
class ReviewPage:
    """Everything that the page of one night says."""

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
    open: Count
    new: Count
    backlog: Count
    closed: tuple[tuple[Text, int], ...]
    new_groups: tuple[RuleGroup, ...]
    stages: tuple[StageSection, ...]
    rules: tuple[RuleLine, ...]
    funnels: tuple[FunnelTable, ...]
    period_label: str | None
    forecasts: tuple[ForecastLine, ...]
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    held: tuple[str, ...]
    loads: tuple[Load, ...]
    config_hash: str
    inputs_hash: str
    code_version: str

    @property
    def headline_forecast(self) -> ForecastLine | None:
        """The last listed method that has a figure for the running quarter; methods are listed simplest first."""
        dated = [line for line in self.forecasts if line.scope == "dated"]
        return dated[-1] if dated else None

    @property
    def has_several_funnels(self) -> bool:
        return len(self.funnels) > 1


class ReviewRefusedError(Exception):
    """A served table is not what the page needs; the sentence names it."""


@dataclass(frozen=True)
class _Names:
    """Wording of funnels, stages and rules, and the order of stages."""

    funnels: Mapping[str | None, Text]
    stages: Mapping[tuple[str | None, str], Text]
    order: Mapping[tuple[str | None, str], int]
    rules: Mapping[str, Rule]

    def funnel(self, funnel: str | None) -> Text:
        return self.funnels.get(funnel, NO_FUNNEL if funnel is None else Text(funnel, funnel))

    def stage(self, funnel: str | None, stage: str) -> Text:
        return self.stages.get((funnel, stage), Text(stage, stage))

    def rule(self, rule_id: str, severity: str) -> Rule:
        """The rule; one that tonight's standards no longer know goes by its id."""
        unknown = Text(rule_id, rule_id)
        return self.rules.get(rule_id, Rule(rule_id, severity, unknown, Text("", ""), None))


def compose(
    served: Mapping[str, pl.DataFrame],
    standards: Mapping[str, pl.DataFrame],
    business_date: date,
    loads: pl.DataFrame | None = None,
) -> ReviewPage:
    """Choose and order what the page of a night says.

    served: deals_current, quality_violations, quality_rule_nights, funnel_stage_conversion, funnel_stage_dwell,
        forecast_period, nights, as served; the night of `business_date` has its row in `nights`.
    standards: company, funnels, funnel_stages, criteria, as `quality.standards.tables` gives them.
    loads: LOADS_SCHEMA, one row per extract file that came in since the night before; None where the ledger is not
        at hand, then only the totals of the night are told.

    Raises:
        ReviewRefusedError: `nights` has no row for the business date.
    """
    company = standards["company"].row(0, named=True)
    night = _night(served["nights"], business_date)
    zone = ZoneInfo(company["time_zone"])
    deals = served["deals_current"]
    rule_nights = served["quality_rule_nights"].filter(pl.col("business_date") == business_date)
    names = _names(standards, rule_nights, deals)
    violations = served["quality_violations"]
    opened = _opened(violations, deals, business_date)
    is_new = pl.col("is_new") | pl.col("is_reopened")
    periods = served["forecast_period"].filter((pl.col("business_date") == business_date) & (pl.col("funnel") == "all"))
    running_quarter = (
        (pl.col("period_kind") == "quarter")
        & (pl.col("period_status") == "dated")
        & pl.lit(business_date).is_between(pl.col("period_start"), pl.col("period_end"))
    )
    labels = periods.filter(running_quarter)["period_label"]
    is_open = deals.filter("is_open")
    return ReviewPage(
        company=company["company"],
        language=company["language"],
        currency=company["reporting_currency"],
        time_zone=company["time_zone"],
        minimum_n=company["minimum_n"],
        business_date=business_date,
        previous_business_date=night["previous_business_date"],
        as_of=_local(night["as_of_at"], zone),
        deals=deals.height,
        open_deals=is_open.height,
        open=_count(opened),
        new=_count(opened.filter(is_new)),
        backlog=_count(opened.filter("is_backlog_tonight")),
        closed=_closed(violations, business_date),
        new_groups=_groups(opened.filter(is_new), names),
        stages=_stage_sections(opened, names),
        rules=_rule_lines(rule_nights, names),
        funnels=_funnel_tables(served, is_open, names),
        period_label=labels[0] if labels.len() else None,
        forecasts=tuple(_forecast_lines(periods, running_quarter)),
        rows_in=night["rows_in"],
        rows_loaded=night["rows_loaded"],
        rows_quarantined=night["rows_quarantined"],
        held=tuple(json.loads(night["held_reasons"])),
        loads=_loads(loads, zone),
        config_hash=night["config_hash"],
        inputs_hash=night["inputs_hash"],
        code_version=night["code_version"],
    )


def render(page: ReviewPage) -> str:
    """The page as one HTML document that needs no other file and no network. Equal pages give equal text."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": _money, "number": _number, "percent": _percent, "days": _days}
    style, script = (_source(name) for name in ("review.css", "review.js"))
    return environment.get_template("review.html.j2").render(
        page=page, style=style, script=script, style_hash=_csp_hash(style), script_hash=_csp_hash(script)
    )


def _source(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))


def _csp_hash(source: str) -> str:
    """What a content security policy calls this very source, so that the browser runs nothing else."""
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _money(amount: Decimal | None) -> str:
    return "—" if amount is None else f"{amount.quantize(Decimal(1), ROUND_HALF_UP):,}".replace("-", "−")


def _number(number: int | None) -> str:
    return "—" if number is None else f"{number:,}"


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{100 * share:.0f}"


def _days(days: float | None) -> str:
    return "—" if days is None else f"{days:.1f}"


def _local(instant: datetime, zone: ZoneInfo) -> str:
    """Date and time in a zone; an instant without a zone is UTC."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return f"{aware.astimezone(zone):%Y-%m-%d %H:%M}"


def _night(nights: pl.DataFrame, business_date: date) -> dict[str, Any]:
    found = nights.filter(pl.col("business_date") == business_date)
    if found.height != 1:
        raise ReviewRefusedError(
            f"nights has {found.height} rows for {business_date}; the page needs the one of its night"
        )
    return found.row(0, named=True)


def _names(standards: Mapping[str, pl.DataFrame], rule_nights: pl.DataFrame, deals: pl.DataFrame) -> _Names:
    funnels = {
        row["funnel"]: Text(row["name_en"], row["name_zh"]) for row in standards["funnels"].iter_rows(named=True)
    }
    stages: dict[tuple[str | None, str], Text] = {
        (row["funnel"], row["stage"]): Text(row["stage_name_en"], row["stage_name_zh"])
        for row in deals.unique(["funnel", "stage"], keep="first", maintain_order=True).iter_rows(named=True)
    }
    order: dict[tuple[str | None, str], int] = {}
    # The latest version comes last and wins.
    for row in standards["funnel_stages"].sort("version").iter_rows(named=True):
        stages[row["funnel"], row["stage"]] = Text(row["name_en"], row["name_zh"])
        order[row["funnel"], row["stage"]] = row["sort_order"]
    places = {
        row["criterion_id"]: _place(row["gate"], stages[row["funnel"], row["stage"]])
        for row in standards["criteria"].sort("version").iter_rows(named=True)
    }
    rules = {
        row["rule_id"]: Rule(
            rule_id=row["rule_id"],
            severity=row["severity"],
            expected=_text(row, "wording", row["rule_id"]),
            advice=_text(row, "advice", ""),
            place=places.get(row["rule_id"]),
        )
        for row in rule_nights.iter_rows(named=True)
    }
    return _Names(funnels, stages, order, rules)


def _text(row: Mapping[str, Any], name: str, otherwise: str) -> Text:
    return Text(row[f"{name}_en"] or otherwise, row[f"{name}_zh"] or otherwise)


def _place(gate: str, stage: Text) -> Text:
    if gate == "entry":
        return Text(f"Entering {stage.en}", f"进入“{stage.zh}”")
    return Text(f"Leaving {stage.en}", f"离开“{stage.zh}”")


def _opened(violations: pl.DataFrame, deals: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """Open violations with the names of their deals, worst first."""
    seen_tonight = pl.col("last_seen") == business_date
    first_tonight = pl.col("first_seen") == business_date
    return (
        violations.filter(pl.col("state") == "open")
        .join(deals.select("deal_key", "deal_name", "deal_id"), on="deal_key", how="left")
        .with_columns(
            (first_tonight & (pl.col("change") == "new")).alias("is_new"),
            (seen_tonight & (pl.col("change") == "reopened")).alias("is_reopened"),
            (first_tonight & pl.col("is_backlog")).alias("is_backlog_tonight"),
        )
        .sort(
            pl.col("severity") != "block",
            "rule_id",
            pl.col("amount_at_risk").is_null(),
            -pl.col("amount_at_risk"),
            "deal_key",
            "visit_id",
        )
    )


def _count(violations: pl.DataFrame) -> Count:
    deals = violations.unique("deal_key", keep="first", maintain_order=True)
    amounts = deals["amount_at_risk"].drop_nulls()
    no_amount = None if deals.height else Decimal(0)
    return Count(
        violations=violations.height,
        by_severity={each: int((violations["severity"] == each).sum()) for each in SEVERITIES},
        deals=deals.height,
        amount=sum(amounts, Decimal(0)) if amounts.len() else no_amount,
        deals_without_amount=deals.height - amounts.len(),
    )


def _closed(violations: pl.DataFrame, business_date: date) -> tuple[tuple[Text, int], ...]:
    closed = violations.filter((pl.col("state") == "closed") & (pl.col("closed_on") == business_date))
    counts = dict(closed.group_by("change").len().iter_rows())
    known = [(name, counts.pop(change)) for change, name in CLOSED_AS.items() if change in counts]
    return (*known, *((Text(change, change), count) for change, count in sorted(counts.items())))


def _groups(violations: pl.DataFrame, names: _Names) -> tuple[RuleGroup, ...]:
    """Violations by rule: blocking rules first, then the rule that most violate."""
    by_rule: dict[tuple[str, str], list[Violation]] = defaultdict(list)
    for row in violations.iter_rows(named=True):
        by_rule[row["rule_id"], row["severity"]].append(_violation(row, names))
    groups = [RuleGroup(names.rule(rule_id, severity), tuple(found)) for (rule_id, severity), found in by_rule.items()]
    return tuple(
        sorted(groups, key=lambda group: (group.rule.severity != "block", -len(group.violations), group.rule.rule_id))
    )


def _violation(row: Mapping[str, Any], names: _Names) -> Violation:
    return Violation(
        deal_name=row["deal_name"] or row["deal_id"] or row["deal_key"],
        deal_id=row["deal_id"] or row["deal_key"],
        stage=names.stage(row["funnel"], row["stage"]),
        owner=row["owner_name"],
        team=row["team"],
        outcome=row["outcome"],
        observed=row["observed"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        nights_open=row["nights_open"],
        amount=row["amount_at_risk"],
        is_new=row["is_new"],
        is_reopened=row["is_reopened"],
    )


def _in_order(keys: Iterable[tuple[str | None, str]], names: _Names) -> list[tuple[str | None, str]]:
    """(funnel, stage) in the order of the funnels, stages that the standards do not know last."""
    funnels = list(names.funnels)
    return sorted(
        keys,
        key=lambda key: (
            funnels.index(key[0]) if key[0] in names.funnels else len(funnels),
            key[0] or "",
            names.order.get(key, len(names.order)),
            key[1],
        ),
    )


def _stage_sections(opened: pl.DataFrame, names: _Names) -> tuple[StageSection, ...]:
    parts = {(key[0], key[1]): frame for key, frame in opened.partition_by("funnel", "stage", as_dict=True).items()}
    return tuple(
        StageSection(
            funnel=names.funnel(funnel),
            stage=names.stage(funnel, stage),
            count=_count(parts[funnel, stage]),
            groups=_groups(parts[funnel, stage], names),
            is_folded=opened.height > ROWS_SHOWN_UNFOLDED,
        )
        for funnel, stage in _in_order(parts, names)
    )


def _rule_lines(rule_nights: pl.DataFrame, names: _Names) -> tuple[RuleLine, ...]:
    """Every rule of tonight, in the order of funnels and their gates, standing rules after them."""
    lines = [
        RuleLine(
            rule=names.rule(row["rule_id"], row["severity"]),
            funnel=names.funnel(row["funnel"]),
            evaluated=row["evaluated"],
            met=row["met"],
            failing=row["failing"],
            late=row["late"],
            not_evaluated=row["not_evaluated"],
            status=row["status"],
        )
        for row in rule_nights.sort("funnel", "rule_id").iter_rows(named=True)
    ]
    gates = {place: number for number, place in enumerate(_gates_in_order(names))}
    return tuple(
        sorted(lines, key=lambda line: (line.funnel.en, gates.get(line.rule.place, len(gates)), line.rule.rule_id))
    )


def _gates_in_order(names: _Names) -> list[Text | None]:
    return [_place(gate, names.stages[key]) for key in _in_order(names.order, names) for gate in ("entry", "exit")]


def _funnel_tables(served: Mapping[str, pl.DataFrame], is_open: pl.DataFrame, names: _Names) -> tuple[FunnelTable, ...]:
    in_stage = {
        (row["funnel"], row["stage"]): row
        for row in is_open.group_by("funnel", "stage")
        .agg(
            pl.len().alias("open_deals"),
            pl.when(pl.col("amount_reporting").is_not_null().any())
            .then(pl.col("amount_reporting").cast(pl.Decimal(38, 2)).sum())
            .alias("open_amount"),
        )
        .iter_rows(named=True)
    }
    whole = pl.col("segment") == "all"
    conversion = _by_stage(served["funnel_stage_conversion"].filter(whole & (pl.col("cohort_kind") == "all")))
    dwell = _by_stage(served["funnel_stage_dwell"].filter(whole))
    tables: dict[str | None, list[StageLine]] = defaultdict(list)
    for key in _in_order({*in_stage, *conversion, *dwell}, names):
        reach, stay = conversion.get(key, {}), dwell.get(key, {})
        held = in_stage.get(key, {"open_deals": 0, "open_amount": Decimal(0)})
        tables[key[0]].append(
            StageLine(
                stage=names.stage(*key),
                open_deals=held["open_deals"],
                open_amount=held["open_amount"],
                reached=reach.get("reached"),
                conversion=reach.get("conversion_to_date"),
                conversion_low=reach.get("conversion_to_date_low"),
                conversion_high=reach.get("conversion_to_date_high"),
                is_insufficient_history=reach.get("is_insufficient_history", True),
                dwell_median_days=stay.get("dwell_p50_days"),
                visits=stay.get("visits"),
            )
        )
    return tuple(FunnelTable(names.funnel(funnel), tuple(lines)) for funnel, lines in tables.items())


def _by_stage(frame: pl.DataFrame) -> dict[tuple[str | None, str], dict[str, Any]]:
    return {(row["funnel"], row["stage"]): row for row in frame.iter_rows(named=True)}


def _forecast_lines(periods: pl.DataFrame, running_quarter: pl.Expr) -> Iterable[ForecastLine]:
    """By method: the running quarter, then what stands in no period. Empty rows outside the quarter are left out."""
    statuses: Sequence[str] = ("dated", "overdue", "undated", "untimed")
    shown = periods.filter(running_quarter | (pl.col("period_kind") == "none"))
    for method in shown["method"].unique(maintain_order=True).sort():
        of_method = {
            row["period_status"]: row for row in shown.filter(pl.col("method") == method).iter_rows(named=True)
        }
        for status in statuses:
            row = of_method.get(status)
            if row is None or (status in ("overdue", "undated") and not row["open_deals"]):
                continue
            yield ForecastLine(
                method=METHOD_NAMES.get(method, Text(method, method)),
                scope=status,
                won_deals=row["won_deals"],
                won_amount=row["won_amount"],
                open_deals=row["open_deals"],
                open_amount=row["open_amount"],
                excluded_deals=row["excluded_deals"],
                total_amount=row["total_amount"],
            )


def _loads(loads: pl.DataFrame | None, zone: ZoneInfo) -> tuple[Load, ...]:
    if loads is None:
        return ()
    return tuple(
        Load(
            crm=row["crm"],
            object=row["object"],
            file=row["file"],
            extracted_at=_local(row["extracted_at"], zone),
            rows_in=row["rows_in"],
            rows_loaded=row["rows_loaded"],
            rows_quarantined=row["rows_quarantined"],
        )
        for row in loads.select(*LOADS_SCHEMA).sort("extracted_at", "crm", "object", "file").iter_rows(named=True)
    )
