"""Why a deal's chance to be won is another than that of its stage and age, in words: rows of `forecast_reasons`.

Belongs here: the wording of each fact and of its levels. Not here: which facts move a chance, and by how much
(`forecasting/reasons.py`).
"""

from decimal import ROUND_HALF_UP, Decimal

from orchestration.publishing.wording import Text, money, number

# What a fact without a number is called, by fact and level.
_LEVELS = {
    ("icp_band", "unknown"): Text(
        "Too little is known of the customer to say how well it fits", "客户信息不足，无法判断契合度"
    ),
    ("criteria_unproven", "none_asked"): Text("No criterion has been asked yet", "尚未经过任何需要证明的关口"),
    ("criteria_unproven", "unknown"): Text(
        "The records cannot tell whether its criteria are proven", "现有记录无法判断各项标准是否有证据"
    ),
    ("days_since_customer_activity", "unknown"): Text(
        "Nothing that the customer did is on record", "没有客户方任何动作的记录"
    ),
    ("pushes", "unknown"): Text(
        "The records cannot tell whether the close date was pushed", "现有记录无法判断预计成交日期是否被推迟过"
    ),
    ("amount", "unknown"): Text("It has no amount", "没有金额"),
    ("amount", "not_positive"): Text("Its amount is not above zero", "金额不大于零"),
    ("days_in_stage", "unknown"): Text("How long it has been in its stage is not known", "在当前阶段停留多久未知"),
}

# A fact in numbers: nothing of it, one, any other count. {value} is the deal's own.
_VALUES = {
    "criteria_unproven": (
        Text("All criteria so far are proven", "目前各项标准均有证据"),
        Text("1 criterion was passed without proof", "有 1 项标准未经证明就已通过"),
        Text("{value} criteria were passed without proof", "有 {value} 项标准未经证明就已通过"),
    ),
    "criteria_late": (
        Text("No proof came late", "没有迟到的证据"),
        Text("1 proof came only after its gate", "有 1 项证据在过关之后才补齐"),
        Text("{value} proofs came only after their gates", "有 {value} 项证据在过关之后才补齐"),
    ),
    "days_since_customer_activity": (
        Text("The customer was active today", "客户今天有动作"),
        Text("The customer was last active 1 day ago", "客户最近一次动作在 1 天前"),
        Text("The customer was last active {value} days ago", "客户最近一次动作在 {value} 天前"),
    ),
    "pushes": (
        Text("Its close date was never pushed", "预计成交日期从未推迟"),
        Text("Its close date was pushed once", "预计成交日期推迟过 1 次"),
        Text("Its close date was pushed {value} times", "预计成交日期推迟过 {value} 次"),
    ),
    "days_in_stage": (
        Text("It entered its stage today", "今天进入当前阶段"),
        Text("It has been in its stage for 1 day", "在当前阶段已停留 1 天"),
        Text("It has been in its stage for {value} days", "在当前阶段已停留 {value} 天"),
    ),
}
_AMOUNT = Text("Its amount is {value}", "金额为 {value}")
_BAND = Text("The customer is in ICP band {level}", "客户的 ICP 等级为 {level}")
_USUAL = Text(" (usual: {usual})", "（通常为 {usual}）")


def reason_text(fact: str, level: str | None, value: float | None, usual_value: float | None) -> Text:
    """One row of `forecast_reasons` as a sentence without a full stop; whole numbers, days rounded down.

    A fact that has no wording (it was added to the forecast alone) is called by its code.
    """
    if level is not None:
        band = Text(*(each.format(level=level) for each in (_BAND.en, _BAND.zh)))
        return _LEVELS.get((fact, level), band if fact == "icp_band" else Text(f"{fact}: {level}", f"{fact}：{level}"))
    if value is None or (fact != "amount" and fact not in _VALUES):
        return Text(fact, fact)
    said, usual = _said(fact, value), None if usual_value is None else _said(fact, usual_value)
    pattern = _AMOUNT if fact == "amount" else _VALUES[fact][min(int(value), 2)]
    en, zh = pattern.en.format(value=said), pattern.zh.format(value=said)
    if usual is None or usual == said:
        return Text(en, zh)
    return Text(en + _USUAL.en.format(usual=usual), zh + _USUAL.zh.format(usual=usual))


def points_text(win_rate_points: Decimal) -> Text:
    """By how much a fact moves the chance, in whole points with a sign; below one point, in tenths."""
    size = abs(win_rate_points)
    digits = Decimal("0.1") if size < 1 else Decimal(1)
    sign = "+" if win_rate_points > 0 else "−"
    shown = f"{sign}{size.quantize(digits, ROUND_HALF_UP)}"
    return Text(f"{shown} {'point' if shown[1:] == '1' else 'points'}", f"{shown} 个百分点")


def _said(fact: str, value: float) -> str:
    """A value as it is written: money in whole units, counts and full days as whole numbers."""
    return money(Decimal(repr(value))) if fact == "amount" else number(int(value))
