"""Where the funnel loses most, and why, in two or three plain sentences; pure."""

from orchestration.publishing.insights_page.content import Cause, Loss, Mend, View
from orchestration.publishing.wording import Text, number, percent, short_money

YEAR_DAYS = 365
UNEXPLAINED = "within_segments"
# A figure and its sign stand on one line.
_PERCENT = "\N{NO-BREAK SPACE}%"


def headline(view: View, currency: str) -> Text:
    """Where most deals are lost, where mending pays most, and the cause that history names."""
    if view.loss is None:
        return _nothing_lost(view)
    where = _where(view.loss, view.mend, currency)
    why = _why(view)
    return Text(f"{where.en} {why.en}", f"{where.zh}{why.zh}")


def _nothing_lost(view: View) -> Text:
    if view.has_deals:
        return Text("No deal of this funnel has been lost yet.", "该漏斗尚无流失的商机。")
    return Text("No deal has entered this funnel yet.", "还没有商机进入该漏斗。")


def _where(loss: Loss, mend: Mend | None, currency: str) -> Text:
    share = percent(loss.lost / loss.reached)
    lost_en = (
        f"The funnel loses most deals in {loss.stage.en}: {number(loss.lost)} of {number(loss.reached)} that reached "
        f"it ({share}{_PERCENT}) closed without going further."
    )
    lost_zh = (
        f"漏斗在“{loss.stage.zh}”流失最多：到达的 {number(loss.reached)} 个商机中，{number(loss.lost)} 个"
        f"（{share}%）未再推进即关闭。"
    )
    if mend is None:
        return Text(lost_en, lost_zh)
    amount, within = short_money(mend.amount), _within(mend.window_days)
    is_there = mend.stage == loss.stage
    begin_en = "Mending pays most there, too" if is_there else f"Mending pays most in {mend.stage.en}"
    begin_zh = "改进该阶段的收益也最大" if is_there else f"改进“{mend.stage.zh}”的收益最大"
    return Text(
        f"{lost_en} {begin_en}: if it were as good as its best quartile of {mend.compared_by.en}, "
        f"{amount.en} {currency} more would be won {within.en}.",
        f"{lost_zh}{begin_zh}：若达到{mend.compared_by.zh}中最佳四分之一的水平，"
        f"{within.zh}可多赢单 {amount.zh} {currency}。",
    )


def _within(days: int) -> Text:
    return Text("a year", "每年") if days == YEAR_DAYS else Text(f"in {number(days)} days", f"{number(days)} 天内")


def _why(view: View) -> Text:
    if not view.compared:
        return Text(
            "Why is not known yet: no two quarters can be compared.",
            "原因尚不可知：没有可供比较的两个季度。",
        )
    if not view.causes:
        return Text(
            "No cause of a fall stands out beyond chance against the quarter before, a year ago or the best quarter.",
            "与上一季度、去年同季或最佳季度相比，没有超出偶然的下降原因。",
        )
    return because(view.causes[0])


def because(cause: Cause) -> Text:
    """What one named cause took from a stage's conversion, and how much that was of all."""
    took, lost = (points(share).lstrip("−") for share in (cause.share, cause.change))
    before, after = percent(cause.reference_conversion), percent(cause.focus_conversion)
    # Of the figures as they are told, so that they add up on the page.
    made_up = round(100 * cause.change, 1) - round(100 * cause.share, 1)
    if made_up >= 0.05:
        return _more_than_all(cause, made_up)
    if cause.key == UNEXPLAINED:
        return Text(
            f"No measured cause explains most of it: {took} of the {lost} points that {cause.stage.en} converts less "
            f"in {cause.focus} than in {cause.reference} ({after} % against {before} %) are among deals alike.",
            f"“{cause.stage.zh}”的转化率由 {cause.reference} 的 {before}% 变为 {cause.focus} 的 {after}%，"
            f"下降 {lost} 个百分点，其中 {took} 个出现在同类商机之间，已测量的原因都不能解释。",
        )
    return Text(
        f"The named cause: {_lower(cause.cause.en)} took {took} of the {lost} points that {cause.stage.en} converts "
        f"less in {cause.focus} than in {cause.reference} ({after}{_PERCENT} against {before}{_PERCENT}).",
        f"已查明的原因：“{cause.stage.zh}”的转化率由 {cause.reference} 的 {before}% 变为 {cause.focus} 的 {after}%，"
        f"下降 {lost} 个百分点，其中{cause.cause.zh}占 {took} 个百分点。",
    )


def _more_than_all(cause: Cause, made_up: float) -> Text:
    """Of a cause that took more than conversion fell, because others worked against it."""
    took, lost = points(cause.share), points(cause.change)
    before, after = percent(cause.reference_conversion), percent(cause.focus_conversion)
    if cause.key == UNEXPLAINED:
        lead_en, lead_zh = "No measured cause explains most of it: deals alike", "已测量的原因都不能解释：同类商机之间"
    else:
        lead_en, lead_zh = f"The named cause: {_lower(cause.cause.en)}", f"已查明的原因：{cause.cause.zh}"
    return Text(
        f"{lead_en}, {took} points of {lost} in all for {cause.stage.en} in {cause.focus} against {cause.reference} "
        f"({after}{_PERCENT} against {before}{_PERCENT}); others made up {made_up:.1f}.",
        f"{lead_zh}为 {took} 个百分点；“{cause.stage.zh}”的转化率由 {cause.reference} 的 {before}% "
        f"变为 {cause.focus} 的 {after}%，合计 {lost} 个百分点；其他原因弥补了 {made_up:.1f} 个百分点。",
    )


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def points(share: float) -> str:
    """A difference of shares in percentage points with its sign: −5.1, +0.4, 0.0."""
    told = f"{100 * share:+.1f}".replace("-", "−")
    return "0.0" if told.lstrip("+−") == "0.0" else told
