"""What was found at a violation, in words: what the tables hold as a code or a bare number, said as a sentence.

Belongs here: one wording per standing rule and outcome, as expressions. Not here: what is expected and what to do; the
standards word that themselves. A rule that is not listed here shows what the table holds.
"""

import polars as pl

_Words = tuple[str, str, pl.Expr, pl.Expr]


def found(rule: pl.Expr, outcome: pl.Expr, observed: pl.Expr, stage_en: pl.Expr, stage_zh: pl.Expr) -> list[pl.Expr]:
    """Two expressions, English and Chinese.

    rule: the rule's id. outcome: met, missing, failed or not_evaluated. observed: what the table holds. stage_en,
    stage_zh: what the stage of that id is called, null where observed is none.
    """
    words = _words(observed, pl.coalesce(stage_en, observed), pl.coalesce(stage_zh, observed))
    generic = [
        pl.when(outcome == "met")
        .then(pl.lit(met))
        .when(observed.is_not_null())
        .then(observed)
        .when(outcome == "missing")
        .then(pl.lit(missing))
        .when(outcome == "not_evaluated")
        .then(pl.lit(unknown))
        .otherwise(pl.lit(failed))
        for met, missing, unknown, failed in (
            ("Met by now", "Nothing recorded", "Not evaluated", "Not met"),
            ("现已符合", "没有记录", "未能检查", "不符合"),
        )
    ]
    # A case that does not apply, or a wording that lacks its number, is null, and the general one stands in for it.
    cases = [((rule == f"rule.{name}") & (outcome == when), texts) for name, when, *texts in words]
    return [
        pl.coalesce(*(pl.when(is_case).then(texts[language]) for is_case, texts in cases), otherwise)
        for language, otherwise in enumerate(generic)
    ]


def _words(observed: pl.Expr, stage_en: pl.Expr, stage_zh: pl.Expr) -> list[_Words]:
    days, cap = (observed.str.split(" / ").list.get(part, null_on_oob=True) for part in (0, 1))
    times = pl.when(observed == "1")
    return [
        (
            "close_date_past",
            "failed",
            pl.format("Was to close on {}", observed),
            pl.format("原定 {} 成交", observed),
        ),
        ("amount_missing", "missing", pl.lit("No amount"), pl.lit("没有金额")),
        ("next_step_missing", "missing", pl.lit("No next step"), pl.lit("没有下一步")),
        ("closed_without_reason", "missing", pl.lit("No reason given"), pl.lit("没有填写原因")),
        (
            "mandatory_stage_skipped",
            "failed",
            pl.format("Skipped {}", stage_en),
            pl.format("跳过了“{}”", stage_zh),
        ),
        (
            "dwell_over_cap",
            "failed",
            pl.format("{} days in the stage; the cap is {}", days, cap),
            pl.format("已停留 {} 天，上限 {} 天", days, cap),
        ),
        (
            "customer_silent",
            "failed",
            pl.format("Silent for {} days", observed),
            pl.format("客户已 {} 天没有动作", observed),
        ),
        (
            "customer_silent",
            "missing",
            pl.format("Nothing from the customer in {} days since the deal began", observed),
            pl.format("商机创建 {} 天以来客户没有任何动作", observed),
        ),
        (
            "close_date_pushed",
            "failed",
            times.then(pl.lit("Pushed once")).otherwise(pl.format("Pushed {} times", observed)),
            pl.format("已推迟 {} 次", observed),
        ),
        ("moved_back", "failed", pl.format("Moved back from {}", stage_en), pl.format("从“{}”退回", stage_zh)),
        (
            "commit_without_economic_buyer",
            "missing",
            pl.format("In category “{}”; no buyer named", observed),
            pl.format("预测类别为“{}”，未填写批准人", observed),
        ),
        ("single_contact", "failed", pl.format("One contact: {}", observed), pl.format("只有一位联系人：{}", observed)),
        ("single_contact", "missing", pl.lit("No contact"), pl.lit("没有联系人")),
        (
            "history_disagrees",
            "failed",
            pl.format("The history ends in {}", stage_en),
            pl.format("历史终止于“{}”", stage_zh),
        ),
        ("history_disagrees", "missing", pl.lit("No history of stages"), pl.lit("没有阶段历史")),
    ]
