"""Runs forecast methods on what was known on one as-of date and puts them side by side.

Belongs here: which method speaks for a funnel, what each deal is expected to bring, that parts sum to the whole. Not
here: any method's arithmetic, sums by period (`periods.py`), intervals (`simulate.py`), targets and coverage
(`coverage.py`), files, the clock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from orchestration.forecasting.fallback import Spoken, spoken
from orchestration.forecasting.inputs import ALL, MONEY, MONEY_SUM, RATE, ForecastInputs
from orchestration.forecasting.method import NEW_BUSINESS, REASONS, ForecastMethod, MethodForecast
from orchestration.forecasting.periods import (
    DATED,
    LATER,
    LEVEL,
    NO_PERIOD,
    PERIOD,
    SCOPES,
    WINS,
    horizon,
    period_rows,
)
from orchestration.forecasting.quality_split import criteria_state, quality_rows
from orchestration.forecasting.registry import METHODS
from orchestration.forecasting.simulate import intervals, quantile_columns
from orchestration.forecasting.targets import targets_by_level

# p10 of two thousand draws is within a twenty-fifth of a standard deviation of what any number of draws would give.
DRAWS = 2000

DEAL_COLUMNS = (
    "deal_key",
    "funnel",
    "stage",
    "segment",
    "win_rate",
    "rate_n",
    "is_insufficient_history",
    "amount_reporting",
    "amount_basis",
    "realisation",
    "expected_amount",
    "amount_exclusion",
    "period_start",
    "period_status",
    "expected_win_on",
    "criteria_state",
    "fell_back_to",
)

PERIOD_COLUMNS = (
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
    *quantile_columns("open_"),
    "new_business_deals",
    "new_business_amount",
    "total_amount",
    *quantile_columns(),
    "expected_wins",
    "target_amount",
    "gap_amount",
    "is_insufficient_history",
    "fell_back_to",
)

# What a method must say of a deal, and what it may.
_SAID = {
    "deal_key": pl.String(),
    "win_rate": RATE,
    "rate_group": pl.String(),
    "rate_sd": pl.Float64(),
    "rate_n": pl.Int64(),
    "is_insufficient_history": pl.Boolean(),
    "expected_win_on": pl.Date(),
    "amount_exclusion": pl.String(),
}
_MAY_BE_SAID = {"amount_basis": pl.String(), "realisation": pl.Float64()}
# What a method says of when: one row per deal and month, or what else it may be in.
_CHANCES = {
    "deal_key": pl.String(),
    "period_start": pl.Date(),
    "period_status": pl.String(),
    "chance": RATE,
    "amount_if_won": MONEY,
    "expected_amount": MONEY,
}


class ForecastSumError(Exception):
    """A method's parts do not sum to its whole; the sentence names the method and both sums."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """What methods say on one as-of date. Every frame begins with business_date and method, ordered by its grain.

    deals: one row per method and open deal: deal_key, funnel, stage, segment, win_rate, rate_n,
        is_insufficient_history, amount_reporting, expected_amount (to the cent, null with amount_exclusion),
        amount_exclusion, period_start and period_status (where its chance lies; for a chance spread over months the
        month of expected_win_on), expected_win_on, amount_basis, realisation, criteria_state, fell_back_to.
    deal_periods: one row per method, open deal and fiscal month it may be won in: deal_key, funnel, period_start,
        period_status, chance, amount_if_won, expected_amount.
    periods: one row per method, funnel (`all` too), scope, scope_value, period_kind, period_start and period_status.
        Won so far (won_deals, won_excluded_deals, won_amount), open (open_deals, excluded_deals, open_amount, with
        open_p10_amount, open_p50_amount, open_p90_amount of the open deals alone), new_business_deals,
        new_business_amount; total_amount with p10_amount, p50_amount, p90_amount; expected_wins; target_amount and
        gap_amount (target - total); is_insufficient_history, fell_back_to. period_kind is month or quarter; `none` for
        what stands in no period (period_status later, overdue, undated, untimed). The running period and those up to
        the end of the second quarter after the running one have a row each, also where nothing is expected in them.
    quality: one row per method, funnel, period and criteria_state, see `quality_split.py`. The expected amounts of
        the states of a period sum to its open_amount.
    reasons: one row per method that looks at a deal's own facts, open deal and reason_rank, see `method.REASONS`.
    """

    deals: pl.DataFrame
    deal_periods: pl.DataFrame
    periods: pl.DataFrame
    quality: pl.DataFrame
    reasons: pl.DataFrame


def forecast(
    inputs: ForecastInputs,
    methods: Sequence[ForecastMethod] = METHODS,
    *,
    draws: int = DRAWS,
    scopes: Sequence[str] = SCOPES,
) -> Forecast:
    """Run the methods; rows in the order of method, then key, whatever the order of the inputs.

    Args:
        methods: any objects with a name and a forecast; a wrapped method (such as one placed by
            `periods.placed_by_close_date`) is as good as a module. Where a method has no history to go by in a
            funnel, the next simpler one of FALLBACK_CHAIN speaks for it there, from `methods` or else the registry.
        draws: simulated outcomes per method that p10, p50 and p90 are taken from.
        scopes: of SCOPES; `all` is always among them, and alone is several times faster.

    Raises:
        ForecastSumError: the chances of a deal do not sum to its rate, or the deals of a method not to its periods.
        ValueError: a scope is none of SCOPES, or there are fewer than ten draws.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is no scope; there are {', '.join(SCOPES)}")
    levels = [scope for scope in SCOPES if scope == ALL or scope in scopes]
    by_name = {method.name: method for method in (*METHODS, *methods)}
    made_by_name: dict[str, MethodForecast] = {}

    def made_by(name: str) -> MethodForecast | None:
        if name not in made_by_name and name in by_name:
            made_by_name[name] = _checked(name, by_name[name].forecast(inputs), inputs)
        return made_by_name.get(name)

    targets = targets_by_level(inputs, levels)
    parts = [_of_one(spoken(inputs, method.name, made_by), inputs, targets, draws, levels) for method in methods]
    return Forecast(*(pl.concat([getattr(part, name) for part in parts]) for name in _FRAMES))


_FRAMES = ("deals", "deal_periods", "periods", "quality", "reasons")


def _of_one(
    said: Spoken, inputs: ForecastInputs, targets: pl.DataFrame, draws: int, scopes: Collection[str]
) -> Forecast:
    deals, rows = _deals(said, inputs), period_rows(said, inputs, scopes, targets)
    refuse_unequal_sums(said.method, deals, rows)
    of_period = [*LEVEL, "period_kind", "period_start"]
    periods = (
        _with_intervals(rows, intervals(said, inputs, draws=draws, scopes=scopes))
        .join(targets.select(*of_period, "target_amount"), on=of_period, how="left", maintain_order="left")
        .with_columns((pl.col("target_amount") - pl.col("total_amount")).cast(MONEY_SUM).alias("gap_amount"))
    )
    deal_periods = (
        said.made.chances.join(inputs.open_deals.select("deal_key", "funnel"), on="deal_key", how="left")
        .select("deal_key", "funnel", pl.exclude("deal_key", "funnel"))
        .sort("deal_key", "period_start", "period_status")
    )
    stamp = [pl.lit(inputs.business_date).alias("business_date"), pl.lit(said.method).alias("method")]
    return Forecast(
        deals=deals.select(*stamp, *DEAL_COLUMNS),
        deal_periods=deal_periods.select(*stamp, pl.all()),
        periods=periods.select(*stamp, *PERIOD_COLUMNS),
        quality=quality_rows(said, inputs, rows).select(*stamp, pl.all()),
        reasons=said.made.reasons.sort("deal_key", "reason_rank").select(*stamp, *REASONS),
    )


def _deals(said: Spoken, inputs: ForecastInputs) -> pl.DataFrame:
    """What a method says of each open deal, all periods together."""
    amount = pl.col("expected_amount")
    by_deal = (
        said.made.chances.sort("deal_key", "period_start", nulls_last=True)
        .group_by("deal_key", maintain_order=True)
        .agg(
            pl.when(amount.is_not_null().any()).then(amount.cast(MONEY_SUM).sum()).cast(MONEY).alias("expected_amount"),
            pl.len().alias("periods"),
            pl.col("period_start", "period_status").first(),
        )
    )
    months = horizon(inputs).filter(pl.col("period_kind") == "month").select(month=pl.col("period_start"))
    after = inputs.business_date if months.is_empty() else horizon(inputs)["period_end"].max()
    spread = (pl.col("periods") > 1) & pl.col("expected_win_on").is_not_null()
    is_later = pl.col("expected_win_on") > after
    return (
        inputs.open_deals.drop("amount_exclusion")
        .join(said.made.deals, on="deal_key", how="left")
        .join(by_deal, on="deal_key", how="left")
        .sort("expected_win_on")
        .join_asof(months, left_on="expected_win_on", right_on="month", coalesce=False)
        .with_columns(
            pl.when(~spread).then("period_start").when(~is_later).then("month").alias("period_start"),
            pl.when(~spread)
            .then("period_status")
            .when(is_later)
            .then(pl.lit(LATER))
            .otherwise(pl.lit(DATED))
            .alias("period_status"),
            criteria_state().alias("criteria_state"),
            pl.col("funnel")
            .replace_strict(said.fell_back_to, default=None, return_dtype=pl.String)
            .alias("fell_back_to"),
        )
        .sort("deal_key")
    )


def _with_intervals(rows: pl.DataFrame, quantiles: pl.DataFrame) -> pl.DataFrame:
    """Adds what is won so far to what is still to come. Where a total is not known, nor is its interval."""
    won = pl.when(pl.col("period_status") == DATED).then("won_amount").otherwise(pl.lit(0).cast(MONEY_SUM))

    def known(column: str, base: pl.Expr, whole: str) -> pl.Expr:
        to_come = pl.col(column).fill_null(pl.lit(0).cast(MONEY_SUM))
        return pl.when(pl.col(whole).is_not_null()).then(base + to_come).cast(MONEY_SUM).alias(column)

    nothing = pl.lit(0).cast(MONEY_SUM)
    return rows.join(quantiles, on=[*LEVEL, *PERIOD], how="left", nulls_equal=True, maintain_order="left").with_columns(
        *(known(column, nothing, "open_amount") for column in quantile_columns("open_")),
        *(known(column, won, "total_amount") for column in quantile_columns()),
    )


def _checked(method: str, made: MethodForecast, inputs: ForecastInputs) -> MethodForecast:
    """What a method returned, in the columns that all have.

    Raises:
        ForecastSumError: not every open deal has its one row and its chances, in periods that are told apart, or the
            chances of a deal do not sum to its rate.
    """
    missing = [pl.lit(None, kind).alias(name) for name, kind in _MAY_BE_SAID.items() if name not in made.deals.columns]
    deals = made.deals.with_columns(*missing).select(
        pl.col(name).cast(kind) for name, kind in (_SAID | _MAY_BE_SAID).items()
    )
    chances = made.chances.select(pl.col(name).cast(kind) for name, kind in _CHANCES.items())
    keys = inputs.open_deals.select("deal_key")
    if deals["deal_key"].is_duplicated().any() or not deals["deal_key"].sort().equals(keys["deal_key"].sort()):
        raise ForecastSumError(
            f"{method}: {deals.height} deals have a row and {keys.height} are open; the method is wrong"
        )
    summed = chances.group_by("deal_key").agg(
        pl.when(pl.col("chance").is_not_null().all()).then(pl.col("chance").cast(WINS).sum()).alias("chances")
    )
    unequal = deals.join(summed, on="deal_key", how="full", coalesce=True).filter(
        pl.col("win_rate").cast(WINS).ne_missing(pl.col("chances"))
    )
    if (
        unequal.height
        or chances.select("deal_key").join(keys, on="deal_key", how="anti").height
        or chances["deal_key"].n_unique() != keys.height
    ):
        first = unequal.sort("deal_key").row(0, named=True) if unequal.height else {}
        raise ForecastSumError(
            f"{method}: the chances of {unequal.height} deals do not sum to their rates, first {first.get('deal_key')}:"
            f" {first.get('chances')} and not {first.get('win_rate')}; the method is wrong"
        )
    new_business = made.new_business.select(pl.col(name).cast(kind) for name, kind in NEW_BUSINESS.items())
    reasons = made.reasons.select(pl.col(name).cast(kind) for name, kind in REASONS.items())
    return MethodForecast(deals, chances, new_business, made.has_timing, reasons)


def refuse_unequal_sums(method: str, deals: pl.DataFrame, rows: pl.DataFrame) -> None:
    """Parts sum to their whole, to the cent: deals to periods, periods to quarters, levels and funnels upwards.

    Args:
        deals: one row per open deal with funnel and expected_amount. rows: as `periods.period_rows` gives them.

    Raises:
        ForecastSumError: they do not.
    """
    whole = deals.group_by("funnel").agg(pl.col("expected_amount").cast(MONEY_SUM).sum())
    every = pl.concat([whole, whole.select(pl.lit(ALL).alias("funnel"), pl.col("expected_amount").sum())])
    for kind in ("month", "quarter"):
        parts = (
            rows.filter(pl.col("scope") == ALL, pl.col("period_kind").is_in([kind, NO_PERIOD]))
            .group_by("funnel")
            .agg(pl.col("open_amount").sum())
        )
        _refuse(
            (method, "its deals", f"its rows by {kind}"), every, parts, ["funnel"], ("expected_amount", "open_amount")
        )
    by_scope = rows.partition_by("scope", as_dict=True)
    whole = by_scope.pop((ALL,))
    for (scope,), of_scope in sorted(by_scope.items()):
        for column in _PARTS:
            key = ["funnel", *PERIOD]
            parts = of_scope.group_by(key).agg(pl.col(column).sum())
            _refuse((method, "the whole", f"its parts by {scope}"), whole, parts, key, (column, column))
    for column in _PARTS:
        key = ["scope", "scope_value", *PERIOD]
        parts = rows.filter(pl.col("funnel") != ALL).group_by(key).agg(pl.col(column).sum())
        whole = rows.filter(pl.col("funnel") == ALL)
        _refuse((method, "all funnels", "their parts"), whole, parts, key, (column, column))


_PARTS = ("open_amount", "won_amount", "new_business_amount")


def _refuse(
    names: tuple[str, str, str],
    whole: pl.DataFrame,
    parts: pl.DataFrame,
    key: list[str],
    columns: tuple[str, str],
) -> None:
    method, whole_name, parts_name = names
    of_whole = whole.select(*key, pl.col(columns[0]).cast(MONEY_SUM).alias("whole"))
    of_parts = parts.select(*key, pl.col(columns[1]).cast(MONEY_SUM).alias("parts"))
    nothing = pl.lit(0).cast(MONEY_SUM)
    unequal = of_whole.join(of_parts, on=key, how="full", coalesce=True, nulls_equal=True).filter(
        pl.col("whole").fill_null(nothing) != pl.col("parts").fill_null(nothing)
    )
    if unequal.height:
        *at, whole_sum, parts_sum = unequal.sort(key).row(0)
        raise ForecastSumError(
            f"{method}: {whole_name} sum to {whole_sum}, {parts_name} to {parts_sum}, in {unequal.height} places, first"
            f" {', '.join(str(value) for value in at)}; the method is wrong"
        )
