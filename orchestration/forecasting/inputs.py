"""What a forecast method may know: typed frames of one night, checked once.

Belongs here: the columns each input must have and what must hold of them. Not here: any arithmetic on them.
Where a table comes from is not known here either; the wiring reads it and hands it over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

MONEY = pl.Decimal(18, 2)
MONEY_SUM = pl.Decimal(38, 2)
RATE = pl.Decimal(13, 12)

# The row that stands for all funnels, and the segment value that stands for a whole funnel.
ALL = "all"


class ForecastInputsError(Exception):
    """An input table is not what a method can work on; the sentence names table, column and what to do."""


@dataclass(frozen=True)
class _Table:
    columns: Mapping[str, pl.DataType]
    never_null: tuple[str, ...]
    key: tuple[str, ...]
    never_negative: tuple[str, ...] = ()


_TABLES = {
    "forecast_open_deals": _Table(
        {
            "deal_key": pl.String(),
            "funnel": pl.String(),
            "stage": pl.String(),
            "stage_rank": pl.Int64(),
            "segment": pl.String(),
            "team": pl.String(),
            "owner_key": pl.String(),
            "amount_reporting": MONEY,
            "amount_exclusion": pl.String(),
            "expected_close_date": pl.Date(),
            "probability": pl.Float64(),
        },
        never_null=("deal_key", "funnel", "stage", "segment"),
        key=("deal_key",),
    ),
    "forecast_transition_counts": _Table(
        {
            "funnel": pl.String(),
            "segment": pl.String(),
            "from_stage": pl.String(),
            "to_state": pl.String(),
            "visits": pl.Int64(),
        },
        never_null=("funnel", "segment", "from_stage", "to_state", "visits"),
        key=("funnel", "segment", "from_stage", "to_state"),
        never_negative=("visits",),
    ),
    "forecast_won_amounts": _Table(
        {
            "funnel": pl.String(),
            "won_deals": pl.Int64(),
            "won_deals_with_amount": pl.Int64(),
            "won_amount": MONEY_SUM,
        },
        never_null=("funnel", "won_deals", "won_deals_with_amount"),
        key=("funnel",),
        never_negative=("won_deals", "won_deals_with_amount"),
    ),
    "forecast_won_to_date": _Table(
        {
            "funnel": pl.String(),
            "period_kind": pl.String(),
            "period_start": pl.Date(),
            "won_deals": pl.Int64(),
            "won_deals_with_amount": pl.Int64(),
            "won_amount": MONEY_SUM,
        },
        never_null=("funnel", "period_kind", "period_start", "won_deals", "won_deals_with_amount"),
        key=("funnel", "period_kind", "period_start"),
        never_negative=("won_deals", "won_deals_with_amount"),
    ),
    "company": _Table(
        {"minimum_n": pl.Int64(), "shrinkage_deals": pl.Int64()},
        never_null=("minimum_n", "shrinkage_deals"),
        key=(),
        never_negative=("minimum_n", "shrinkage_deals"),
    ),
    "funnel_stages": _Table(
        {"funnel": pl.String(), "version": pl.Int64(), "stage": pl.String(), "outcome": pl.String()},
        never_null=("funnel", "version", "stage"),
        key=("funnel", "version", "stage"),
    ),
    "periods": _Table(
        {
            "period_kind": pl.String(),
            "period_start": pl.Date(),
            "period_end": pl.Date(),
            "period_label": pl.String(),
        },
        never_null=("period_kind", "period_start", "period_end", "period_label"),
        key=("period_kind", "period_start"),
    ),
}

INPUT_TABLES = tuple(_TABLES)


@dataclass(frozen=True, eq=False)
class ForecastInputs:
    """Everything a method may know of one night. Frames are in the order of their keys.

    open_deals: one row per open deal in a mapped stage.
    transition_counts: one row per funnel, segment value (`all` for the funnel), stage left and state entered.
    won_amounts: one row per funnel with a won deal.
    won_to_date: one row per funnel, period kind and period with a won deal.
    stages: one row per funnel, version and stage; `outcome` null for open stages.
    periods: one row per fiscal month and quarter.
    minimum_n: visits below which a rate is shrunk. shrinkage_deals: the weight of the parent rate, in visits.
    """

    business_date: date
    minimum_n: int
    shrinkage_deals: int
    open_deals: pl.DataFrame
    transition_counts: pl.DataFrame
    won_amounts: pl.DataFrame
    won_to_date: pl.DataFrame
    stages: pl.DataFrame
    periods: pl.DataFrame

    def funnels(self) -> list[str]:
        """Every funnel that the standards or a deal names, in order of name."""
        return sorted({*self.stages["funnel"], *self.open_deals["funnel"], *self.won_to_date["funnel"]})


def read_inputs(tables: Mapping[str, pl.DataFrame], business_date: date) -> ForecastInputs:
    """Check and type the tables named in INPUT_TABLES; further tables and columns are ignored.

    Raises:
        ForecastInputsError: a table or column is missing, of another type, null, negative or twice where it
            must not be, or no fiscal period holds the business date.
    """
    typed = {name: _typed(name, table, tables) for name, table in _TABLES.items()}
    if typed["company"].height != 1:
        raise ForecastInputsError(f"company has {typed['company'].height} rows; it must have one: load the standards")
    _refuse_reserved_funnel(typed["funnel_stages"])
    inputs = ForecastInputs(
        business_date=business_date,
        minimum_n=typed["company"]["minimum_n"].item(),
        shrinkage_deals=typed["company"]["shrinkage_deals"].item(),
        open_deals=typed["forecast_open_deals"],
        transition_counts=typed["forecast_transition_counts"],
        won_amounts=typed["forecast_won_amounts"],
        won_to_date=typed["forecast_won_to_date"],
        stages=typed["funnel_stages"],
        periods=typed["periods"],
    )
    for kind in ("month", "quarter"):
        running = inputs.periods.filter(
            (pl.col("period_kind") == kind) & pl.lit(business_date).is_between("period_start", "period_end")
        )
        if running.height != 1:
            raise ForecastInputsError(
                f"periods has {running.height} rows of kind {kind} that hold {business_date}; it must have one"
            )
    return inputs


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
