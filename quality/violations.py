"""The life cycle of a violation: tonight's findings + what was known before -> tonight's states.

Belongs here: who is new, carried, reopened, closed and why; pure functions of frames. Not here: finding anything
(SQL did), running suites (`expectations`), reading or keeping states (the caller does).
"""

import hashlib
from collections.abc import Collection
from datetime import date
from typing import Any

import polars as pl

_COLUMNS: dict[str, Any] = {
    "violation_id": pl.String,
    "rule_id": pl.String,
    "rule_kind": pl.String,
    "funnel": pl.String,
    "deal_key": pl.String,
    "visit_id": pl.String,
    "severity": pl.String,
    "stage": pl.String,
    "owner_key_first": pl.String,
    "owner_key": pl.String,
    "owner_name": pl.String,
    "team": pl.String,
    "claimed": pl.String,
    "observed": pl.String,
    "observed_first": pl.String,
    "outcome": pl.String,
    "is_late": pl.Boolean,
    "definition": pl.String,
    "amount_at_risk": pl.Decimal(18, 2),
    "state": pl.String,
    "change": pl.String,
    "first_seen": pl.Date,
    "last_seen": pl.Date,
    "nights_open": pl.Int64,
    "closed_on": pl.Date,
    "is_backlog": pl.Boolean,
    "waived_by": pl.String,
    "waived_why": pl.String,
    "waived_until": pl.Date,
}
VIOLATIONS_SCHEMA = pl.Schema(_COLUMNS)
_KEY = ["rule_id", "deal_key", "visit_id"]
# Facts about the deal: the same in all its violations, whatever became of the rule tonight.
_DEAL_FACTS = ["funnel", "stage", "owner_key", "owner_name", "team", "amount_at_risk"]
# What the rule said; not to be believed of a rule that could not be evaluated.
_RULE_FACTS = ["severity", "claimed", "observed", "outcome", "is_late", "definition"]
_WAIVER_FACTS = ["waived_by", "waived_why", "waived_until"]
_WAIVERS: dict[str, Any] = {
    "rule_id": pl.String,
    "deal_key": pl.String,
    "visit_id": pl.String,
    "waived_by": pl.String,
    "waived_why": pl.String,
    "waived_from": pl.Date,
    "waived_until": pl.Date,
}
WAIVERS_SCHEMA = pl.Schema(_WAIVERS)


def no_violations() -> pl.DataFrame:
    """What is known before the first night: VIOLATIONS_SCHEMA without rows."""
    return VIOLATIONS_SCHEMA.to_frame()


def violation_ids(keys: pl.DataFrame) -> pl.Series:
    """SHA-256 of `rule_id|deal_key|visit_id`, its first 16 hex digits: the value that fails is never part of it."""
    joined = keys.select(pl.concat_str(_KEY, separator="|")).to_series()
    # Polars has no SHA-256; its own hash may change with any release and these ids are for ever.
    hashed = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in joined]
    return pl.Series("violation_id", hashed, dtype=pl.String)


def advance(
    findings: pl.DataFrame,
    deals_tonight: pl.DataFrame,
    rules_tonight: pl.DataFrame,
    known: pl.DataFrame,
    waivers: pl.DataFrame,
    *,
    business_date: date,
    unheard_rules: Collection[str] = (),
) -> pl.DataFrame:
    """The violations that are open after `business_date` and those that closed on it, one row each.

    findings: tonight's, as the mart quality_findings has them; one row per (rule_id, deal_key, visit_id).
    deals_tonight: deal_key, is_open, is_in_scope (open at any instant since the previous night); one row per deal. A
    criterion is about deals in scope, so that one that closed past a gate is seen; a standing rule is about open ones,
    one of kind `close` about those that it has findings of.
    rules_tonight: rule_id of every rule of tonight's standards; definition, what it asks for (wording, advice and
    severity aside); is_known, whether it was judged in this definition on an earlier night.
    known: the latest state of every violation ever seen, open or closed, as of earlier nights (VIOLATIONS_SCHEMA;
    further columns do not matter, and what an older version did not keep is null).
    waivers: WAIVERS_SCHEMA; one holds from waived_from to waived_until, both included, and for every visit where
    visit_id is null.
    unheard_rules: rules whose answers do not count tonight, because their suite errored or because their count jumped
    so far that the data is doubted before the deals.

    A violation opens where a finding of a deal in scope is missing or failed and its proof did not come late. It
    closes, in this order of reasons, as `rule_changed` (its rule is gone), `deal_departed` (its deal is gone or out of
    scope), `evidence_arrived` (a criterion is met, or met late: is_late), `condition_cleared` (a standing rule is met;
    or the visit it is about is no longer asked, while the rule has findings of this deal and could evaluate all of
    them), `waived`. What a rule clears after its definition changed is `rule_changed` too: nobody can say that the
    deal did anything. So is what a redefined rule no longer asks of a deal at all, and what is no longer asked of a
    deal that moved to another funnel is `deal_departed`; some rule has to evaluate the deal, or its records may just
    be absent. Whatever else is open is carried: an unheard rule, a finding not evaluated or a finding that is
    absent clears nothing and counts no night. A waiver that ends reopens its violation unless it was seen to clear
    meanwhile. A gap found for the first time under a waiver is kept as waived, not passed over.

    Returns VIOLATIONS_SCHEMA, sorted by violation_id. Raises ValueError where findings, deals or known states repeat a
    key, or where `known` already holds this night or a later one.
    """
    _check_inputs(findings, deals_tonight, known, business_date)
    findings = findings.join(rules_tonight, on="rule_id", how="inner").sort(_KEY)
    before = pl.concat([no_violations(), known], how="diagonal_relaxed")
    before = before.select(VIOLATIONS_SCHEMA.names()).cast(VIOLATIONS_SCHEMA)
    held = waivers.filter(pl.lit(business_date).is_between("waived_from", "waived_until"))
    tonight = _judged(findings, deals_tonight, unheard_rules)
    opened = _opened(tonight.filter("is_failing").join(before, on=_KEY, how="anti"), held, business_date)
    facts = findings.select("deal_key", *_deal_facts()).unique("deal_key", keep="first", maintain_order=True)
    answers = _answers(before, tonight, facts, deals_tonight, rules_tonight, unheard_rules=unheard_rules)
    followed = _followed(before, answers, held, business_date)
    return _with_deal_facts(pl.concat([opened, followed]), facts).sort("violation_id")


def _check_inputs(findings: pl.DataFrame, deals: pl.DataFrame, known: pl.DataFrame, business_date: date) -> None:
    for name, frame, key in (
        ("findings", findings, _KEY),
        ("deals", deals, ["deal_key"]),
        ("known violations", known, _KEY),
    ):
        repeated = frame.filter(frame.select(key).is_duplicated())
        if repeated.height:
            what = ", ".join(f"{column} {repeated[column][0]!r}" for column in key)
            message = f"{name} hold more than one row of {what}; there must be one"
            raise ValueError(message)
    latest = known.select(pl.max_horizontal(pl.col("first_seen", "last_seen", "closed_on").max())).item()
    if latest is not None and latest >= business_date:
        message = (
            f"known violations reach {latest}, tonight is {business_date}; hand over what was known before tonight"
        )
        raise ValueError(message)


def _deal_facts() -> list[pl.Expr]:
    return [
        pl.col("funnel", "stage", "owner_key", "owner_name", "team"),
        pl.col("amount_reporting").alias("amount_at_risk"),
    ]


def _judged(findings: pl.DataFrame, deals: pl.DataFrame, unheard_rules: Collection[str]) -> pl.DataFrame:
    """Findings of deals in scope: key, rule facts, is_evaluated, is_failing, is_proved."""
    is_evaluated = (pl.col("outcome") != "not_evaluated") & ~pl.col("rule_id").is_in(list(unheard_rules))
    is_gap = pl.col("outcome").is_in(["missing", "failed"])
    return findings.filter(_is_in_play(findings, deals, findings)).select(
        *_KEY,
        "rule_kind",
        *_RULE_FACTS,
        *_deal_facts(),
        "is_known",
        is_evaluated.alias("is_evaluated"),
        (is_evaluated & is_gap & ~pl.col("is_late")).alias("is_failing"),
        (is_evaluated & (~is_gap | pl.col("is_late"))).alias("is_proved"),
    )


def _is_in_play(rows: pl.DataFrame, deals: pl.DataFrame, findings: pl.DataFrame) -> pl.Series:
    """For each row (rule_kind, deal_key) whether its deal is one that a rule of that kind is about tonight."""
    in_scope = deals.filter(pl.col("is_in_scope"))["deal_key"].implode()
    is_open = deals.filter(pl.col("is_open"))["deal_key"].implode()
    # How a deal closed is asked for as long as the rule says: of whom it has a finding, it asks.
    asked = findings.filter(pl.col("rule_kind") == "close").select("rule_id", "deal_key", is_asked=True).unique()
    in_play = (
        pl.when(pl.col("rule_kind") == "close")
        .then(pl.col("is_asked").fill_null(value=False))
        .when(pl.col("rule_kind") == "rule")
        .then(pl.col("deal_key").is_in(is_open))
        .otherwise(pl.col("deal_key").is_in(in_scope))
    )
    return rows.join(asked, on=["rule_id", "deal_key"], how="left", maintain_order="left").select(in_play).to_series()


def _waived(keys: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """_KEY and `<fact>_tonight` of the waiver that holds for each key; of several the one that ends last."""
    latest = ["waived_until", "waived_from", "waived_by", "waived_why"]
    return (
        keys.select(_KEY)
        .join(held.rename({"visit_id": "waived_visit"}), on=["rule_id", "deal_key"], how="inner")
        .filter(pl.col("waived_visit").is_null() | (pl.col("waived_visit") == pl.col("visit_id")))
        .sort(latest, descending=True)
        .unique(_KEY, keep="first", maintain_order=True)
        .select(*_KEY, *(pl.col(name).alias(f"{name}_tonight") for name in _WAIVER_FACTS))
    )


def _opened(failing: pl.DataFrame, held: pl.DataFrame, business_date: date) -> pl.DataFrame:
    is_waived = pl.col("waived_by_tonight").is_not_null()
    found = pl.when("is_known").then(pl.lit("new")).otherwise(pl.lit("backlog"))
    return (
        failing.with_columns(violation_ids(failing))
        .join(_waived(failing, held), on=_KEY, how="left")
        .with_columns(
            is_backlog=~pl.col("is_known"),
            owner_key_first=pl.col("owner_key"),
            observed_first=pl.col("observed"),
            state=pl.when(is_waived).then(pl.lit("closed")).otherwise(pl.lit("open")),
            change=pl.when(is_waived).then(pl.lit("waived")).otherwise(found),
            first_seen=pl.lit(business_date),
            last_seen=pl.lit(business_date),
            nights_open=pl.when(is_waived).then(0).otherwise(1),
            closed_on=pl.when(is_waived).then(pl.lit(business_date)),
            **{name: pl.col(f"{name}_tonight") for name in _WAIVER_FACTS},
        )
        .select(pl.col(name).cast(dtype) for name, dtype in VIOLATIONS_SCHEMA.items())
    )


def _answers(
    before: pl.DataFrame,
    tonight: pl.DataFrame,
    facts: pl.DataFrame,
    deals: pl.DataFrame,
    rules: pl.DataFrame,
    *,
    unheard_rules: Collection[str],
) -> pl.DataFrame:
    """What tonight says about each known violation: rule facts `<name>_tonight` and the flags `_change` decides on."""
    asked = tonight.group_by("rule_id", "deal_key").agg(is_deal_evaluated=pl.col("is_evaluated").all())
    judged = tonight.filter("is_evaluated").select("deal_key", is_judged=True).unique()
    funnels = facts.select("deal_key", funnel_tonight="funnel")
    rule_facts = {name: f"{name}_tonight" for name in _RULE_FACTS}
    flags = ["is_evaluated", "is_failing", "is_proved"]
    # No deals at all is an input that is absent, not the news that every deal has left.
    has_departed = ~_is_in_play(before, deals, tonight) if deals.height else pl.lit(value=False)
    # A state of before definitions were kept has none; that is no reason to believe that the rule changed.
    is_redefined = (pl.col("definition") != pl.col("rule_definition")).fill_null(value=False)
    return (
        before.select(*_KEY, "definition", "funnel", has_departed=has_departed)
        .join(tonight.select(*_KEY, *_RULE_FACTS, *flags).rename(rule_facts), on=_KEY, how="left")
        .join(asked, on=["rule_id", "deal_key"], how="left")
        .join(judged, on="deal_key", how="left")
        .join(funnels, on="deal_key", how="left")
        .join(rules.select("rule_id", rule_definition="definition"), on="rule_id", how="left")
        .with_columns(
            is_found=pl.col("is_evaluated").is_not_null(),
            is_rule_gone=~pl.col("rule_id").is_in(rules["rule_id"].implode()),
            is_rule_unheard=pl.col("rule_id").is_in(list(unheard_rules)),
            is_redefined=is_redefined,
            is_no_longer_asked=pl.col("is_deal_evaluated").is_null() & pl.col("is_judged").fill_null(value=False),
            has_moved_funnel=(pl.col("funnel") != pl.col("funnel_tonight")).fill_null(value=False),
        )
        .with_columns(pl.col(*flags, "is_deal_evaluated").fill_null(value=False))
        .drop("definition", "rule_definition", "funnel", "funnel_tonight", "is_judged")
    )


def _closing() -> pl.Expr:
    """Why a violation that is open or waived is over; null where it is not."""
    is_moot = ~pl.col("is_found") & pl.col("is_deal_evaluated")
    is_cleared = pl.col("is_proved") | is_moot
    is_criterion_met = (pl.col("rule_kind") == "criterion") & pl.col("is_proved")
    return (
        pl.when("is_rule_gone")
        .then(pl.lit("rule_changed"))
        .when("is_rule_unheard")
        .then(None)
        .when(pl.col("has_departed") | (pl.col("is_no_longer_asked") & pl.col("has_moved_funnel")))
        .then(pl.lit("deal_departed"))
        .when((is_cleared | pl.col("is_no_longer_asked")) & pl.col("is_redefined"))
        .then(pl.lit("rule_changed"))
        .when(is_criterion_met)
        .then(pl.lit("evidence_arrived"))
        .when(is_cleared)
        .then(pl.lit("condition_cleared"))
    )


def _change() -> pl.Expr:
    """Null where there is nothing to say: a closed violation stays closed, a waived one stays waived as it was."""
    was_open = pl.col("state") == "open"
    was_waived = ~was_open & (pl.col("change") == "waived")
    is_waived = pl.col("waived_by_tonight").is_not_null()
    is_same_waiver = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_tonight")) for name in _WAIVER_FACTS)
    closing = _closing()
    return (
        pl.when((was_open | was_waived) & closing.is_not_null())
        .then(closing)
        .when(is_waived & was_waived & is_same_waiver)
        .then(None)
        .when(is_waived & (was_open | was_waived | pl.col("is_failing")))
        .then(pl.lit("waived"))
        .when(was_waived | (~was_open & pl.col("is_failing")))
        .then(pl.lit("reopened"))
        .when(was_open)
        .then(pl.lit("carried"))
    )


def _followed(before: pl.DataFrame, answers: pl.DataFrame, held: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """Tonight's state of what was known: open ones all, closed ones only where they reopen or their waiver changes."""
    is_open = pl.col("change").is_in(["carried", "reopened"])
    is_waived = pl.col("change") == "waived"
    is_seen = (is_open | is_waived) & pl.col("is_failing")
    return (
        before.join(answers, on=_KEY, how="inner")
        .join(_waived(before, held), on=_KEY, how="left")
        .with_columns(change=_change())
        .filter(pl.col("change").is_not_null())
        .with_columns(
            *(
                pl.when("is_evaluated").then(pl.col(f"{name}_tonight")).otherwise(pl.col(name)).alias(name)
                for name in _RULE_FACTS
            ),
            *(
                pl.when(is_waived).then(pl.col(f"{name}_tonight")).otherwise(pl.col(name)).alias(name)
                for name in _WAIVER_FACTS
            ),
            state=pl.when(is_open).then(pl.lit("open")).otherwise(pl.lit("closed")),
            last_seen=pl.when(is_seen).then(pl.lit(business_date)).otherwise("last_seen"),
            nights_open=pl.col("nights_open") + (is_seen & is_open).cast(pl.Int64),
            closed_on=pl.when(~is_open).then(pl.lit(business_date)),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in VIOLATIONS_SCHEMA.items())
    )


def _with_deal_facts(violations: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Deal facts of tonight where tonight knows the deal, of the last night that did otherwise."""
    return (
        violations.join(
            facts.with_columns(is_known_tonight=pl.lit(True)).rename({name: f"{name}_tonight" for name in _DEAL_FACTS}),
            on="deal_key",
            how="left",
        )
        .with_columns(
            pl.when("is_known_tonight").then(pl.col(f"{name}_tonight")).otherwise(pl.col(name)).alias(name)
            for name in _DEAL_FACTS
        )
        .select(pl.col(name).cast(dtype) for name, dtype in VIOLATIONS_SCHEMA.items())
    )
