"""Puts rows of a world into the columns of the neutral layout: identifiers, wording, money and instants as text.

Pure, one function for each object; the rows are chosen by `extracts`, and each function is given few enough of
them at a time that a million deals need little memory.
"""

import polars as pl

from orchestration.demo import company
from orchestration.demo.calendar import OFFSET_SECONDS
from orchestration.demo.log import DAY, NO, WORDS, YES
from orchestration.demo.world import World


def _id(prefix: str, number: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(f"{prefix}-"), (number + 1).cast(pl.String).str.zfill(8))


def _instant(name: str) -> pl.Expr:
    """Local time without its offset, which the writer adds."""
    return pl.col(name).dt.replace_time_zone(None) + pl.duration(seconds=OFFSET_SECONDS)


def _money(name: str) -> pl.Expr:
    cents = pl.col(name)
    return pl.concat_str(cents // 100, pl.lit("."), (cents % 100).cast(pl.String).str.zfill(2))


def _in_language(codes: str, wordings: tuple[tuple[str, str], ...]) -> pl.Expr:
    """One of (English, Chinese) wordings by code; a negative code is null."""
    code = pl.col(codes).cast(pl.Int64)
    return (
        pl.when(code < 0)
        .then(None)
        .when(pl.col("is_chinese"))
        .then(code.replace_strict(dict(enumerate(chinese for _, chinese in wordings)), default=None))
        .otherwise(code.replace_strict(dict(enumerate(english for english, _ in wordings)), default=None))
    )


def _with_deal(world: World, rows: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Rows with columns of their deal, whose row number is the deal's number."""
    return rows.with_columns(world.deals[name].gather(rows["deal"]) for name in columns)


DEAL_ID = _id("D", pl.col("deal")).alias("deal_id")
ACCOUNT_ID = _id("C", pl.col("account")).alias("account_id")


def _owner_id(name: str = "owner") -> pl.Expr:
    # Managers stand before owners in the list of users.
    return pl.concat_str(pl.lit("U-"), (pl.col(name) + len(company.TEAMS) + 1).cast(pl.String).str.zfill(4))


def deals(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows`: for each deal its last change known."""
    each = _with_deal(
        world, rows, "account", "owner", "created_at", "currency", "lead_source", "deal_type", "product", "is_chinese"
    )
    stage = pl.col("stage").to_physical().cast(pl.Int64)
    each = each.with_columns(
        world.accounts["account_name"].gather(each["account"]),
        stage.alias("stage_number"),
        pl.when(pl.col("next_step") < 0).then(-1).otherwise(stage * 2 + pl.col("next_step")).alias("next_step"),
    )
    is_terminal = pl.col("stage_number") >= company.OPEN_STAGES
    product = _in_language("product", company.PRODUCTS)
    return each.select(
        DEAL_ID,
        pl.concat_str("account_name", pl.lit(" · "), product).alias("deal_name"),
        pl.lit(company.FUNNEL).alias("funnel"),
        "stage",
        _money("amount").alias("amount"),
        "currency",
        _owner_id().alias("owner_id"),
        ACCOUNT_ID,
        _instant("created_at").alias("created_at"),
        _instant("entered_at").alias("stage_entered_at"),
        pl.col("close_on").alias("expected_close_date"),
        pl.when(is_terminal).then(_instant("entered_at")).alias("closed_at"),
        _in_language("lost_reason", company.LOST_REASONS).alias("lost_reason"),
        "lead_source",
        "deal_type",
        product.alias("product"),
        _in_language("next_step", tuple(wording for stage in company.NEXT_STEPS for wording in stage)).alias(
            "next_step"
        ),
        pl.col("stage_number")
        .replace_strict(dict(enumerate(company.CRM_PROBABILITIES)), return_dtype=pl.String)
        .alias("probability"),
        "forecast_category",
        _instant("changed_at").alias("modified_at"),
        (pl.col("kind") == "deleted").alias("is_deleted"),
    )


def stage_changes(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    each = _with_deal(world, rows, "owner")
    return each.select(
        _id("H", pl.col("change")).alias("change_id"),
        DEAL_ID,
        "stage",
        _instant("changed_at").alias("changed_at"),
        _owner_id().alias("changed_by"),
        _money("amount").alias("amount"),
        pl.col("close_on").alias("expected_close_date"),
    )


def field_changes(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    """Amount and close date before and after, for changes that changed them."""
    before = rows["previous"]
    each = rows.with_columns(
        world.changes["amount"].gather(before).alias("amount_before"),
        world.changes["close_on"].gather(before).alias("close_before"),
    )
    at = _instant("changed_at").alias("changed_at")
    amounts = each.filter(pl.col("amount").ne_missing(pl.col("amount_before"))).select(
        DEAL_ID,
        pl.lit("amount").alias("field"),
        _money("amount_before").alias("old_value"),
        _money("amount").alias("new_value"),
        at,
    )
    close_dates = each.filter(pl.col("close_on") != pl.col("close_before")).select(
        DEAL_ID,
        pl.lit("expected_close_date").alias("field"),
        pl.col("close_before").cast(pl.String).alias("old_value"),
        pl.col("close_on").cast(pl.String).alias("new_value"),
        at,
    )
    return pl.concat([amounts, close_dates]).sort("changed_at", "deal_id", "field")


def activities(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    each = _with_deal(world, rows, "account", "owner", "is_chinese")
    each = each.with_columns(pl.col("activity_type").to_physical().alias("subject"))
    return each.select(
        _id("A", pl.col("activity")).alias("activity_id"),
        DEAL_ID,
        ACCOUNT_ID,
        "activity_type",
        _instant("occurred_at").alias("occurred_at"),
        "minutes",
        "direction",
        "status",
        "customer_present",
        "contact_role",
        _owner_id().alias("owner_id"),
        _in_language("subject", company.SUBJECTS).alias("subject"),
    )


def evidence(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    each = _with_deal(world, rows, "is_chinese")
    key = pl.col("evidence_key").cast(pl.String)
    words = (
        pl.when("is_chinese")
        .then(key.replace_strict({name: chinese for name, (_, chinese) in company.CONFIRMATIONS.items()}, default=None))
        .otherwise(key.replace_strict({name: text for name, (text, _) in company.CONFIRMATIONS.items()}, default=None))
    )
    answer = pl.col("answer")
    return each.select(
        DEAL_ID,
        "evidence_key",
        _instant("observed_at").alias("observed_at"),
        "number",
        pl.when(answer == YES)
        .then(pl.lit("yes"))
        .when(answer == NO)
        .then(pl.lit("no"))
        .when(answer == WORDS)
        .then(words)
        .when(answer == DAY)
        .then(pl.col("day").cast(pl.String))
        .alias("text"),
        "kind",
        _id("E", pl.col("fact")).alias("source_id"),
    )


def contact_roles(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    """A contact is one person of a customer; who plays a role plays it in all deals of that customer."""
    person = pl.col("account") * len(company.ROLES) + pl.col("role").to_physical().cast(pl.Int64)
    return rows.select(
        DEAL_ID,
        _id("P", person).alias("contact_id"),
        "role",
        "is_primary",
        _instant("known_at").alias("added_at"),
        _instant("removed_at").alias("removed_at"),
    )


def accounts(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        ACCOUNT_ID,
        "account_name",
        "industry",
        "employees",
        "annual_revenue",
        "country",
        "region",
        _instant("known_at").alias("created_at"),
    )


def leads(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    is_resolved = pl.col("resolved_at").is_not_null()
    is_converted = is_resolved & pl.col("is_converted")
    status = (
        pl.when(is_converted)
        .then(pl.lit("Converted"))
        .when(is_resolved)
        .then(pl.lit("Disqualified"))
        .when(pl.col("worked_at").is_not_null())
        .then(pl.lit("Working"))
        .otherwise(pl.lit("New"))
    )
    return rows.select(
        _id("L", pl.col("lead")).alias("lead_id"),
        _instant("known_at").alias("created_at"),
        "lead_source",
        status.alias("status"),
        "industry",
        "employees",
        "country",
        pl.when(is_converted).then(_instant("resolved_at")).alias("converted_at"),
        pl.when(is_converted).then(DEAL_ID).alias("converted_deal_id"),
        _owner_id().alias("owner_id"),
    )


def users(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def targets(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "period_start",
        "period_end",
        pl.lit(company.FUNNEL).alias("funnel"),
        "team",
        pl.lit(None, dtype=pl.String).alias("owner_id"),
        _money("amount").alias("amount"),
        pl.lit("CNY").alias("currency"),
    )


def fx_rates(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    return rows
