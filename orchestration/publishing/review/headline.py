"""The first sentence of the review: how many are new, how bad, how much money, in five seconds; pure."""

from orchestration.publishing.review.content import Count, ReviewPage
from orchestration.publishing.wording import Text, money, number


def headline(page: ReviewPage) -> Text:
    """One or two sentences in both languages."""
    if page.new.violations:
        return _new(page)
    if page.previous_business_date is None:
        return _first_night(page)
    since = page.previous_business_date
    if page.backlog.violations:
        found = number(page.backlog.violations)
        return Text(
            f"Nothing new since {since}; rules asked for the first time found a backlog of {found}.",
            f"自 {since} 以来没有新增；首次检查的规则发现历史存量 {found} 项。",
        )
    if not page.open.violations:
        return Text(
            f"Nothing new since {since}, and no violation is open.", f"自 {since} 以来没有新增，也没有未解决的违规。"
        )
    still = number(page.open.violations)
    word = "violation is" if page.open.violations == 1 else "violations are"
    return Text(
        f"Nothing new since {since}. {still} {word} still open.",
        f"自 {since} 以来没有新增，仍有 {still} 项违规未解决。",
    )


def _new(page: ReviewPage) -> Text:
    count, since = page.new, page.previous_business_date
    found = number(count.violations)
    word = "violation" if count.violations == 1 else "violations"
    severe_en, severe_zh = _severe(count)
    en = f"{found} new {word} since {since}{severe_en}: {_worth_en(count, page.currency)}."
    zh = f"自 {since} 以来新增 {found} 项违规{severe_zh}：{_worth_zh(count, page.currency)}。"
    return Text(en, zh)


def _severe(count: Count) -> tuple[str, str]:
    blocking = count.by_severity["block"]
    if not blocking:
        return ", none of them blocking", "，均非阻断"
    if blocking == count.violations:
        return (", blocking" if blocking == 1 else ", all of them blocking"), "，均为阻断"
    return f", {number(blocking)} of them blocking", f"，其中阻断 {number(blocking)} 项"


def _worth_en(count: Count, currency: str) -> str:
    deals = "1 deal" if count.deals == 1 else f"{number(count.deals)} deals"
    if count.amount is None:
        return f"{deals}, whose amounts are not known"
    return f"{money(count.amount)} {currency} at risk on {deals}"


def _worth_zh(count: Count, currency: str) -> str:
    deals = f"涉及 {number(count.deals)} 个商机"
    return f"{deals}，金额未知" if count.amount is None else f"{deals}，风险金额 {money(count.amount)} {currency}"


def _first_night(page: ReviewPage) -> Text:
    if not page.open.violations:
        return Text("The first night: no violation was found.", "第一晚：没有发现违规。")
    found = number(page.open.violations)
    word = "violation was" if page.open.violations == 1 else "violations were"
    return Text(
        f"The first night: {found} {word} found. They are a backlog; from the next night on, this page begins with "
        "what is new.",
        f"第一晚：发现 {found} 项违规，均为历史存量；从下一晚起，本页首先列出新增违规。",
    )
