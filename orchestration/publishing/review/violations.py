"""The violations of a night as the review lists and counts them, and how the nights before compare.

Belongs here: which violations are listed, in which order, what they add up to, each deal once; pure. Not here: what a
violation is or becomes (`quality`), what its rule is called (`names`), what was found in words (`found`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from orchestration.publishing.review.content import Change, Count, Holder
from orchestration.publishing.review.found import found
from orchestration.publishing.review.names import STATUSES
from orchestration.publishing.wording import Text, same

SEVERITIES = ("block", "warn")
# Two months of bars can still be told apart at the width of a card.
TREND_NIGHTS = 60
HOLDERS_SHOWN = 3
# Sums outgrow the 18 digits of one amount.
_SUM = pl.Decimal(38, 2)


def listed(violations: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """The violations that the page lists, the worst first: open ones, those waived tonight, those closed tonight.

    Adds listing, status, is_new, is_backlog_tonight and is_unchecked to the served columns. A violation that closed
    before tonight is history and stands in the tables alone.
    """
    is_open, is_waived = pl.col("state") == "open", pl.col("change") == "waived"
    first_tonight, seen_tonight = (pl.col(name) == business_date for name in ("first_seen", "last_seen"))
    is_held = ~is_open & is_waived & (pl.col("waived_until") >= business_date)
    is_closed = ~is_open & ~is_waived & (pl.col("closed_on") == business_date)
    is_late = (pl.col("change") == "evidence_arrived") & pl.col("is_late").fill_null(value=False)
    return (
        violations.filter(is_open | is_held | is_closed)
        .with_columns(
            listing=pl.when(is_open)
            .then(pl.lit("open"))
            .when(is_held)
            .then(pl.lit("waived"))
            .otherwise(pl.lit("closed")),
            status=pl.when(is_late).then(pl.lit("evidence_late")).otherwise("change"),
            is_new=is_open
            & ((first_tonight & (pl.col("change") == "new")) | (seen_tonight & (pl.col("change") == "reopened"))),
            is_backlog_tonight=is_open & first_tonight & pl.col("is_backlog"),
            is_unchecked=is_open & ~seen_tonight,
        )
        .sort(
            pl.col("severity") != "block",
            pl.col("amount_at_risk").is_null(),
            -pl.col("amount_at_risk"),
            "deal_key",
            "rule_id",
            "visit_id",
        )
    )


def deal_amounts(violations: pl.DataFrame) -> pl.DataFrame:
    """One row per deal: deal_key and amount, what the violation that was seen last says of it; null where none does."""
    return (
        violations.sort("last_seen", "violation_id", descending=[True, False])
        .group_by("deal_key", maintain_order=True)
        .agg(amount=pl.col("amount_at_risk").drop_nulls().first())
    )


def count(violations: pl.DataFrame) -> Count:
    amounts = deal_amounts(violations)["amount"]
    known = amounts.drop_nulls()
    return Count(
        violations=violations.height,
        by_severity={each: int((violations["severity"] == each).sum()) for each in SEVERITIES},
        deals=amounts.len(),
        amount=_sum(known) if known.len() or not amounts.len() else None,
        deals_without_amount=amounts.len() - known.len(),
    )


def _sum(amounts: pl.Series) -> Decimal:
    total = amounts.cast(_SUM).sum()
    return total if isinstance(total, Decimal) else Decimal(0)


def holders(violations: pl.DataFrame) -> tuple[Holder, ...]:
    """The owners whose deals are worth most, with their teams; deals without an owner are nobody's."""
    owned = violations.filter(pl.col("owner_name").is_not_null())
    deals = deal_amounts(owned).join(
        owned.unique("deal_key", keep="first", maintain_order=True).select("deal_key", "owner_name", "team"),
        on="deal_key",
    )
    amounts = deals.group_by("owner_name", "team").agg(
        amount=pl.when(pl.col("amount").is_not_null().any()).then(pl.col("amount").cast(_SUM).sum())
    )
    counts = owned.group_by("owner_name", "team").agg(violations=pl.len())
    largest = counts.join(amounts, on=["owner_name", "team"], how="left", nulls_equal=True).sort(
        pl.col("amount").is_null(), -pl.col("amount"), -pl.col("violations").cast(pl.Int64), "owner_name", "team"
    )
    return tuple(
        Holder(row["owner_name"], row["team"], row["violations"], row["amount"])
        for row in largest.head(HOLDERS_SHOWN).iter_rows(named=True)
    )


def trend(violations: pl.DataFrame, earlier: pl.DataFrame | None, nights: Sequence[date]) -> pl.DataFrame:
    """One row per night of `nights`, oldest first, the last TREND_NIGHTS of them; columns as `Tables.trend`.

    violations: tonight's, as served; the last of `nights` is tonight. earlier: what each night before left, with its
    business_date: the violations open after it and those that closed on it, as they were then. So a night is told as
    its own page told it, whatever became of its deals since.
    """
    shown = sorted(nights)[-TREND_NIGHTS:]
    tonight = violations.filter((pl.col("state") == "open") | (pl.col("closed_on") == shown[-1])).with_columns(
        business_date=pl.lit(shown[-1])
    )
    columns = ["business_date", "deal_key", "severity", "state", "change", "is_backlog", "first_seen", "amount_at_risk"]
    before = [] if earlier is None else [earlier.filter(pl.col("business_date") < shown[-1]).select(columns)]
    states = pl.concat([*before, tonight.select(columns)], how="vertical_relaxed")
    is_open = pl.col("state") == "open"
    is_first = pl.col("first_seen") == pl.col("business_date")
    counts = states.group_by("business_date").agg(
        open_block=(is_open & (pl.col("severity") == "block")).sum(),
        open_warn=(is_open & (pl.col("severity") == "warn")).sum(),
        opened=(is_open & ((is_first & (pl.col("change") == "new")) | (pl.col("change") == "reopened"))).sum(),
        backlog=(is_open & is_first & pl.col("is_backlog")).sum(),
        closed=(~is_open & (pl.col("change") != "waived")).sum(),
    )
    at_risk = (
        states.filter(is_open)
        .group_by("business_date", "deal_key")
        .agg(amount=pl.col("amount_at_risk").drop_nulls().first())
        .group_by("business_date")
        .agg(
            deals=pl.len(),
            amount=pl.when(pl.col("amount").is_not_null().any()).then(pl.col("amount").cast(_SUM).sum()),
        )
    )
    is_quiet = pl.col("deals").is_null()
    return (
        pl.DataFrame({"business_date": shown}, schema={"business_date": pl.Date})
        .join(counts, on="business_date", how="left")
        .join(at_risk, on="business_date", how="left")
        .with_columns(
            pl.when(is_quiet).then(pl.lit(Decimal(0)).cast(_SUM)).otherwise("amount").alias("amount"),
            pl.col("open_block", "open_warn", "opened", "backlog", "closed", "deals").fill_null(0).cast(pl.Int64),
        )
        .select("business_date", "open_block", "open_warn", "opened", "backlog", "closed", "deals", "amount")
        .sort("business_date")
    )


def changes(nights: pl.DataFrame) -> tuple[Change | None, Change | None]:
    """What the trend says of the night before and of the last one at least a week before; None where there is none."""
    tonight = nights["business_date"][-1]
    before = nights.head(nights.height - 1)
    week = before.filter(pl.col("business_date") <= tonight - timedelta(days=7))
    return _change(before), _change(week)


def _change(nights: pl.DataFrame) -> Change | None:
    if nights.is_empty():
        return None
    row = nights.row(-1, named=True)
    return Change(row["business_date"], row["open_block"] + row["open_warn"], row["amount"])


def table(
    violations: pl.DataFrame,
    places: Mapping[str, pl.DataFrame],
    owner_names: pl.DataFrame,
) -> pl.DataFrame:
    """`Tables.violations` from the listed violations.

    places: deals (deal_key, deal), stages (funnel, stage, stage_number, name_en, name_zh) and rules (rule_id, rule),
    what the numbers in the table point to. owner_names: owner_key, owner_name.
    """
    stages = places["stages"]
    names = stages.select("funnel", "stage", "name_en", "name_zh")
    claimed = names.rename({"stage": "claimed", "name_en": "claimed_en", "name_zh": "claimed_zh"})
    seen, first = (
        names.rename({"stage": column, "name_en": f"{column}_stage_en", "name_zh": f"{column}_stage_zh"})
        for column in ("observed", "observed_first")
    )
    joined = (
        violations.join(places["deals"], on="deal_key", how="left", maintain_order="left")
        .join(places["rules"], on="rule_id", how="left", maintain_order="left")
        .join(
            stages.select("funnel", "stage", "stage_number"),
            on=["funnel", "stage"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .join(claimed, on=["funnel", "claimed"], how="left", nulls_equal=True, maintain_order="left")
        .join(seen, on=["funnel", "observed"], how="left", nulls_equal=True, maintain_order="left")
        .join(first, on=["funnel", "observed_first"], how="left", nulls_equal=True, maintain_order="left")
        .join(
            owner_names.rename({"owner_key": "owner_key_first", "owner_name": "owner_first"}),
            on="owner_key_first",
            how="left",
            maintain_order="left",
        )
    )
    rule = pl.col("rule_id")
    found_en, found_zh = found(
        rule, pl.col("outcome"), pl.col("observed"), pl.col("observed_stage_en"), pl.col("observed_stage_zh")
    )
    # What was found first is told where it was something and is something else by now; it had failed then.
    first_en, first_zh = found(
        rule,
        pl.lit("failed"),
        pl.col("observed_first"),
        pl.col("observed_first_stage_en"),
        pl.col("observed_first_stage_zh"),
    )
    is_other = pl.col("observed_first").is_not_null() & pl.col("observed_first").ne_missing(pl.col("observed"))
    is_handed_on = pl.col("owner_key_first").ne_missing(pl.col("owner_key"))
    return joined.select(
        "violation_id",
        "listing",
        "status",
        "is_new",
        "is_backlog",
        "is_unchecked",
        "severity",
        "rule",
        "deal",
        stage=pl.col("stage_number"),
        owner=pl.col("owner_name"),
        team=pl.col("team"),
        owner_first=pl.when(is_handed_on).then(pl.coalesce("owner_first", "owner_key_first")),
        claimed_en=pl.coalesce("claimed_en", "claimed"),
        claimed_zh=pl.coalesce("claimed_zh", "claimed"),
        found_en=found_en,
        found_zh=found_zh,
        found_first_en=pl.when(is_other).then(first_en),
        found_first_zh=pl.when(is_other).then(first_zh),
        visit_id=pl.when(pl.col("visit_id") != "").then("visit_id"),
        first_seen="first_seen",
        last_seen="last_seen",
        nights_open="nights_open",
        closed_on="closed_on",
        waived_by="waived_by",
        waived_why="waived_why",
        waived_until="waived_until",
    )


def closed_as(closed: pl.DataFrame) -> tuple[tuple[Text, int], ...]:
    """Why violations closed tonight and how many each, in the order in which the page names the reasons."""
    counts = dict(closed.group_by("status").len().iter_rows())
    known = [(name, counts.pop(status)) for status, name in STATUSES.items() if status in counts]
    return (*known, *((same(status), number) for status, number in sorted(counts.items())))
