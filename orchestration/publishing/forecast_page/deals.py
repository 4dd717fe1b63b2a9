"""Every open deal with what is expected of it: chance, when, how much, and why.

Belongs here: choosing, joining and ordering rows; pure. Not here: the chances, which the served tables hold.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from orchestration.publishing.forecast_page.content import Period
from orchestration.publishing.forecast_page.periods import DATED
from orchestration.publishing.forecast_reasons import points_text, reason_text
from orchestration.publishing.leading import in_order
from orchestration.publishing.review.names import Names

# The largest expectations are listed; more would make a page that no browser is glad of. The served tables hold all.
DEALS_LISTED = 20_000
CHANCE_PLACES = 4
_MONEY = pl.Decimal(38, 2)


def expected(
    deals: pl.DataFrame,
    chances: pl.DataFrame,
    known: pl.DataFrame,
    *,
    method: int,
    funnel_view: Mapping[str | None, int],
    months: Sequence[Period],
    shown: Sequence[Period | None],
) -> pl.DataFrame:
    """Rows of `Tables.expected` with deal_key, funnel and stage_key in the stead of places, for one method.

    deals, chances: forecast_deal and forecast_deal_period of the method, of the funnels that are to be listed. known:
    deals_current. method: its place. funnel_view: the view of each funnel. months: those told apart. shown: the running
    and the next quarter.
    """
    start, chance, amount = pl.col("period_start"), pl.col("chance"), pl.col("expected_amount")
    in_month = [start == month.start for month in months]
    in_none = ~pl.any_horizontal(in_month).fill_null(value=False) if in_month else pl.lit(value=True)
    in_quarter = [start.is_between(quarter.start, quarter.end) if quarter else pl.lit(value=False) for quarter in shown]

    def summed(value: pl.Expr, where: pl.Expr) -> pl.Expr:
        """Nothing where the deal has no chance there, null where it has one and it is not known."""
        found = value.filter(where.fill_null(value=False))
        return pl.when((found.len() == 0) | (found.count() > 0)).then(found.sum())

    places = [*enumerate(in_month), ("rest", in_none)]
    by_deal = chances.group_by("deal_key").agg(
        *(summed(chance, where).round(CHANCE_PLACES).alias(f"chance_{place}") for place, where in places),
        *(summed(amount, where).cast(_MONEY).alias(f"amount_{place}") for place, where in places),
        *(
            summed(chance, where).round(CHANCE_PLACES).alias(f"{term}_chance")
            for term, where in zip(("running", "next"), in_quarter, strict=True)
        ),
        running_amount=summed(amount, in_quarter[0]).cast(_MONEY),
    )
    gap = (pl.col("expected_win_on") - pl.col("expected_close_date")).dt.total_days()
    return (
        deals.join(by_deal, on="deal_key", how="left")
        .join(
            known.select("deal_key", "owner_name", "team", "expected_close_date"),
            on="deal_key",
            how="left",
        )
        .sort(pl.col("expected_amount").is_null(), -pl.col("expected_amount"), "deal_key")
        .head(DEALS_LISTED)
        .select(
            "deal_key",
            "funnel",
            "stage",
            method=pl.lit(method, pl.Int64),
            funnel_view=pl.col("funnel").replace_strict(
                list(funnel_view), list(funnel_view.values()), default=0, return_dtype=pl.Int64
            ),
            owner="owner_name",
            team="team",
            win_rate=pl.col("win_rate").round(CHANCE_PLACES),
            running_chance="running_chance",
            next_chance="next_chance",
            expected_amount=pl.col("expected_amount"),
            running_amount="running_amount",
            expected_win_on="expected_win_on",
            close_gap_days=gap,
            place=_place([month.start for month in months], shown),
            criteria_state="criteria_state",
            amount_exclusion="amount_exclusion",
            amount_basis="amount_basis",
            realisation=pl.col("realisation").round(CHANCE_PLACES),
            rate_n="rate_n",
            is_insufficient_history=pl.col("is_insufficient_history").fill_null(value=False),
            fell_back_to="fell_back_to",
            **{f"{kind}_{place}": f"{kind}_{place}" for kind in ("chance", "amount") for place, _ in places},
        )
    )


def _place(months: Sequence[date], shown: Sequence[Period | None]) -> pl.Expr:
    """The label of the quarter in which the deal is expected, `after` for later ones, else why it is in none."""
    start = pl.col("period_start")
    labels = [
        pl.when(start.is_between(quarter.start, quarter.end)).then(pl.lit(quarter.label))
        for quarter in shown
        if quarter
    ]
    is_dated = (pl.col("period_status") == DATED) & start.is_not_null()
    return pl.coalesce(*labels, pl.when(is_dated).then(pl.lit("later")), pl.col("period_status"))


def listed(expected_rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """`Tables.deals` with deal_key, of every deal that has a row, also one that has left the CRM."""
    key = pl.col("deal_key").str.splitn(":", 2)
    return (
        expected_rows.select("deal_key")
        .unique()
        .sort("deal_key")
        .join(
            known.select(
                "deal_key",
                "crm",
                "deal_id",
                "deal_name",
                amount="amount_reporting",
                close_date="expected_close_date",
            ),
            on="deal_key",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            crm=pl.coalesce("crm", key.struct.field("field_0")),
            deal_id=pl.coalesce("deal_id", key.struct.field("field_1"), "deal_key"),
        )
        .select(
            "deal_key",
            deal_name=pl.when(pl.col("deal_name").str.strip_chars() != "").then("deal_name").otherwise("deal_id"),
            deal_id="deal_id",
            crm="crm",
            amount="amount",
            close_date="close_date",
        )
    )


def stages(expected_rows: pl.DataFrame, names: Names) -> pl.DataFrame:
    """`Tables.stages` with funnel and stage."""
    keys = names.in_order(set(expected_rows.select("funnel", "stage").drop_nulls("stage").iter_rows()))
    words = [(key, names.funnel(key[0]), names.stage(*key)) for key in keys]
    return pl.DataFrame(
        [(*key, of.en, of.zh, name.en, name.zh) for key, of, name in words],
        schema=dict.fromkeys(("funnel", "stage", "funnel_en", "funnel_zh", "name_en", "name_zh"), pl.String),
        orient="row",
    )


def reasons(expected_rows: pl.DataFrame, methods: Sequence[str], told: pl.DataFrame) -> pl.DataFrame:
    """`Tables.reasons`: of the method that the row is of, else of the richest one that tells any of the deal.

    expected_rows: in their order, with deal_key. methods: names of their methods by place. told: forecast_reasons.
    """
    tellers = in_order(told["method"].unique())
    rank = pl.col("teller").replace_strict(tellers, list(range(len(tellers))), return_dtype=pl.Int64)
    found = (
        expected_rows.select(
            "deal_key",
            pl.col("method").replace_strict(list(range(len(methods))), list(methods), return_dtype=pl.String),
        )
        .with_row_index("expected")
        .join(told.rename({"method": "teller"}), on="deal_key", how="inner")
        .with_columns(preference=pl.when(pl.col("teller") == pl.col("method")).then(len(tellers)).otherwise(rank))
        .filter(pl.col("preference") == pl.col("preference").max().over("expected"))
        .sort("expected", "reason_rank")
    )
    words = [
        (reason_text(fact, level, value, usual), points_text(points))
        for fact, level, value, usual, points in found.select(
            "fact", "level", "value", "usual_value", "win_rate_points"
        ).iter_rows()
    ]
    return pl.DataFrame(
        {
            "expected": found["expected"].cast(pl.Int64),
            "teller": found["teller"],
            "wording_en": pl.Series([text.en for text, _ in words], dtype=pl.String),
            "wording_zh": pl.Series([text.zh for text, _ in words], dtype=pl.String),
            "points_en": pl.Series([points.en for _, points in words], dtype=pl.String),
            "points_zh": pl.Series([points.zh for _, points in words], dtype=pl.String),
            "raises": found["win_rate_points"] > 0,
        }
    )
