"""What targets ask of the pipeline: to-go, coverage and the coverage that history says is required; the CRM's roll-ups.

Belongs here: whatever is said of a period by the deals' own close dates and categories, whichever method forecasts.
Not here: a method's expectations, which targets hold.
"""

from collections.abc import Collection

import polars as pl

from orchestration.forecasting.categories import CATEGORIES, ROLLED_UP, category
from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs
from orchestration.forecasting.method import unusable_amount
from orchestration.forecasting.periods import LEVEL, PLACE, SCOPES, at_levels, horizon, with_place, won_so_far
from orchestration.forecasting.targets import targets_by_level

# Half the step between past as-of dates, so that one is near enough at any point of a period but its last fortnight.
# Farther off it is another point: a month that ends in a week is not one that begins.
_DAYS_OFF = 16

_PERIOD = ["period_kind", "period_start"]
_NOTHING = pl.lit(0).cast(MONEY_SUM)


def coverage(inputs: ForecastInputs, scopes: Collection[str] = SCOPES) -> pl.DataFrame:
    """One row per funnel (all too), scope, scope_value and month or quarter from the running ones on.

    Columns: business_date, those of a level, period_kind, period_start, period_end, period_label, days_to_end, and

    * won_deals, won_amount: won so far in the period.
    * target_amount, target_basis, target_exclusion: see `targets.py`; null where there is none.
    * to_go_amount: target - won; negative once the target is passed.
    * open_pipeline_deals, open_pipeline_excluded_deals, open_pipeline_amount: open deals whose own close date lies in
      the period, those due by the business date included; overdue_deals, overdue_amount: of these. Amounts that
      cannot be used are counted as excluded; where no amount can, the sum is null.
    * coverage: open_pipeline_amount / to_go_amount, null where nothing is to go.
    * pipeline_yield: at the same point of past periods, the mean share of the open pipeline that was won inside them;
      yield_periods and yield_deals that it is taken from. required_coverage: 1 / pipeline_yield; null where history
      has no such point, where nothing was ever won, and on the last day. With less than minimum_n deals at a level
      (is_insufficient_history) the yield is that of its whole funnel (yield_basis `funnel`, else `own`).
    * <category>_open_deals and <category>_open_amount: the open pipeline by the CRM's category, each deal in one;
      they sum to the open pipeline. commit_amount, best_case_amount, pipeline_amount: rolled up, won + commit (+ best
      case (+ pipeline)), of what is known. omitted, other (a name nobody knows) and none (no category) are in no
      roll-up.
    """
    opened = _pipeline(inputs, scopes)
    won = won_so_far(inputs, scopes)
    targets = targets_by_level(inputs, scopes)
    key = [*LEVEL, *_PERIOD]
    funnels = pl.DataFrame({"funnel": [ALL, *inputs.funnels()]}, schema={"funnel": pl.String})
    wholes = funnels.select("funnel", pl.lit(ALL).alias("scope"), pl.lit(ALL).alias("scope_value"))
    if ALL not in scopes:
        wholes = wholes.clear()
    levels = pl.concat([wholes, *(each.select(LEVEL) for each in (opened, won, targets))]).unique()
    rows = (
        levels.join(horizon(inputs).drop("quarter_start"), how="cross")
        .join(opened, on=key, how="left")
        .join(won.select(*key, "won_deals", "won_amount"), on=key, how="left")
        .join(targets, on=key, how="left")
    )
    return _completed(_with_yields(rows, inputs, scopes), inputs).sort(
        "funnel", "scope", "scope_value", "period_kind", "period_start"
    )


def _pipeline(inputs: ForecastInputs, scopes: Collection[str]) -> pl.DataFrame:
    """Open deals by level and period of their own close date, as they stand in their categories."""
    periods = horizon(inputs).select("period_kind", "period_start", "period_end")
    usable = pl.when(unusable_amount().is_null()).then(pl.col("amount_reporting").cast(MONEY_SUM)).alias("amount")
    inside = (
        with_place(inputs.open_deals)
        .select(*PLACE, "expected_close_date", usable, category())
        .join(periods, how="cross")
        .filter(pl.col("expected_close_date").is_between("period_start", "period_end"))
    )
    amount, is_overdue = pl.col("amount"), pl.col("expected_close_date") <= inputs.business_date
    by_category = [
        part
        for name in CATEGORIES
        for part in (
            (pl.col("category") == name).sum().cast(pl.Int64).alias(f"{name}_open_deals"),
            _known(amount.filter(pl.col("category") == name)).alias(f"{name}_open_amount"),
        )
    ]
    return at_levels(
        inside,
        scopes,
        _PERIOD,
        pl.len().cast(pl.Int64).alias("open_pipeline_deals"),
        amount.is_null().sum().cast(pl.Int64).alias("open_pipeline_excluded_deals"),
        _known(amount).alias("open_pipeline_amount"),
        is_overdue.sum().cast(pl.Int64).alias("overdue_deals"),
        _known(amount.filter(is_overdue)).alias("overdue_amount"),
        *by_category,
    )


def _known(amount: pl.Expr) -> pl.Expr:
    """A sum; null where there are amounts and none is known."""
    return pl.when((amount.len() == 0) | (amount.count() > 0)).then(amount.sum())


def _with_yields(rows: pl.DataFrame, inputs: ForecastInputs, scopes: Collection[str]) -> pl.DataFrame:
    """Adds the yield of a level, or of its funnel where the level has too few deals to have one."""
    yields = _yields(inputs, scopes)
    of_funnel = yields.filter(pl.col("scope") == ALL).select(
        "funnel", *_PERIOD, pl.col("pipeline_yield").alias("of_funnel")
    )
    is_short = pl.col("pipeline_yield").is_null() | (pl.col("yield_deals") < inputs.minimum_n)
    is_borrowed = is_short & (pl.col("scope") != ALL) & pl.col("of_funnel").is_not_null()
    return (
        rows.join(yields, on=[*LEVEL, *_PERIOD], how="left")
        .join(of_funnel, on=["funnel", *_PERIOD], how="left")
        .with_columns(
            is_short.alias("is_insufficient_history"),
            pl.when(is_borrowed)
            .then(pl.lit("funnel"))
            .when(pl.col("pipeline_yield").is_not_null())
            .then(pl.lit("own"))
            .alias("yield_basis"),
            pl.when(is_borrowed).then("of_funnel").otherwise("pipeline_yield").alias("pipeline_yield"),
            pl.col("yield_periods", "yield_deals").fill_null(0),
        )
    )


def _yields(inputs: ForecastInputs, scopes: Collection[str]) -> pl.DataFrame:
    """One row per level and period of the horizon that history has a like of: what became of pipelines then."""
    points = _past_points(inputs)
    usable = unusable_amount().is_null()
    inside = (
        with_place(inputs.past_deals.filter(usable))
        .select("as_of_date", *PLACE, "expected_close_date", "won_on", pl.col("amount_reporting").cast(MONEY_SUM))
        .join(points.select("as_of_date", "past_start", "past_end").unique(), on="as_of_date", how="inner")
        .filter(pl.col("expected_close_date").is_between("past_start", "past_end"))
    )
    amount, is_won = pl.col("amount_reporting"), (pl.col("won_on") <= pl.col("past_end")).fill_null(value=False)
    parts = [*scopes] if ALL in scopes else [ALL, *scopes]
    then = at_levels(
        inside,
        parts,
        ["as_of_date", "past_start", "past_end"],
        pl.len().cast(pl.Int64).alias("deals"),
        (amount.filter(is_won).sum().cast(pl.Float64) / amount.sum().cast(pl.Float64)).alias("share"),
    ).filter(pl.col("share").is_finite())
    return (
        then.join(points, on=["as_of_date", "past_start", "past_end"], how="inner")
        .sort(*LEVEL, *_PERIOD, "past_start")
        .group_by(*LEVEL, *_PERIOD, maintain_order=True)
        .agg(
            pl.col("share").mean().alias("pipeline_yield"),
            pl.len().cast(pl.Int64).alias("yield_periods"),
            pl.col("deals").sum().alias("yield_deals"),
        )
    )


def _past_points(inputs: ForecastInputs) -> pl.DataFrame:
    """For each period of the horizon, past ones that have ended, each at the as-of date as far from its end.

    Columns: period_kind, period_start; past_start, past_end, as_of_date. Of a past period one as-of date: the one whose
    days to the end come nearest, at most _DAYS_OFF from tonight's; the later of two.
    """
    as_ofs = inputs.past_deals.select("as_of_date").unique()
    past = inputs.periods.filter(pl.col("period_end") <= inputs.business_date).select(
        "period_kind", past_start="period_start", past_end="period_end"
    )
    days, past_days = pl.col("period_end") - inputs.business_date, pl.col("past_end") - pl.col("as_of_date")
    return (
        horizon(inputs)
        .select(*_PERIOD, days.dt.total_days().alias("days_to_end"))
        .join(past, on="period_kind", how="inner")
        .join(as_ofs, how="cross")
        .with_columns(past_days.dt.total_days().alias("past_days"))
        .with_columns((pl.col("past_days") - pl.col("days_to_end")).abs().alias("off"))
        .filter(pl.col("past_days") > 0, pl.col("off") <= _DAYS_OFF)
        .sort(*_PERIOD, "past_start", "off", "past_days")
        .unique([*_PERIOD, "past_start"], keep="first", maintain_order=True)
        .select(*_PERIOD, "past_start", "past_end", "as_of_date")
    )


def _rolled_up(names: tuple[str, ...]) -> pl.Expr:
    """Won and the open amounts of these categories; null where there are deals in it and no amount of any is known."""
    parts = [pl.col(f"{name}_open_amount") for name in names]
    deals = pl.sum_horizontal("won_deals", *(f"{name}_open_deals" for name in names))
    of_known = [
        pl.when(part.is_not_null()).then(pl.col(f"{name}_open_deals")) for name, part in zip(names, parts, strict=True)
    ]
    known = pl.sum_horizontal(pl.when(pl.col("won_amount").is_not_null()).then("won_deals"), *of_known)
    amount = pl.sum_horizontal("won_amount", *parts).cast(MONEY_SUM)
    return pl.when((deals == 0) | (known > 0)).then(amount)


def _completed(rows: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    is_empty, nothing_won = pl.col("open_pipeline_deals").is_null(), pl.col("won_deals").is_null()
    counts = ["open_pipeline_deals", "open_pipeline_excluded_deals", "overdue_deals"]
    amounts = ["open_pipeline_amount", "overdue_amount", *(f"{name}_open_amount" for name in CATEGORIES)]
    days = (pl.col("period_end") - inputs.business_date).dt.total_days()
    to_go = pl.col("to_go_amount")
    ratio = pl.col("open_pipeline_amount").cast(pl.Float64) / to_go.cast(pl.Float64)
    roll_ups = [_rolled_up(ROLLED_UP[:number]).alias(f"{ROLLED_UP[number - 1]}_amount") for number in (1, 2, 3)]
    return (
        rows.with_columns(
            pl.lit(inputs.business_date).alias("business_date"),
            days.alias("days_to_end"),
            pl.when(nothing_won).then(_NOTHING).otherwise("won_amount").alias("won_amount"),
            *(pl.when(is_empty).then(_NOTHING).otherwise(name).alias(name) for name in amounts),
            pl.col("won_deals", *counts, *(f"{name}_open_deals" for name in CATEGORIES)).fill_null(0),
        )
        .with_columns((pl.col("target_amount") - pl.col("won_amount")).cast(MONEY_SUM).alias("to_go_amount"), *roll_ups)
        .with_columns(
            pl.when(to_go > 0).then(ratio).alias("coverage"),
            pl.when((pl.col("pipeline_yield") > 0) & (pl.col("days_to_end") > 0))
            .then(1 / pl.col("pipeline_yield"))
            .alias("required_coverage"),
        )
        .select(
            "business_date",
            *LEVEL,
            "period_kind",
            "period_start",
            "period_end",
            "period_label",
            "days_to_end",
            "won_deals",
            "won_amount",
            "target_amount",
            "target_basis",
            "target_exclusion",
            "to_go_amount",
            "open_pipeline_deals",
            "open_pipeline_excluded_deals",
            "open_pipeline_amount",
            "overdue_deals",
            "overdue_amount",
            "coverage",
            "required_coverage",
            "pipeline_yield",
            "yield_basis",
            "yield_periods",
            "yield_deals",
            "is_insufficient_history",
            *(column for name in CATEGORIES for column in (f"{name}_open_deals", f"{name}_open_amount")),
            *(f"{name}_amount" for name in ROLLED_UP),
        )
    )
