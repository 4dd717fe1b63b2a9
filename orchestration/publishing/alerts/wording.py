"""The words of a digest in English and Chinese, and what becomes of data before it stands among them.

Belongs here: sentences, numbers and dates as people read them, and names made harmless. Not here: what is told.
"""

import re
import unicodedata
from decimal import Decimal

from orchestration.publishing.alerts.news import Expectation, Incident, Violation
from orchestration.publishing.wording import Text

NAME_LENGTH = 80
FOUND_LENGTH = 200

# What starts a mention, a link or a tag in one service or another. Services that know no escape get a look-alike, so
# that it is read and does nothing: @all, <!channel>, <at user_id="all">, [text](http://…).
_LOOK_ALIKE = str.maketrans({"@": "＠", "<": "＜", ">": "＞"})
_LINK = re.compile(r"\](?=[(\[])")
# Escaped where Markdown is sent. Others mean something only at the beginning of a line, where no data ever stands.
_MARKDOWN = re.compile(r"([\\`*_\[\]~<]|&(?=#?\w+;))")

SEVERITIES = {"block": Text("Blocking", "阻断"), "warn": Text("Warning", "提醒")}
EXPECTED = Text("Expected", "要求")
WHAT_TO_DO = Text("What to do", "怎么办")
FOUND = Text("Found", "实际情况")
WHY = Text("Why", "原因")
REVIEW = Text("Morning review", "晨间检查")
OPEN_IN_CRM = Text("Open in the CRM", "在CRM中打开")
NO_OWNER = Text("no owner", "无负责人")
NO_AMOUNT = Text("no amount", "无金额")
STALLED = Text("Newly stalled", "新增停滞")
INCIDENTS = Text("Doubt the data first", "请先核实数据")
HELD = Text("Extracts held", "被搁置的抽取")
EXPECTATIONS = Text("Not as expected of the data", "数据不符合预期")
IN_ADDITION = Text(
    "In addition to what was sent for this night before.", "当晚此前已发送过摘要，以下是此后新增的内容。"
)


def plain(text: str | None, length: int = NAME_LENGTH) -> str:
    """Data as one line of harmless text of at most `length` characters: nothing in it pings, links or hides."""
    kept = "".join(" " if _is_control(character) else character for character in text or "")
    line = _LINK.sub("] ", " ".join(kept.split()).translate(_LOOK_ALIKE))
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _is_control(character: str) -> bool:
    # Joiners and variation selectors belong to scripts and emoji; what turns the reading direction hides text.
    if character in "\u200c\u200d":
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", text)


def money(amount: Decimal | None, currency: str, language: str) -> str:
    """`1,250,000 CNY`, with cents where there are any."""
    if amount is None:
        return NO_AMOUNT.in_language(language)
    whole = amount == amount.to_integral_value()
    return f"{amount:,.0f} {currency}" if whole else f"{amount:,.2f} {currency}"


def subject(company: str, business_date: str, new: int, blocking: int, language: str) -> str:
    if language == "zh":
        return f"{company} {business_date}：新增 {new:,} 项" + (f"，其中阻断 {blocking:,} 项" if blocking else "")
    return f"{company} {business_date}: {new:,} new" + (f", {blocking:,} blocking" if blocking else "")


def greeting(owner: str, language: str) -> str:
    return f"{owner}，以下是您负责的商机。" if language == "zh" else f"{owner}, these are deals of yours."


def violations_in_total(
    number: int, language: str, *, reopened: int, blocking: int, deals: int, worth: str | None, without_amount: int
) -> str:
    """worth: what the deals that have an amount are worth together; None where none has one."""
    if language == "zh":
        parts = [f"再次出现 {reopened:,} 项"] * bool(reopened) + [f"阻断 {blocking:,} 项"] * bool(blocking)
        within = f"（其中{'，'.join(parts)}）" if parts else ""
        amounts = [f"风险金额 {worth}"] * bool(worth) + [f"{without_amount:,} 个没有可用金额"] * bool(without_amount)
        return f"违规：新增 {number:,} 项{within}，涉及 {deals:,} 个商机，{'，'.join(amounts)}"
    parts = [f"{reopened:,} of them reopened"] * bool(reopened) + [f"{blocking:,} blocking"] * bool(blocking)
    within = "".join(f", {part}" for part in parts)
    amounts = [f"{worth} at risk"] * bool(worth)
    amounts += [f"{without_amount:,} without a usable amount"] * bool(without_amount)
    return f"Violations: {number:,} new{within}; on {_deals(deals)}, {', '.join(amounts)}"


def stalls_in_total(deals: int, worth: str | None, language: str) -> str:
    if language == "zh":
        return f"停滞：新增 {deals:,} 个停滞商机，" + (f"金额 {worth}" if worth else "均没有可用金额")
    return f"Stalled: {_deals(deals)} that were not last night, " + (worth or "none with a usable amount")


def data_in_total(incidents: int, held: int, expectations: int, language: str) -> str:
    counts: list[tuple[int, str, str, str]] = [
        (incidents, "incident", "incidents", f"异常 {incidents:,} 项"),
        (held, "extract held", "extracts held", f"搁置抽取 {held:,} 份"),
        (expectations, "expectation not met", "expectations not met", f"不符合预期 {expectations:,} 项"),
    ]
    given = [each for each in counts if each[0]]
    if language == "zh":
        return "数据：" + "，".join(chinese for *_, chinese in given)
    return "Data: " + ", ".join(f"{number:,} {one if number == 1 else many}" for number, one, many, _ in given)


def backlog_in_total(number: int, deals: int, language: str) -> str:
    if language == "zh":
        return f"历史存量：首次运行的规则另发现 {number:,} 项，涉及 {deals:,} 个商机，不算新增，见晨间检查。"
    findings = "finding" if number == 1 else "findings"
    return (
        f"Backlog: {number:,} {findings} on {_deals(deals)} of rules that were asked for the first time; "
        "no news, see the review."
    )


def more(number: int, language: str) -> str:
    return f"另有 {number:,} 项，请见晨间检查。" if language == "zh" else f"and {number:,} more, see the review."


def found(violation: Violation, stage: Text | None, language: str) -> str:
    """What stands on record instead of what the rule asks. stage: the name of the stage that was observed."""
    observed, is_chinese = violation.observed, language == "zh"
    if observed is None:
        nothing, unmet = Text("nothing on record", "没有记录"), Text("not met", "不符合")
        return (nothing if violation.outcome == "missing" else unmet).in_language(language)
    value = plain(observed, FOUND_LENGTH)
    match violation.rule.rule_id:
        case "rule.customer_silent":
            return f"{value} 天没有动作" if is_chinese else f"silent for {value} days"
        case "rule.dwell_over_cap":
            days, _, cap = value.partition(" / ")
            return f"已停留 {days} 天，上限 {cap} 天" if is_chinese else f"{days} days in the stage, {cap} allowed"
        case "rule.close_date_pushed":
            return f"已推迟 {value} 次" if is_chinese else f"pushed {value} times"
        case "rule.close_date_past":
            return f"预计成交日期 {value}" if is_chinese else f"expected to close on {value}"
        case "rule.mandatory_stage_skipped" | "rule.moved_back" | "rule.history_disagrees" if stage is not None:
            return stage.in_language(language)
    return value


def reopened(violation: Violation, language: str) -> str:
    until = violation.waiver_ended_on
    if until is None:
        return "再次出现" if language == "zh" else "reopened"
    return f"豁免已于 {until} 到期" if language == "zh" else f"its waiver ended on {until}"


def incident(each: Incident, language: str) -> str:
    name = plain(each.rule.in_language(language) if each.rule else each.subject, FOUND_LENGTH)
    counts = (f"{each.observed:,}", f"{each.usual_low:,}", f"{each.usual_high:,}")
    if language == "zh":
        unit = "项" if each.kind == "rule" else "行"
        held = "；今晚该规则不新开也不关闭违规" if each.kind == "rule" else ""
        return f"{name}：发现 {counts[0]} {unit}，通常为 {counts[1]} 至 {counts[2]} {unit}{held}"
    unit = "findings" if each.kind == "rule" else "rows"
    held = "; it opened and closed nothing tonight" if each.kind == "rule" else ""
    return f"{name}: {counts[0]} {unit}, usually {counts[1]} to {counts[2]}{held}"


def expectation(each: Expectation, language: str) -> str:
    subject = plain(each.subject)
    name = each.wording.in_language(language) + (f"（{subject}）" if language == "zh" else f" ({subject})")
    if each.observed is None or each.lower is None or each.upper is None:
        return f"{name}：未能检查" if language == "zh" else f"{name}: could not be judged"
    if language == "zh":
        return f"{name}：实际 {each.observed:,}，允许 {each.lower:,} 至 {each.upper:,}"
    return f"{name}: found {each.observed:,}, may be {each.lower:,} to {each.upper:,}"


def _deals(number: int) -> str:
    return f"{number:,} deal" if number == 1 else f"{number:,} deals"
