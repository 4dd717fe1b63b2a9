"""What is expected, in one or two plain sentences; pure."""

from orchestration.publishing.forecast_page.content import Expected, View
from orchestration.publishing.wording import Text, number, short_money


def headline(view: View, currency: str) -> Text:
    """What comes in the running quarter, how sure that is, and how far from the target."""
    period = view.running
    if period is None:
        return _without_period(view, currency)
    expected = period.expected
    if expected.total is None:
        deals = number(expected.open_deals)
        return Text(
            f"What the {deals} open deals of {period.label} will bring is not known: too few deals have closed to say.",
            f"{period.label} 的 {deals} 个进行中商机能带来多少尚不可知：已关闭的商机太少。",
        )
    total = short_money(expected.total)
    sure_en, sure_zh = _sure(expected)
    target_en, target_zh = _target(expected)
    return Text(
        f"We expect {total.en} {currency} in {period.label}{sure_en}.{target_en}",
        f"预计 {period.label} 赢单 {total.zh} {currency}{sure_zh}。{target_zh}",
    )


def _sure(expected: Expected) -> tuple[str, str]:
    if not expected.has_interval:
        return "", ""
    low, high = short_money(expected.low), short_money(expected.high)
    return (
        f"; eight times in ten it comes between {low.en} and {high.en}",
        f"，有八成把握落在 {low.zh} 至 {high.zh} 之间",
    )


def _target(expected: Expected) -> tuple[str, str]:
    if expected.target is None or expected.gap is None:
        return "", ""
    target, distance = short_money(expected.target), short_money(abs(expected.gap))
    if expected.gap > 0:
        return (
            f" That is {distance.en} short of the {target.en} target.",
            f"距目标 {target.zh} 还差 {distance.zh}。",
        )
    if expected.gap < 0:
        return (
            f" That is {distance.en} above the {target.en} target.",
            f"比目标 {target.zh} 高出 {distance.zh}。",
        )
    return f" That is the {target.en} target.", f"恰好达到目标 {target.zh}。"


def _without_period(view: View, currency: str) -> Text:
    untimed = next((each for each in view.outside if each.amount is not None), None)
    deals_en = "1 open deal" if view.open_deals == 1 else f"{number(view.open_deals)} open deals"
    deals_zh = f"{number(view.open_deals)} 个进行中商机"
    if not view.methods:
        return Text("There is no forecast for this night.", "今晚没有预测。")
    if untimed is None:
        return Text(
            f"What {deals_en} will bring is not known: too few deals have closed to say.",
            f"{deals_zh}能带来多少尚不可知：已关闭的商机太少。",
        )
    amount = short_money(untimed.amount)
    return Text(
        f"We expect {amount.en} {currency} from {deals_en}; when it comes, history is too short to say.",
        f"预计{deals_zh}带来 {amount.zh} {currency}；历史太短，无法判断何时到来。",
    )
