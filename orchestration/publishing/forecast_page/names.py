"""What things are called on the forecast page: methods, periods without a date, states of proof, what moved, leads.

Belongs here: the wording of what the page names, and its order; pure. Not here: funnels and stages, which the standards
name, and sentences (`sentences`).
"""

from orchestration.publishing.review.names import METHODS
from orchestration.publishing.wording import Text, same

METHOD_MEANINGS = {
    "crm_probability": Text(
        "Amount times the probability that the CRM carries, in the period of the deal's own close date.",
        "金额乘以 CRM 自带的概率，计入商机自身预计成交日期所在期间。",
    ),
    "stage_average": Text(
        "Per stage: deals times the share that is won from there times the mean won amount. It does not say when.",
        "按阶段：商机数 × 该阶段赢单率 × 平均赢单金额。不区分时间。",
    ),
    "weighted_stage": Text(
        "Amount times the share won from the deal's stage in its segment, in the period of its own close date.",
        "金额乘以该细分中所处阶段的赢单率，计入商机自身预计成交日期所在期间。",
    ),
    "timed": Text(
        "From how fast deals left each stage, and where to: by stage and time in it. Knows when, and new business.",
        "依据商机离开各阶段的快慢与去向（阶段 × 停留时间）。给出时间，并计入新增业务。",
    ),
    "timed_adjusted": Text(
        "As the timed one, moved by what is known of the deal itself: fit, proof, silence, pushes, amount, dwell.",
        "在时序模型之上按商机自身情况校正：匹配度、证据、沉默、推迟、金额、停留。",
    ),
}

SCOPES = {
    "funnel": Text("Funnels", "漏斗"),
    "team": Text("Teams", "团队"),
    "owner": Text("Owners", "负责人"),
    "segment": Text("Segments", "细分"),
}
# The value of deals without one.
NOBODY = "(none)"
NOBODY_OF = {
    "team": Text("No team", "无团队"),
    "owner": Text("No owner", "无负责人"),
    "segment": Text("No segment", "无细分"),
}

OUTSIDE = {
    "later": Text("After the periods shown", "所示期间之后"),
    "overdue": Text("Close date gone by", "预计成交日期已过"),
    "undated": Text("No close date", "没有预计成交日期"),
    "untimed": Text("At any time", "不分时间"),
}

# The worst first, as deal_compliance has them.
STATES = {
    "violated": Text("Criteria violated", "存在违规"),
    "waived": Text("Waived", "已豁免"),
    "not_evaluated": Text("Not evaluated", "未能检查"),
    "met": Text("Criteria met", "标准已满足"),
    "none_asked": Text("Nothing asked yet", "尚无要求"),
}
UNKNOWN_STATE = Text("Not known", "未知")

# Short, because they stand in a column.
EXCLUSIONS = {
    "missing_amount": Text("No amount", "没有金额"),
    "negative_amount": Text("Negative amount", "金额为负"),
    "missing_rate": Text("No exchange rate", "缺少汇率"),
    "missing_currency": Text("No currency", "没有币种"),
    "no_rate_history": Text("Too little history", "历史不足"),
    "no_won_amount": Text("No won amount known", "赢单金额未知"),
    "missing_probability": Text("No CRM probability", "CRM 无概率"),
    "probability_out_of_range": Text("CRM probability wrong", "CRM 概率越界"),
}

BUCKETS = {
    "won": Text("Won", "赢单"),
    "lost": Text("Lost", "输单"),
    "nurtured": Text("Put to nurture", "转入培育"),
    "created": Text("Created", "新建"),
    "reopened": Text("Reopened", "重新打开"),
    "deleted": Text("Gone from the CRM", "已从 CRM 消失"),
    "pulled_in": Text("Pulled in", "提前"),
    "pushed_out": Text("Pushed out", "推迟"),
    "amount_raised": Text("Amount raised", "金额上调"),
    "amount_lowered": Text("Amount lowered", "金额下调"),
    "category": Text("Category changed", "预测类别变更"),
    "probability": Text("Stage or chance changed", "阶段或概率变化"),
    "rates": Text("Exchange rates", "汇率"),
    "definition": Text("Definitions changed", "定义变更"),
    "model": Text("Time and model", "时间与模型"),
    "new_business": Text("New business expected", "新增业务预期"),
    "corrected": Text("Corrected later", "事后更正"),
    "unchanged": Text("Unchanged", "未变"),
}
SPANS = {
    "last_night": Text("Since last night", "自上一晚"),
    "week": Text("Since a week ago", "自一周前"),
    "month_to_date": Text("Since the month began", "本月以来"),
    "quarter_to_date": Text("Since the quarter began", "本季度以来"),
}

# What a movement is of: the forecast of a period as the timed method makes it, or the pipeline whose close dates lie in
# it, in full or as the weighted method expects it.
MEASURES = {
    "forecast": Text("Forecast total (timed method)", "预测合计（时序模型）"),
    "amount": Text("Open pipeline, in full", "进行中管道，全额"),
    "expected": Text("Open pipeline, weighted by stage", "进行中管道，按阶段加权"),
}

QUESTIONS = {
    "running_month": Text("Won by the end of the running month", "本月底前赢单"),
    "next_month": Text("Won by the end of the next month", "下月底前赢单"),
    "running_quarter": Text("Won by the end of the running quarter", "本季度末前赢单"),
    "next_quarter": Text("Won by the end of the next quarter", "下季度末前赢单"),
    "eventual": Text("Ever won", "最终赢单"),
}

# For whom a target is that names nobody.
EVERYBODY = Text("the whole company", "全公司")
# Days from as-of to the end of the period. The two wide ones come first; they are what a method is chosen by.
LEADS = {
    "all": Text("Any lead time", "全部提前期"),
    "30+": Text("30 days and more", "30 天及以上"),
    "0-14": Text("0–14 days", "0–14 天"),
    "15-45": Text("15–45 days", "15–45 天"),
    "46-75": Text("46–75 days", "46–75 天"),
    "76-105": Text("76–105 days", "76–105 天"),
    "106+": Text("106 days and more", "106 天及以上"),
}
EVERY_LEAD = "all"

ALL_FUNNELS = Text("All funnels", "全部漏斗")


def method_name(method: str) -> Text:
    return METHODS.get(method, same(method))
