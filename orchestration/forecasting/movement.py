"""What moved a pipeline and its forecast between two nights: one bucket per deal, exact to the cent.

Belongs here: the history of positions, the comparison of two nights, its sums. Not here: what a deal is worth, files,
which nights were published. A night's position of a deal is what was known then; nothing of it is worked out later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from orchestration.forecasting.inputs import ALL, MONEY, MONEY_SUM

# The method whose expected amounts are followed: the one that the summary of a night begins with.
METHOD = "weighted_stage"

# By priority: a deal is in the first that fits it.
BUCKETS = (
    "won",
    "lost",
    "nurtured",
    "created",
    "reopened",
    "deleted",
    "pulled_in",
    "pushed_out",
    "amount_raised",
    "amount_lowered",
    "category",
    "probability",
    "rates",
    "definition",
    "model",
    "unchanged",
)
PERIOD_KINDS = (ALL, "month", "quarter")

# What is known of a deal on a night. `state` is open, closed or departed.
FACTS = {
    "state": pl.String(),
    "outcome": pl.String(),
    "crm_funnel_name": pl.String(),
    "crm_stage_name": pl.String(),
    "funnel": pl.String(),
    "stage": pl.String(),
    "segment": pl.String(),
    "created_at": pl.Datetime("us"),
    "closed_at": pl.Datetime("us"),
    "has_reopened": pl.Boolean(),
    "amount": MONEY,
    "currency": pl.String(),
    "fx_rate": pl.Decimal(18, 8),
    "amount_reporting": MONEY,
    "amount_exclusion": pl.String(),
    "reporting_currency": pl.String(),
    "expected_close_date": pl.Date(),
    "month_start": pl.Date(),
    "quarter_start": pl.Date(),
    "forecast_category": pl.String(),
    "probability": pl.Float64(),
}
POSITIONS = {"business_date": pl.Date(), "deal_key": pl.String(), **FACTS}
EXPECTED = {"business_date": pl.Date(), "deal_key": pl.String(), "expected_amount": MONEY}


@dataclass(frozen=True, eq=False)
class NightState:
    """What a comparison needs of one night: its date, its end, what made it, and what its deals were expected to bring.

    `expected` has deal_key and expected_amount of its open deals.
    """

    business_date: date
    as_of_at: datetime
    config_hash: str
    expected: pl.DataFrame


@dataclass(frozen=True, eq=False)
class Movement:
    """deals: one row per pair of nights and deal. sums: one per pair, funnel, period and bucket."""

    deals: pl.DataFrame
    sums: pl.DataFrame


def no_positions() -> pl.DataFrame:
    return pl.DataFrame(schema=POSITIONS)


def changed_positions(
    tonight: pl.DataFrame, known: pl.DataFrame, business_date: date, previous_as_of: datetime | None
) -> pl.DataFrame:
    """The positions that tonight adds to those known: of deals that are new, stand elsewhere, or are gone.

    Deals that were closed before the first night was ever kept are history, and no night compares them. `tonight` is
    the mart pipeline_positions, `known` all positions of the nights before.
    """
    latest = at(known, business_date)
    deals = tonight.with_columns(
        pl.when("is_open").then(pl.lit("open")).otherwise(pl.lit("closed")).alias("state")
    ).select("deal_key", *(pl.col(name).cast(kind) for name, kind in FACTS.items()))
    closed_since = pl.col("closed_at") >= previous_as_of if previous_as_of else pl.lit(False)
    followed = deals.join(latest.select("deal_key", pl.lit(True).alias("is_known")), on="deal_key", how="left").filter(
        (pl.col("state") == "open") | pl.col("is_known").is_not_null() | closed_since.fill_null(False)
    )
    before = latest.select("deal_key", *(pl.col(name).alias(f"{name}_before") for name in FACTS))
    both = followed.join(before, on="deal_key", how="left")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in FACTS)
    moved = both.filter(differs).select("deal_key", *FACTS)
    gone = (
        latest.filter(pl.col("state") != "departed")
        .join(deals, on="deal_key", how="anti")
        .with_columns(pl.lit("departed").alias("state"))
        .select("deal_key", *FACTS)
    )
    return (
        pl.concat([moved, gone])
        .select(pl.lit(business_date).alias("business_date"), pl.all())
        .match_to_schema(pl.Schema(POSITIONS))
        .sort("deal_key")
    )


def at(positions: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """The position of every deal as a night knew it."""
    return (
        positions.filter(pl.col("business_date") <= business_date)
        .sort("business_date")
        .unique("deal_key", keep="last", maintain_order=True)
    )


def history(positions: pl.DataFrame) -> pl.DataFrame:
    """The served table deal_positions: each position with the first night that knew it and the first that did not."""
    return (
        positions.sort("deal_key", "business_date")
        .with_columns(pl.col("business_date").shift(-1).over("deal_key").alias("valid_to"))
        .select("deal_key", pl.col("business_date").alias("valid_from"), "valid_to", *FACTS)
    )


def default_pairs(
    nights: Sequence[date], business_date: date, starts: Sequence[tuple[str, date]]
) -> Iterator[tuple[str, date]]:
    """The openings that tonight is compared with: the last night, a week ago, and before the running periods began.

    `nights` are those that can be compared with, `starts` names and first days of the running periods. A night that was
    not published is stood for by the last one before it; where there is none, there is no row rather than a wrong one.
    """
    latest_of = [
        ("last_night", business_date - timedelta(days=1)),
        ("week", business_date - timedelta(days=7)),
        *((name, start - timedelta(days=1)) for name, start in starts),
    ]
    for name, day in latest_of:
        known = [night for night in nights if night <= day]
        if known:
            yield name, max(known)


def movement(positions: pl.DataFrame, opening: NightState, closing: NightState, span: str) -> Movement:
    """Compare two nights. `span` names the pair, such as `week`."""
    deals = _compared(positions, opening, closing, span)
    return Movement(deals=deals, sums=_sums(deals))


def _compared(positions: pl.DataFrame, opening: NightState, closing: NightState, span: str) -> pl.DataFrame:
    before, after = (
        at(positions, night.business_date)
        .join(night.expected.select("deal_key", "expected_amount"), on="deal_key", how="left")
        .select("deal_key", *(pl.col(name).alias(f"{name}_{side}") for name in (*FACTS, "expected_amount")))
        for night, side in ((opening, "o"), (closing, "c"))
    )
    both = before.join(after, on="deal_key", how="full", coalesce=True).with_columns(
        (pl.col("state_o") == "open").fill_null(False).alias("in_o"),
        (pl.col("state_c") == "open").fill_null(False).alias("in_c"),
        _same("crm_funnel_name", "crm_stage_name").alias("stands_where_it_stood"),
    )
    closed_since = (pl.col("state_c") == "closed") & (
        pl.col("state_o").is_null() | pl.col("outcome_o").ne_missing(pl.col("outcome_c"))
    )
    counted = both.filter(pl.col("in_o") | pl.col("in_c") | closed_since).with_columns(
        _bucket(opening, closing, kind).alias(f"{kind}_bucket") for kind in PERIOD_KINDS
    )
    amounts = [
        pl.when(f"in_{side}").then(pl.col(f"{name}_{side}")).alias(f"{night}_{column}")
        for night, side in (("opening", "o"), ("closing", "c"))
        for name, column in (("amount_reporting", "amount"), ("expected_amount", "expected_amount"))
    ]
    return (
        counted.join(_pushes(positions, opening.business_date, closing.business_date), on="deal_key", how="left")
        .select(
            pl.lit(span).alias("span"),
            pl.lit(opening.business_date).alias("opening_night"),
            pl.lit(closing.business_date).alias("closing_night"),
            "deal_key",
            pl.col("all_bucket").alias("bucket"),
            "month_bucket",
            "quarter_bucket",
            pl.col("in_o").alias("is_in_opening"),
            pl.col("in_c").alias("is_in_closing"),
            *_sides("funnel", "stage", "expected_close_date", "month_start", "quarter_start"),
            *_sides("reporting_currency"),
            *amounts,
            pl.when(pl.col("state_c") == "closed").then("amount_reporting_c").alias("closed_amount"),
            pl.col("pushes", "pull_ins", "month_slips", "quarter_slips").fill_null(0),
        )
        .sort("deal_key")
    )


def _bucket(opening: NightState, closing: NightState, kind: str) -> pl.Expr:
    """The first bucket that fits, for periods of a kind; within all periods together no date moves a deal."""
    known_o, in_o, in_c = pl.col("state_o").is_not_null(), pl.col("in_o"), pl.col("in_c")
    is_closed = pl.col("state_c") == "closed"
    # A deal that stands in the CRM where it stood was not won, lost or brought back: what its stage means has changed.
    redefined = known_o & (pl.col("state_o") != "departed") & pl.col("stands_where_it_stood")
    outcome = (
        pl.when(pl.col("outcome_c") == "won")
        .then(pl.lit("won"))
        .when(pl.col("outcome_c") == "nurtured")
        .then(pl.lit("nurtured"))
        .otherwise(pl.lit("lost"))
    )
    # A deal that no night knew, created before the opening: it came back, or it was told late.
    came_back = known_o | (pl.col("has_reopened_c") & (pl.col("created_at_c") < opening.as_of_at).fill_null(True))
    close_o, close_c = pl.col("expected_close_date_o"), pl.col("expected_close_date_c")
    is_elsewhere = ~_same(f"{kind}_start") if kind != ALL else pl.lit(False)
    moves = is_elsewhere & ~_same("expected_close_date")
    # The same day belongs to another period: the fiscal calendar was changed.
    redated = is_elsewhere & _same("expected_close_date")
    is_pull = pl.when(close_o.is_null()).then(True).when(close_c.is_null()).then(False).otherwise(close_c < close_o)
    amount_o, amount_c = (
        pl.when(_same("currency")).then(pl.col(f"amount_{side}")).otherwise(pl.col(f"amount_reporting_{side}"))
        for side in ("o", "c")
    )
    is_raise = amount_c.fill_null(0) > amount_o.fill_null(0)
    definitions = ["funnel", "stage", "reporting_currency"]
    # A stage that was renamed in the CRM alone has not moved the deal.
    own = _same("probability") & (pl.col("stands_where_it_stood") | _same("funnel", "stage"))
    # A segment moves with the deal's own facts too; only where the standards changed is it they that moved it.
    if opening.config_hash != closing.config_hash:
        definitions.append("segment")
    else:
        own = own & _same("segment")
    return (
        pl.when(in_o & is_closed & redefined | in_c & ~in_o & redefined)
        .then(pl.lit("definition"))
        .when(is_closed)
        .then(outcome)
        .when(in_c & ~in_o & came_back)
        .then(pl.lit("reopened"))
        .when(in_c & ~in_o)
        .then(pl.lit("created"))
        .when(in_o & ~in_c)
        .then(pl.lit("deleted"))
        .when(moves)
        .then(pl.when(is_pull).then(pl.lit("pulled_in")).otherwise(pl.lit("pushed_out")))
        .when(~_same("amount", "currency"))
        .then(pl.when(is_raise).then(pl.lit("amount_raised")).otherwise(pl.lit("amount_lowered")))
        .when(~_same("forecast_category"))
        .then(pl.lit("category"))
        .when(~own)
        .then(pl.lit("probability"))
        .when(pl.col("amount_c").is_not_null() & ~_same("fx_rate") & _same("reporting_currency"))
        .then(pl.lit("rates"))
        .when(~_same(*definitions) | redated)
        .then(pl.lit("definition"))
        .when(~_same("expected_amount", "amount_reporting"))
        .then(pl.lit("model"))
        .otherwise(pl.lit("unchanged"))
    )


def _pushes(positions: pl.DataFrame, opening: date, closing: date) -> pl.DataFrame:
    """How often the nights between saw the close date of an open deal move: later, earlier, across a period's end."""
    is_between = (pl.col("business_date") > opening) & (pl.col("business_date") <= closing)
    changed = positions.filter(is_between).select("deal_key").unique()
    # Rows of a deal follow each other, so the row before is its position before or another deal's.
    was_open = (
        (pl.col("deal_key") == pl.col("deal_key").shift(1))
        & (pl.col("state").shift(1) == "open")
        & (pl.col("state") == "open")
    )
    close, before = pl.col("expected_close_date"), pl.col("expected_close_date").shift(1)
    is_push = was_open & (close > before)
    slips = [
        (is_push & (pl.col(f"{kind}_start") > pl.col(f"{kind}_start").shift(1))).alias(f"{kind}_slips")
        for kind in ("month", "quarter")
    ]
    seen = (
        positions.join(changed, on="deal_key", how="semi")
        .sort("deal_key", "business_date")
        .with_columns(is_push.alias("pushes"), (was_open & (close < before)).alias("pull_ins"), *slips)
        .filter(is_between)
    )
    return seen.group_by("deal_key").agg(
        pl.col("pushes", "pull_ins", "month_slips", "quarter_slips").fill_null(False).sum().cast(pl.Int64)
    )


def _sums(deals: pl.DataFrame) -> pl.DataFrame:
    """One row per pair, funnel (`all` too), period kind, period and bucket.

    A deal that changed its period or funnel counts in both: it leaves the one, and enters the other.
    """
    # Deals that moved alike are summed once; what follows works on some hundred rows, not on every deal six times.
    alike = deals.group_by(_ALIKE).agg(
        pl.len().cast(pl.Int64).alias("deals"),
        *(
            (pl.col(f"is_in_{night}") & pl.col(f"{night}_amount").is_null())
            .sum()
            .cast(pl.Int64)
            .alias(f"{night}_excluded_deals")
            for night in ("opening", "closing")
        ),
        pl.col("pushes", "month_slips", "quarter_slips", "pull_ins").sum(),
        pl.col(*_MONEYS).cast(MONEY_SUM).sum(),
    )
    parts = [
        _placed(alike, kind, is_all=is_all, night=night)
        for kind in PERIOD_KINDS
        for is_all in (True, False)
        for night in ("opening", "closing")
    ]
    rank = pl.col("bucket").replace_strict(list(BUCKETS), list(range(1, len(BUCKETS) + 1)), return_dtype=pl.Int64)
    return (
        pl.concat(parts)
        .group_by("span", "opening_night", "closing_night", "funnel", "period_kind", "period_start", "bucket")
        .agg(pl.col(*_COUNTS, *_MONEYS).sum())
        .select(
            "span",
            "opening_night",
            "closing_night",
            "funnel",
            "period_kind",
            "period_start",
            "bucket",
            rank.alias("bucket_rank"),
            "deals",
            "opening_amount",
            (pl.col("closing_amount") - pl.col("opening_amount")).alias("change_amount"),
            "closing_amount",
            "opening_expected_amount",
            (pl.col("closing_expected_amount") - pl.col("opening_expected_amount")).alias("change_expected_amount"),
            "closing_expected_amount",
            "opening_excluded_deals",
            "closing_excluded_deals",
            "pushes",
            "slips",
            "pull_ins",
        )
        .sort("span", "funnel", "period_kind", "period_start", "bucket_rank")
    )


_ALIKE = (
    "span",
    "opening_night",
    "closing_night",
    "bucket",
    "month_bucket",
    "quarter_bucket",
    "is_in_opening",
    "is_in_closing",
    *(f"{night}_{name}" for name in ("funnel", "month_start", "quarter_start") for night in ("opening", "closing")),
)
_MONEYS = ("opening_amount", "closing_amount", "opening_expected_amount", "closing_expected_amount")
_EXCLUDED = ("opening_excluded_deals", "closing_excluded_deals")
_COUNTS = ("deals", *_EXCLUDED, "pushes", "slips", "pull_ins")


def _placed(alike: pl.DataFrame, kind: str, *, is_all: bool, night: str) -> pl.DataFrame:
    """What one night of a pair adds to the sums: each of its deals in the funnel and period where it stood then.

    A deal that no night saw open, won or lost between the two, is placed where it closed. What happened to a deal is
    counted where it stood at the opening, or where it first stands.
    """
    is_opening = night == "opening"
    here = pl.col("is_in_opening") if is_opening else pl.col("is_in_closing") | ~pl.col("is_in_opening")
    funnel = {side: pl.lit(ALL) if is_all else pl.col(f"{side}_funnel") for side in ("opening", "closing")}
    start = {
        side: pl.lit(None, pl.Date) if kind == ALL else pl.col(f"{side}_{kind}_start")
        for side in ("opening", "closing")
    }
    stays = funnel["opening"].eq_missing(funnel["closing"]) & start["opening"].eq_missing(start["closing"])
    is_counted_before = pl.lit(False) if is_opening else pl.col("is_in_opening")
    nothing = pl.lit(0, pl.Int64)
    return alike.filter(here).select(
        "span",
        "opening_night",
        "closing_night",
        funnel[night].alias("funnel"),
        pl.lit(kind).alias("period_kind"),
        start[night].alias("period_start"),
        pl.col("bucket" if kind == ALL else f"{kind}_bucket").alias("bucket"),
        pl.when(is_counted_before & stays).then(0).otherwise("deals").alias("deals"),
        *(
            pl.when(is_counted_before).then(0).otherwise(count).cast(pl.Int64).alias(name)
            for name, count in (
                ("pushes", pl.col("pushes")),
                ("slips", nothing if kind == ALL else pl.col(f"{kind}_slips")),
                ("pull_ins", pl.col("pull_ins")),
            )
        ),
        *((pl.col(name) if name.startswith(night) else nothing).alias(name) for name in _EXCLUDED),
        *((pl.col(name) if name.startswith(night) else pl.lit(0, MONEY_SUM)).alias(name) for name in _MONEYS),
    )


def _same(*names: str) -> pl.Expr:
    return pl.all_horizontal(pl.col(f"{name}_o").eq_missing(pl.col(f"{name}_c")) for name in names)


def _sides(*names: str) -> list[pl.Expr]:
    return [
        pl.col(f"{name}_{side}").alias(f"{night}_{name}")
        for name in names
        for night, side in (("opening", "o"), ("closing", "c"))
    ]
