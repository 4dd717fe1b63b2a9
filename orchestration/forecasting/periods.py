"""From deals to fiscal periods: when a deal is expected, and the sums of a method by period at every level.

Belongs here: the periods that are told apart, the period of a date, exact sums by funnel, team, owner and segment. Not
here: how a method values a deal, intervals, targets.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl

from orchestration.forecasting.fallback import Spoken
from orchestration.forecasting.inputs import ALL, MONEY_SUM, ForecastInputs, worked_out_once
from orchestration.forecasting.method import MethodForecast

DATED, LATER, OVERDUE, UNDATED, UNTIMED = "dated", "later", "overdue", "undated", "untimed"
NO_PERIOD = "none"
# Quarters after the running one whose months are told apart; what is won after them is `later`.
QUARTERS_AHEAD = 2

# A level is a funnel (or all) with one of these scopes; the column that a scope's values are in.
SCOPE_COLUMNS = {ALL: None, "team": "team", "owner": "owner_key", "segment": "segment"}
SCOPES = tuple(SCOPE_COLUMNS)
# The value of deals that have no owner, or whose owner has no team, so that parts sum to the whole.
NOBODY = "(none)"

PLACE = ("funnel", "team", "owner_key", "segment")
LEVEL = ("funnel", "scope", "scope_value")
PERIOD = ("period_kind", "period_start", "period_status")

# Expected wins: chances have 12 places, so that their sum is exact.
WINS = pl.Decimal(38, 12)


@worked_out_once
def horizon(inputs: ForecastInputs) -> pl.DataFrame:
    """The months and quarters told apart, from the running ones on: one row each, in order.

    Columns: period_kind, period_start, period_end, period_label, quarter_start (of the quarter it is or lies in).
    """
    kind, start, end = pl.col("period_kind"), pl.col("period_start"), pl.col("period_end")
    ahead = inputs.periods.filter(end >= inputs.business_date).sort("period_start")
    quarters = ahead.filter(kind == "quarter").head(1 + QUARTERS_AHEAD).with_columns(quarter_start=start)
    months = (
        ahead.filter(kind == "month", end <= quarters["period_end"].max())
        .join_asof(quarters.select("quarter_start"), left_on="period_start", right_on="quarter_start", coalesce=False)
        .select(quarters.columns)
    )
    return pl.concat([months, quarters])


def with_close_period(deals: pl.DataFrame, inputs: ForecastInputs) -> pl.DataFrame:
    """Adds period_start (first day of the fiscal month of the deal's own close date) and period_status.

    `overdue`: due by the business date, whose end as-of is, and still open. `later`: it is in a fiscal period after
    those told apart. `undated`: there is none, or it lies past the last fiscal period known (a placeholder such as
    2099-12-31). None of the three has a period_start.
    """
    close = pl.col("expected_close_date")
    months = horizon(inputs).filter(pl.col("period_kind") == "month")
    known_until = inputs.periods["period_end"].max()
    in_month = (
        deals.select("deal_key", close)
        .filter((close > inputs.business_date) & (close <= months["period_end"].max()))
        .sort("expected_close_date")
        .join_asof(
            months.select("period_start"), left_on="expected_close_date", right_on="period_start", coalesce=False
        )
    )
    return deals.join(
        in_month.select("deal_key", "period_start"), on="deal_key", how="left", maintain_order="left"
    ).with_columns(
        pl.when(close <= inputs.business_date)
        .then(pl.lit(OVERDUE))
        .when(pl.col("period_start").is_not_null())
        .then(pl.lit(DATED))
        .when(close <= known_until)
        .then(pl.lit(LATER))
        .otherwise(pl.lit(UNDATED))
        .alias("period_status")
    )


def one_chance_each(deals: pl.DataFrame) -> pl.DataFrame:
    """The chances of a method that expects a deal in one period: its whole rate, in its period_start and _status.

    `deals` has deal_key, period_start, period_status, win_rate, amount_if_won, expected_amount.
    """
    return deals.select(
        "deal_key",
        "period_start",
        "period_status",
        pl.col("win_rate").alias("chance"),
        "amount_if_won",
        "expected_amount",
    )


def expected_by_close_date() -> pl.Expr:
    """expected_win_on of a method that takes the close date at its word; null where that is past or no date."""
    is_ahead = pl.col("period_status").is_in([DATED, LATER])
    return pl.when(is_ahead).then("expected_close_date").alias("expected_win_on")


def placed_by_close_date(made: MethodForecast, inputs: ForecastInputs) -> MethodForecast:
    """A method that goes by close dates or has no timing, read so that no deal is outside all periods.

    Without timing every deal stands in the month of its own close date. What is due by the business date or undated
    stands in the month in which the day after lies: none of it can be won before. A method that says the months itself
    has nothing overdue or undated, and is left as it is. Only a backtest reads methods so.
    """
    tomorrow = inputs.business_date + timedelta(days=1)
    months = horizon(inputs).filter((pl.col("period_kind") == "month") & (pl.col("period_end") >= tomorrow))
    is_late = pl.col("period_status").is_in([OVERDUE, UNDATED])
    chances = made.chances
    if not made.has_timing:
        placed = with_close_period(inputs.open_deals.select("deal_key", "expected_close_date"), inputs)
        chances = chances.drop("period_start", "period_status").join(
            placed, on="deal_key", how="left", maintain_order="left"
        )
    chances = chances.with_columns(
        pl.when(is_late).then(pl.lit(months["period_start"].min())).otherwise("period_start").alias("period_start"),
        pl.when(is_late).then(pl.lit(DATED)).otherwise("period_status").alias("period_status"),
    )
    return replace(made, chances=chances.select(made.chances.columns), has_timing=True)


def with_place(deals: pl.DataFrame) -> pl.DataFrame:
    """The columns of PLACE, NOBODY standing for who is not known."""
    return deals.with_columns(pl.col("team", "owner_key").fill_null(NOBODY))


def at_levels(rows: pl.DataFrame, scopes: Iterable[str], by: Sequence[str], *sums: pl.Expr) -> pl.DataFrame:
    """Aggregates at every level: one row per funnel (and all), scope, its value, and `by`.

    `rows` has the columns of PLACE; a row of them is in one value of each scope, so that the values of a scope sum to
    the whole.
    """
    both = pl.concat([rows, rows.with_columns(funnel=pl.lit(ALL))])
    levels = []
    for scope in scopes:
        column = SCOPE_COLUMNS[scope]
        value = pl.lit(ALL) if column is None else pl.col(column)
        levels.append(
            both.group_by("funnel", value.alias("scope_value"), *by)
            .agg(*sums)
            .select("funnel", pl.lit(scope).alias("scope"), "scope_value", *by, pl.exclude(*LEVEL, *by))
        )
    return pl.concat(levels)


def by_month_and_quarter(rows: pl.DataFrame, inputs: ForecastInputs, key: str, *sums: pl.Expr) -> pl.DataFrame:
    """Rows of months, and the same summed to quarters; what stands in no period stays once, of kind NO_PERIOD.

    `rows` has `key`, period_start and period_status; a row out per key and period.
    """
    is_dated = pl.col("period_status") == DATED
    months = rows.with_columns(
        pl.when(is_dated).then(pl.lit("month")).otherwise(pl.lit(NO_PERIOD)).alias("period_kind")
    ).select(key, *PERIOD, pl.exclude(key, *PERIOD))
    starts = horizon(inputs).filter(pl.col("period_kind") == "month").select("period_start", "quarter_start")
    quarters = (
        months.filter(is_dated)
        .join(starts, on="period_start", how="left")
        .group_by(
            key, pl.lit("quarter").alias("period_kind"), pl.col("quarter_start").alias("period_start"), "period_status"
        )
        .agg(*sums)
    )
    return pl.concat([months, quarters.select(months.columns)])


def won_so_far(inputs: ForecastInputs, scopes: Iterable[str]) -> pl.DataFrame:
    """Won in the running month and quarter: won_deals, won_excluded_deals, won_amount by level, where any is."""
    running = inputs.periods.filter(pl.lit(inputs.business_date).is_between("period_start", "period_end"))
    amount = pl.col("amount_reporting")
    inside = (
        with_place(inputs.won_deals)
        .join(running.select("period_kind", "period_start", "period_end"), how="cross")
        .filter(pl.col("won_on").is_between("period_start", "period_end"))
    )
    return at_levels(
        inside,
        scopes,
        ["period_kind", "period_start"],
        pl.len().cast(pl.Int64).alias("won_deals"),
        amount.is_null().sum().cast(pl.Int64).alias("won_excluded_deals"),
        pl.when(amount.is_not_null().any()).then(amount.cast(MONEY_SUM).sum()).alias("won_amount"),
    )


def period_rows(
    spoken: Spoken, inputs: ForecastInputs, scopes: Collection[str] = SCOPES, targets: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Exact sums of a method: one row per level, period kind, period and status.

    Every level where anything is open, won in the running periods, expected anew or aimed at has a row for each period
    of `horizon`; what stands in no period has one where there is any, and in scope all also where there is none. A
    method without timing has untimed rows alone; where it speaks in another's stead, what it expects is in one. Within
    a level, months and what is in no period sum to all of its deals, as quarters do; the values of a scope, and the
    funnels, sum to their whole.
    """
    opened = _open(spoken, inputs, scopes)
    won = won_so_far(inputs, scopes)
    new = _new_business(spoken, inputs, scopes)
    aimed = targets.select(LEVEL) if targets is not None else opened.select(LEVEL).clear()
    rows = _scaffold(spoken, inputs, pl.concat([each.select(LEVEL) for each in (opened, won, new, aimed)]))
    on = [*LEVEL, *PERIOD]
    joined = (
        pl.concat([rows, opened.select(on).join(rows, on=on, how="anti", nulls_equal=True)])
        .join(opened, on=on, how="left", nulls_equal=True)
        .join(won, on=[*LEVEL, "period_kind", "period_start"], how="left", nulls_equal=True)
        .join(new, on=[*LEVEL, "period_kind", "period_start"], how="left", nulls_equal=True)
        .join(inputs.periods, on=["period_kind", "period_start"], how="left")
    )
    return _completed(joined, spoken).sort(*LEVEL, *PERIOD, nulls_last=False)


def _open(spoken: Spoken, inputs: ForecastInputs, scopes: Iterable[str]) -> pl.DataFrame:
    amount, chance = pl.col("expected_amount"), pl.col("chance")
    summed = by_month_and_quarter(
        spoken.made.chances.select(
            "deal_key", "period_start", "period_status", chance.cast(WINS), amount.cast(MONEY_SUM)
        ),
        inputs,
        "deal_key",
        pl.when(chance.is_not_null().any()).then(chance.sum()).alias("chance"),
        pl.when(amount.is_not_null().any()).then(amount.sum()).alias("expected_amount"),
    )
    placed = summed.join(with_place(inputs.open_deals).select("deal_key", *PLACE), on="deal_key", how="left").join(
        spoken.made.deals.select("deal_key", "is_insufficient_history"), on="deal_key", how="left"
    )
    counts = ["open_deals", "excluded_deals", "chances_known", "insufficient_deals"]
    atoms = placed.group_by(*PLACE, *PERIOD).agg(
        pl.len().cast(pl.Int64).alias("open_deals"),
        amount.is_null().sum().cast(pl.Int64).alias("excluded_deals"),
        chance.is_not_null().sum().cast(pl.Int64).alias("chances_known"),
        pl.col("is_insufficient_history").sum().cast(pl.Int64).alias("insufficient_deals"),
        amount.sum().alias("open_amount"),
        chance.sum().alias("open_wins"),
    )
    return at_levels(atoms, scopes, PERIOD, pl.col(*counts, "open_amount", "open_wins").sum()).with_columns(
        pl.when(pl.col("open_deals") > pl.col("excluded_deals")).then("open_amount").alias("open_amount"),
        pl.when(pl.col("chances_known") > 0).then("open_wins").alias("open_wins"),
    )


def _new_business(spoken: Spoken, inputs: ForecastInputs, scopes: Iterable[str]) -> pl.DataFrame:
    """Expected wins are rounded to 12 places row by row, so that their sum does not depend on an order."""
    quarters = horizon(inputs).filter(pl.col("period_kind") == "month").select("period_start", "quarter_start")
    months = with_place(spoken.made.new_business).select(
        *PLACE,
        pl.lit("month").alias("period_kind"),
        "period_start",
        pl.col("deals").round(12).cast(WINS).alias("new_business_deals"),
        pl.col("expected_amount").cast(MONEY_SUM).alias("new_business_amount"),
    )
    by_quarter = (
        months.join(quarters, on="period_start", how="inner")
        .with_columns(pl.lit("quarter").alias("period_kind"), pl.col("quarter_start").alias("period_start"))
        .select(months.columns)
    )
    return at_levels(
        pl.concat([months, by_quarter]),
        scopes,
        ["period_kind", "period_start"],
        pl.col("new_business_deals", "new_business_amount").sum(),
    )


def _scaffold(spoken: Spoken, inputs: ForecastInputs, levels: pl.DataFrame) -> pl.DataFrame:
    """The rows that stand whether or not anything is in them."""
    funnels = inputs.funnels()
    dated = horizon(inputs).select("period_kind", "period_start", pl.lit(DATED).alias("period_status"))
    timeless = {"period_kind": NO_PERIOD, "period_start": None}
    late = pl.DataFrame([timeless | {"period_status": status} for status in (OVERDUE, UNDATED)], schema=dated.schema)
    untimed = pl.DataFrame([timeless | {"period_status": UNTIMED}], schema=dated.schema)
    wholes = pl.DataFrame({"funnel": [ALL, *funnels]}, schema={"funnel": pl.String}).select(
        "funnel", pl.lit(ALL).alias("scope"), pl.lit(ALL).alias("scope_value")
    )
    if not spoken.made.has_timing:
        return wholes.join(untimed, how="cross")
    # What is won has its period also where nobody can say when the rest will be.
    return pl.concat(
        [
            pl.concat([wholes, levels]).unique().join(dated, how="cross"),
            wholes.filter(~pl.col("funnel").is_in(spoken.untimed)).join(late, how="cross"),
            wholes.filter(pl.col("funnel").is_in(spoken.untimed)).join(untimed, how="cross"),
        ]
    )


def _completed(joined: pl.DataFrame, spoken: Spoken) -> pl.DataFrame:
    """Zeros where nothing is, totals, and who spoke. What is of unknown worth stays null and is no zero."""
    is_dated = pl.col("period_status") == DATED
    nothing_won = pl.col("won_deals").is_null() & is_dated
    is_empty = pl.col("open_deals").is_null()
    no_money, no_wins = pl.lit(0).cast(MONEY_SUM), pl.lit(0).cast(WINS)
    tells_new = is_dated & pl.col("funnel").is_in(
        [*spoken.tells_new_business, *([ALL] if spoken.tells_new_business else [])]
    )
    fell_back = spoken.fell_back_to | ({ALL: spoken.simplest} if spoken.simplest else {})
    return (
        joined.with_columns(
            *(
                pl.when(is_dated).then(pl.col(name).fill_null(0)).alias(name)
                for name in ("won_deals", "won_excluded_deals")
            ),
            pl.when(nothing_won).then(no_money).otherwise("won_amount").alias("won_amount"),
            pl.when(is_empty).then(no_money).otherwise("open_amount").alias("open_amount"),
            pl.when(is_empty).then(no_wins).otherwise("open_wins").alias("open_wins"),
            pl.col("open_deals", "excluded_deals", "insufficient_deals").fill_null(0),
            pl.when(tells_new).then(pl.col("new_business_deals").fill_null(no_wins)).alias("new_business_deals"),
            pl.when(tells_new).then(pl.col("new_business_amount").fill_null(no_money)).alias("new_business_amount"),
            pl.col("funnel").replace_strict(fell_back, default=None, return_dtype=pl.String).alias("fell_back_to"),
        )
        .with_columns(
            (
                pl.when(is_dated).then("won_amount").otherwise(no_money)
                + pl.col("open_amount")
                + pl.col("new_business_amount").fill_null(no_money)
            )
            .cast(MONEY_SUM)
            .alias("total_amount"),
            (
                pl.col("won_deals").fill_null(0).cast(WINS)
                + pl.col("open_wins")
                + pl.col("new_business_deals").fill_null(no_wins)
            )
            .cast(WINS)
            .alias("expected_wins"),
            (
                pl.col("fell_back_to").is_not_null()
                | (pl.col("open_deals") > 0) & (pl.col("insufficient_deals") == pl.col("open_deals"))
            ).alias("is_insufficient_history"),
        )
        .select(
            *LEVEL,
            "period_kind",
            "period_start",
            "period_end",
            "period_label",
            "period_status",
            "won_deals",
            "won_excluded_deals",
            "won_amount",
            "open_deals",
            "excluded_deals",
            "open_amount",
            "new_business_deals",
            "new_business_amount",
            "total_amount",
            "expected_wins",
            "is_insufficient_history",
            "fell_back_to",
        )
    )
