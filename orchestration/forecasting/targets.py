"""Targets by level and period: as given, or summed from those given below.

Belongs here: which target holds for which level and period. Not here: what is compared with it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs
from orchestration.forecasting.periods import horizon

GIVEN, FROM_MONTHS, FROM_PARTS = "given", "sum_of_months", "sum_of_parts"

_SCHEMA = {
    "funnel": pl.String(),
    "scope": pl.String(),
    "scope_value": pl.String(),
    "period_kind": pl.String(),
    "period_start": pl.Date(),
    "target_amount": MONEY_SUM,
    "target_basis": pl.String(),
    "target_exclusion": pl.String(),
}

_UNPLACED = (
    *("period_start", "period_end", "funnel", "team", "owner_key"),
    *("amount_reporting", "amount_exclusion"),
)

# Funnel, scope and its value, in the words of a served row.
_Level = tuple[str, str, str]


@dataclass(frozen=True)
class _Target:
    """An amount, or why it is not known."""

    amount: Decimal | None
    exclusion: str | None
    basis: str


_Targets = dict[_Level, _Target]


def targets_by_level(inputs: ForecastInputs, scopes: Collection[str]) -> pl.DataFrame:
    """One row per level and period of the horizon that has a target. Segments have none.

    Columns: those of a level, period_kind, period_start, target_amount (null with target_exclusion where an amount that
    it is made of is not known, such as one in a currency without a rate), target_basis.

    A target is as given for exactly this level and fiscal period; several are added up. Else a quarter's is the sum of
    its months', where each of them has one. Else it is the sum of parts: of a team its owners', of the whole its teams'
    and those of owners in no team; of all funnels the funnels', where one of them gives that level (what owners are
    given without a funnel is then in it, as far as anybody can tell, and is not added). A target is never split.
    """
    given, team_of = _given(inputs), _team_of_owner(inputs)
    rows = []
    for period in horizon(inputs).iter_rows(named=True):
        kind, start = period["period_kind"], period["period_start"]
        targets = dict(given.get((kind, start), {}))
        if kind == "quarter":
            months = _months(inputs, start, period["period_end"])
            targets = _of_months([given.get(("month", month), {}) for month in months]) | targets
        for level, target in _with_wholes(targets, team_of).items():
            rows.append((*level, kind, start, target.amount, target.basis, target.exclusion))
    made = pl.DataFrame(rows, schema=_SCHEMA, orient="row").filter(pl.col("scope").is_in(list(scopes)))
    return made.sort("funnel", "scope", "scope_value", "period_kind", "period_start")


def unplaced_targets(inputs: ForecastInputs) -> pl.DataFrame:
    """Targets whose span is no fiscal month or quarter (a year, a week): no row of a forecast is held against them.

    Columns: business_date and those of ForecastInputs.targets; one row per quota.
    """
    unplaced = inputs.targets.join(inputs.periods, on=["period_start", "period_end"], how="anti")
    return unplaced.select(pl.lit(inputs.business_date).alias("business_date"), *_UNPLACED).sort(_UNPLACED)


def _given(inputs: ForecastInputs) -> Mapping[tuple[str, date], _Targets]:
    parts: dict[tuple[str, date], dict[_Level, list[_Target]]] = defaultdict(lambda: defaultdict(list))
    placed = inputs.targets.join(inputs.periods, on=["period_start", "period_end"], how="inner")
    for row in placed.sort(placed.columns).iter_rows(named=True):
        funnel = row["funnel"] if row["funnel"] is not None else ALL
        level = (funnel, ALL, ALL)
        if row["owner_key"] is not None:
            level = (funnel, "owner", row["owner_key"])
        elif row["team"] is not None:
            level = (funnel, "team", row["team"])
        amount = row["amount_reporting"]
        why_not = (row["amount_exclusion"] or "missing_amount") if amount is None else None
        parts[row["period_kind"], row["period_start"]][level].append(_Target(amount, why_not, GIVEN))
    return {period: {level: _summed(each, GIVEN) for level, each in levels.items()} for period, levels in parts.items()}


def _team_of_owner(inputs: ForecastInputs) -> dict[str, str]:
    """By owner the team that a target names, else that of its deals."""
    named = [
        frame.select("owner_key", "team").filter(pl.all_horizontal(pl.all().is_not_null())).unique().sort(pl.all())
        for frame in (inputs.won_deals, inputs.open_deals, inputs.targets)
    ]
    return {owner: team for frame in named for owner, team in frame.iter_rows()}


def _months(inputs: ForecastInputs, first: date, last: date) -> list[date]:
    inside = (pl.col("period_kind") == "month") & pl.col("period_start").is_between(first, last)
    return inputs.periods.filter(inside)["period_start"].to_list()


def _of_months(months: list[_Targets]) -> _Targets:
    in_all = set.intersection(*(set(month) for month in months)) if months else set()
    return {level: _summed([month[level] for month in months], FROM_MONTHS) for level in sorted(in_all)}


def _with_wholes(given: _Targets, team_of: Mapping[str, str]) -> _Targets:
    """Adds what follows from the targets below, within each funnel and then over all of them."""
    targets = dict(given)
    for funnel in sorted({funnel for funnel, _, _ in given} - {ALL}):
        _add_wholes(targets, funnel, team_of)
    by_level: dict[tuple[str, str], list[_Target]] = defaultdict(list)
    for (funnel, scope, value), target in sorted(targets.items()):
        if funnel != ALL:
            by_level[scope, value].append(target)
    given_to = {(scope, value) for funnel, scope, value in given if funnel != ALL}
    for (scope, value), parts in by_level.items():
        # What no funnel gives is made of its own parts, as those given without a funnel are in no funnel's sum.
        if scope == "owner" or (scope, value) in given_to:
            targets.setdefault((ALL, scope, value), _summed(parts, FROM_PARTS))
    _add_wholes(targets, ALL, team_of)
    return targets


def _add_wholes(targets: _Targets, funnel: str, team_of: Mapping[str, str]) -> None:
    teams: dict[str, list[_Target]] = defaultdict(list)
    teamless = []
    for (of_funnel, scope, value), target in sorted(targets.items()):
        if of_funnel == funnel and scope == "owner":
            if value in team_of:
                teams[team_of[value]].append(target)
            else:
                teamless.append(target)
    for team, parts in teams.items():
        targets.setdefault((funnel, "team", team), _summed(parts, FROM_PARTS))
    of_teams = [
        target for (of_funnel, scope, _), target in sorted(targets.items()) if of_funnel == funnel and scope == "team"
    ]
    if of_teams or teamless:
        targets.setdefault((funnel, ALL, ALL), _summed([*of_teams, *teamless], FROM_PARTS))


def _summed(parts: Iterable[_Target], basis: str) -> _Target:
    amount = Decimal(0)
    for part in parts:
        if part.amount is None:
            return _Target(None, part.exclusion, basis)
        amount += part.amount
    return _Target(amount, None, basis)
