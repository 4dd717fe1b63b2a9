"""What forecasting may know: typed frames, checked once, and what of them was known on each as-of date.

Belongs here: the columns each input must have, what must hold of them, and the one place that cuts a history at an
as-of date. Not here: any arithmetic on them. Where a table comes from is not known here either; the wiring reads it
and hands it over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

import polars as pl

MONEY = pl.Decimal(18, 2)
MONEY_SUM = pl.Decimal(38, 2)
RATE = pl.Decimal(13, 12)

# The row that stands for all funnels, and the segment value that stands for a whole funnel.
ALL = "all"
# A visit that goes on at as-of, and one that was seen from its nth week on only (a CRM without history).
ONGOING, SEEN_LATE = "(ongoing)", "(seen late)"


class ForecastInputsError(Exception):
    """An input table is not what a method can work on; the sentence names table, column and what to do."""


@dataclass(frozen=True)
class _Table:
    columns: Mapping[str, pl.DataType]
    never_null: tuple[str, ...]
    key: tuple[str, ...]
    never_negative: tuple[str, ...] = ()


_TEXT, _COUNT, _NUMBER, _DAY = pl.String(), pl.Int64(), pl.Float64(), pl.Date()
_CREATED = ("funnel", "segment", "team", "owner_key", "stage", "created_on")

_TABLES = {
    "forecast_as_ofs": _Table(
        {"as_of_date": _DAY, "is_tonight": pl.Boolean()},
        never_null=("as_of_date", "is_tonight"),
        key=("as_of_date",),
    ),
    "forecast_open_deals": _Table(
        {
            "as_of_date": _DAY,
            "deal_key": _TEXT,
            "funnel": _TEXT,
            "stage": _TEXT,
            "stage_rank": _COUNT,
            "segment": _TEXT,
            "team": _TEXT,
            "owner_key": _TEXT,
            "amount_reporting": MONEY,
            "amount_exclusion": _TEXT,
            "expected_close_date": _DAY,
            "probability": _NUMBER,
            "forecast_category": _TEXT,
            "days_in_stage": _NUMBER,
            "days_since_created": _NUMBER,
            "days_since_customer_activity": _NUMBER,
            "pushes": _COUNT,
            "icp_band": _TEXT,
            "criteria_asked": _COUNT,
            "criteria_met": _COUNT,
            "criteria_late": _COUNT,
            "criteria_violated": _COUNT,
            "criteria_waived": _COUNT,
            "criteria_not_evaluated": _COUNT,
        },
        never_null=("as_of_date", "deal_key", "funnel", "stage", "segment"),
        key=("as_of_date", "deal_key"),
        never_negative=("days_in_stage", "pushes"),
    ),
    "forecast_deal_outcomes": _Table(
        {
            "as_of_date": _DAY,
            "deal_key": _TEXT,
            "won_on": _DAY,
            "won_amount_reporting": MONEY,
            "closed_on": _DAY,
            "outcome": _TEXT,
        },
        never_null=("as_of_date", "deal_key"),
        key=("as_of_date", "deal_key"),
    ),
    "forecast_hazard_counts": _Table(
        {
            "as_of_date": _DAY,
            "funnel": _TEXT,
            "segment": _TEXT,
            "stage": _TEXT,
            "weeks_in_stage": _COUNT,
            "next_state": _TEXT,
            "visits": _COUNT,
            "days": _NUMBER,
        },
        never_null=("as_of_date", "funnel", "segment", "stage", "next_state", "visits"),
        key=("as_of_date", "funnel", "segment", "stage", "weeks_in_stage", "next_state"),
        never_negative=("weeks_in_stage", "visits", "days"),
    ),
    "forecast_won_deals": _Table(
        {
            "deal_key": _TEXT,
            "funnel": _TEXT,
            "segment": _TEXT,
            "team": _TEXT,
            "owner_key": _TEXT,
            "from_as_of_date": _DAY,
            "until_as_of_date": _DAY,
            "created_on": _DAY,
            "won_on": _DAY,
            "undone_on": _DAY,
            "amount_reporting": MONEY,
            "amount_when_won": MONEY,
        },
        never_null=("deal_key", "funnel", "segment", "won_on"),
        key=("deal_key", "won_on", "from_as_of_date"),
    ),
    "forecast_stage_amounts": _Table(
        {
            "as_of_date": _DAY,
            "funnel": _TEXT,
            "stage": _TEXT,
            "amount_digits": _COUNT,
            "won_deals": _COUNT,
            "amount_at_stage": MONEY_SUM,
            "amount_won": MONEY_SUM,
        },
        never_null=("as_of_date", "funnel", "stage", "amount_digits", "won_deals", "amount_at_stage", "amount_won"),
        key=("as_of_date", "funnel", "stage", "amount_digits"),
        never_negative=("won_deals",),
    ),
    "forecast_creations": _Table(
        {
            "funnel": _TEXT,
            "segment": _TEXT,
            "team": _TEXT,
            "owner_key": _TEXT,
            "from_as_of_date": _DAY,
            "until_as_of_date": _DAY,
            "stage": _TEXT,
            "created_on": _DAY,
            "departed_on": _DAY,
            "deals": _COUNT,
        },
        never_null=("funnel", "segment", "stage", "created_on", "deals"),
        key=(*_CREATED, "departed_on", "from_as_of_date", "until_as_of_date"),
        never_negative=("deals",),
    ),
    "forecast_targets": _Table(
        {
            "funnel": _TEXT,
            "team": _TEXT,
            "owner_key": _TEXT,
            "period_start": _DAY,
            "period_end": _DAY,
            "amount_reporting": MONEY,
            "amount_exclusion": _TEXT,
        },
        never_null=("period_start", "period_end"),
        key=(),
    ),
    "company": _Table(
        {"minimum_n": _COUNT, "shrinkage_deals": _COUNT},
        never_null=("minimum_n", "shrinkage_deals"),
        key=(),
        never_negative=("minimum_n", "shrinkage_deals"),
    ),
    "funnel_stages": _Table(
        {"funnel": _TEXT, "version": _COUNT, "stage": _TEXT, "stage_rank": _COUNT, "outcome": _TEXT},
        never_null=("funnel", "version", "stage"),
        key=("funnel", "version", "stage"),
    ),
    "periods": _Table(
        {"period_kind": _TEXT, "period_start": _DAY, "period_end": _DAY, "period_label": _TEXT},
        never_null=("period_kind", "period_start", "period_end", "period_label"),
        key=("period_kind", "period_start"),
    ),
}

INPUT_TABLES = tuple(_TABLES)


def input_schema(table: str) -> dict[str, pl.DataType]:
    """The columns that one of INPUT_TABLES must have."""
    return dict(_TABLES[table].columns)


@dataclass(frozen=True, eq=False)
class ForecastInputs:
    """Everything a method may know on one as-of date, and nothing that became known later.

    business_date: the as-of date, the last day known.
    minimum_n: deals below which a rate is shrunk. shrinkage_deals: the weight of the parent rate, in deals.
    open_deals: one row per deal open in a mapped stage, with what was known of it. `segment` is its value of the
        configured forecast segment; days_* are counted to as-of, null where unknown; criteria_* count the passages
        of gates up to as-of.
    past_deals: one row per earlier as-of date and deal open then, columns as open_deals with as_of_date; and won_on,
        closed_on, outcome as far as they are known by now (null: not yet). A win that was undone by now is none. What
        a model may be fitted on.
    hazard_counts: one row per funnel, segment value (`all` for the funnel), stage, whole weeks spent in it and state
        entered next: visits that ended so, and the days they spent in their last, broken week. ONGOING: they go on at
        as-of. SEEN_LATE: they were seen from that week on only; their exposure before is to be taken off. Weeks are
        null where the visit has no date.
    won_deals: one row per win, known and not undone by as-of, of deals that had not left by then; amount_reporting at
        the rate of that day, as it was said to be when the deal was won (tonight: as it is said to be tonight).
    stage_amounts: one row per funnel and stage: over deals won by as-of whose amount is known both when they first
        entered the stage and when they were won, both sums.
    creations: one row per funnel, segment value, team, owner, first stage and day: deals created.
    targets: one row per quota: funnel, team, owner_key are null where it holds for all of them.
    stages: one row per funnel, version and stage; `outcome` null for open stages.
    periods: one row per fiscal month and quarter.
    """

    business_date: date
    minimum_n: int
    shrinkage_deals: int
    open_deals: pl.DataFrame
    past_deals: pl.DataFrame
    hazard_counts: pl.DataFrame
    won_deals: pl.DataFrame
    stage_amounts: pl.DataFrame
    creations: pl.DataFrame
    targets: pl.DataFrame
    stages: pl.DataFrame
    periods: pl.DataFrame

    def funnels(self) -> list[str]:
        """Every funnel that the standards or a deal names, in order of name."""
        return sorted({*self.stages["funnel"], *self.open_deals["funnel"], *self.won_deals["funnel"]})

    @cached_property
    def transition_counts(self) -> pl.DataFrame:
        """One row per funnel, segment value, open stage left and state entered: completed visits, of any length."""
        stages = self.stages.group_by("funnel", "stage").agg(pl.col("outcome").is_null().any().alias("is_open"))
        ended = self.hazard_counts.filter(~pl.col("next_state").is_in([ONGOING, SEEN_LATE])).join(
            stages.filter(~pl.col("is_open")), on=["funnel", "stage"], how="anti"
        )
        keys = ["funnel", "segment", "from_stage", "to_state"]
        renamed = ended.rename({"stage": "from_stage", "next_state": "to_state"})
        return renamed.group_by(keys).agg(pl.col("visits").sum()).sort(keys)

    @cached_property
    def won_amounts(self) -> pl.DataFrame:
        """One row per funnel with a won deal: won_deals, won_deals_with_amount, won_amount (null where none has)."""
        return _won(self.won_deals, ["funnel"])

    @cached_property
    def won_to_date(self) -> pl.DataFrame:
        """One row per funnel, period kind and period with a won deal: the sums of `won_amounts`, won in the period."""
        periods = self.periods.select("period_kind", "period_start", "period_end")
        inside = self.won_deals.join(periods, how="cross").filter(
            pl.col("won_on").is_between("period_start", "period_end")
        )
        return _won(inside, ["funnel", "period_kind", "period_start"])


_Made = TypeVar("_Made")


def worked_out_once(function: Callable[[ForecastInputs], _Made]) -> Callable[[ForecastInputs], _Made]:
    """A function of inputs alone whose answer is kept for as long as they are: methods ask the same of them."""
    answers: WeakKeyDictionary[ForecastInputs, _Made] = WeakKeyDictionary()

    @wraps(function)
    def answer(inputs: ForecastInputs) -> _Made:
        if inputs not in answers:
            answers[inputs] = function(inputs)
        return answers[inputs]

    return answer


@dataclass(frozen=True, eq=False)
class ForecastHistory:
    """The inputs of tonight and of every past as-of date that is tried again, and what came of each open deal.

    as_of_dates: the past ones in order; tonight is business_date.
    outcomes: one row per as-of date and deal open then, as known tonight: won_on and won_amount_reporting of its
        first win after as-of, closed_on and outcome of its first close; null where there is none yet. No method sees
        it but through ForecastInputs.past_deals. A deal that left the CRM while it was open closed on that day: its
        outcome says how (deleted, merged, absent). What one that left had won before is no win any more.
    """

    business_date: date
    as_of_dates: tuple[date, ...]
    tables: Mapping[str, pl.DataFrame]

    @property
    def outcomes(self) -> pl.DataFrame:
        return self.tables["forecast_deal_outcomes"]

    def inputs(self, as_of_date: date | None = None) -> ForecastInputs:
        """What was known on an as-of date (tonight by default); the only place that cuts history.

        Raises:
            ForecastInputsError: the date is no as-of date, or no fiscal period holds it.
        """
        day = self.business_date if as_of_date is None else as_of_date
        if day != self.business_date and day not in self.as_of_dates:
            raise ForecastInputsError(f"{day} is no as-of date of this history; there are {len(self.as_of_dates)}")
        is_known, is_undone = pl.col("won_on") <= day, (pl.col("undone_on") <= day).fill_null(value=False)
        won_deals = self.tables["forecast_won_deals"].filter(is_known & ~is_undone & _held_on(day))
        if day != self.business_date:
            won_deals = won_deals.with_columns(pl.col("amount_when_won").alias("amount_reporting"))
        settings = self.tables["company"]
        inputs = ForecastInputs(
            business_date=day,
            minimum_n=settings["minimum_n"].item(),
            shrinkage_deals=settings["shrinkage_deals"].item(),
            open_deals=self._of("forecast_open_deals", day),
            past_deals=self._past_deals(day),
            hazard_counts=self._of("forecast_hazard_counts", day),
            won_deals=won_deals.drop("undone_on", "amount_when_won", "from_as_of_date", "until_as_of_date"),
            stage_amounts=self._of("forecast_stage_amounts", day),
            creations=self._creations(day),
            targets=self.tables["forecast_targets"],
            stages=self.tables["funnel_stages"],
            periods=self.tables["periods"],
        )
        _refuse_missing_periods(inputs)
        return inputs

    def _of(self, table: str, day: date) -> pl.DataFrame:
        return self.tables[table].filter(pl.col("as_of_date") == day).drop("as_of_date")

    def _creations(self, day: date) -> pl.DataFrame:
        has_left = (pl.col("departed_on") <= day).fill_null(value=False)
        known = self.tables["forecast_creations"].filter((pl.col("created_on") <= day) & ~has_left & _held_on(day))
        return known.group_by(_CREATED).agg(pl.col("deals").sum()).sort(_CREATED)

    def _past_deals(self, day: date) -> pl.DataFrame:
        won_yet, closed_yet = pl.col("won_on") <= day, pl.col("closed_on") <= day
        known = self._standing_wins(self.outcomes.filter(pl.col("as_of_date") < day), day).select(
            "as_of_date",
            "deal_key",
            pl.when(won_yet).then("won_on").alias("won_on"),
            pl.when(closed_yet).then("closed_on").alias("closed_on"),
            pl.when(closed_yet).then("outcome").alias("outcome"),
        )
        deals = self.tables["forecast_open_deals"].filter(pl.col("as_of_date") < day)
        return deals.join(known, on=["as_of_date", "deal_key"], how="left", maintain_order="left")

    def _standing_wins(self, outcomes: pl.DataFrame, day: date) -> pl.DataFrame:
        """Outcomes whose win, where it was undone by the day, is the next one that was not, or none."""
        is_undone = (pl.col("undone_on") <= day).fill_null(value=False)
        wins = self.tables["forecast_won_deals"].filter((pl.col("won_on") <= day) & _held_on(day))
        undone = outcomes.join(wins.filter(is_undone), on=["deal_key", "won_on"], how="semi")
        keys = ["as_of_date", "deal_key"]
        again = (
            undone.select(*keys, first_on="won_on")
            .join(wins.filter(~is_undone).select("deal_key", again_on="won_on"), on="deal_key", how="left")
            .group_by(*keys)
            .agg(
                pl.col("again_on").filter(pl.col("again_on") > pl.col("first_on")).min(), was_undone=pl.lit(value=True)
            )
        )
        won_on = pl.when(pl.col("was_undone").is_not_null()).then("again_on").otherwise("won_on")
        return outcomes.join(again, on=keys, how="left", maintain_order="left").with_columns(won_on.alias("won_on"))


def read_history(tables: Mapping[str, pl.DataFrame], business_date: date) -> ForecastHistory:
    """Check and type the tables named in INPUT_TABLES; further tables and columns are ignored.

    Raises:
        ForecastInputsError: a table or column is missing, of another type, null, negative or twice where it
            must not be, or tonight is not the business date.
    """
    typed = {name: _typed(name, table, tables) for name, table in _TABLES.items()}
    if typed["company"].height != 1:
        raise ForecastInputsError(f"company has {typed['company'].height} rows; it must have one: load the standards")
    _refuse_reserved_funnel(typed["funnel_stages"])
    as_ofs = typed["forecast_as_ofs"]
    tonight = as_ofs.filter("is_tonight")["as_of_date"].to_list()
    if tonight != [business_date]:
        held = ", ".join(map(str, tonight)) or "nothing"
        raise ForecastInputsError(f"forecast_as_ofs has {held} for tonight; the business date is {business_date}")
    past = as_ofs.filter(~pl.col("is_tonight"))["as_of_date"].sort().to_list()
    return ForecastHistory(business_date=business_date, as_of_dates=tuple(past), tables=typed)


def _won(deals: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    amount = pl.col("amount_reporting")
    return (
        deals.group_by(keys)
        .agg(
            pl.len().cast(pl.Int64).alias("won_deals"),
            amount.count().cast(pl.Int64).alias("won_deals_with_amount"),
            pl.when(amount.count() > 0).then(amount.cast(MONEY_SUM).sum()).alias("won_amount"),
        )
        .sort(keys)
    )


def _held_on(day: date) -> pl.Expr:
    """Whether owner and segment of a row were these on an as-of date."""
    begun, over = pl.col("from_as_of_date") > day, pl.col("until_as_of_date") < day
    return ~begun.fill_null(value=False) & ~over.fill_null(value=False)


def _refuse_missing_periods(inputs: ForecastInputs) -> None:
    for kind in ("month", "quarter"):
        running = inputs.periods.filter(
            (pl.col("period_kind") == kind) & pl.lit(inputs.business_date).is_between("period_start", "period_end")
        )
        if running.height != 1:
            raise ForecastInputsError(
                f"periods has {running.height} rows of kind {kind} that hold {inputs.business_date}; it must have one"
            )


def _typed(name: str, table: _Table, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    if name not in tables:
        raise ForecastInputsError(f"the table {name} is missing; the forecast needs {', '.join(INPUT_TABLES)}")
    frame = tables[name]
    missing = [column for column in table.columns if column not in frame.columns]
    if missing:
        raise ForecastInputsError(f"{name} has no column {', '.join(missing)}; the model must select it")
    for column, kind in table.columns.items():
        try:
            frame = frame.with_columns(pl.col(column).cast(kind, strict=True))
        except pl.exceptions.PolarsError as error:
            raise ForecastInputsError(f"{name}.{column} cannot be read as {kind}: {error}") from error
    for column in table.never_null:
        if frame[column].null_count():
            raise ForecastInputsError(f"{name}.{column} is null in {frame[column].null_count()} rows; it never may be")
    for column in table.never_negative:
        if (frame[column] < 0).any():
            raise ForecastInputsError(
                f"{name}.{column} is negative in {(frame[column] < 0).sum()} rows; it never may be"
            )
    if table.key:
        twice = frame.filter(pl.struct(table.key).is_duplicated())
        if twice.height:
            shown = ", ".join(str(value) for value in twice.select(table.key).row(0))
            raise ForecastInputsError(f"{name} has more than one row for {shown}; its key is {', '.join(table.key)}")
        frame = frame.sort(table.key)
    return frame.select(*table.columns)


def _refuse_reserved_funnel(stages: pl.DataFrame) -> None:
    if (stages["funnel"] == ALL).any():
        raise ForecastInputsError(f"a funnel is called {ALL}, which stands for all funnels together: rename it")
