"""What things are called on the insights page: comparisons, causes, verdicts, findings, reasons, segments.

Belongs here: the wording of what the page names, and its order; pure. Not here: funnels, stages and criteria, which the
standards name, and sentences (`sentences`).
"""

from orchestration.publishing.wording import Text, same

COMPARISONS = {
    "previous_quarter": Text("The quarter before", "上一季度"),
    "year_ago": Text("The same quarter a year ago", "去年同季"),
    "best_quarter": Text("The best quarter", "最佳季度"),
}
PEOPLE = {
    "owner": Text("Owners", "负责人"),
    "team": Text("Teams", "团队"),
}

CAUSES = {
    "lead_quality": Text("Lead quality", "线索质量"),
    "unproven_advancement": Text("Unproven advancement", "缺少证据的推进"),
    "follow_up": Text("Follow-up cadence", "跟进节奏"),
    "stalls_and_early_closes": Text("Stalls and early closes", "停滞与过早关闭"),
    "within_segments": Text("Unexplained rest", "未能解释的其余部分"),
}
CAUSE_MEANINGS = {
    "lead_quality": Text(
        "Other customer fit or other sources of leads than in the reference.",
        "客户匹配度或线索来源的构成与参照不同。",
    ),
    "unproven_advancement": Text(
        "More or fewer deals came in without the proof that earlier gates ask for.",
        "未满足此前关口证据要求就进入本阶段的商机更多或更少。",
    ),
    "follow_up": Text(
        "Customers were contacted more or less often in the first two weeks.",
        "最初两周内联系客户的频次更高或更低。",
    ),
    "stalls_and_early_closes": Text(
        "More or fewer deals stood still past the limit, or were closed early with few touches.",
        "停滞超限或接触很少就过早关闭的商机更多或更少。",
    ),
    "within_segments": Text(
        "Deals alike in all of this went on more or less often; no measured cause explains it.",
        "上述各方面相同的商机，推进比例本身发生变化；已测量的原因都不能解释。",
    ),
}

# The classes of deal_stage_factors.
CLASSES = {
    "quality_class": {
        "weak": Text("Weak lead", "线索较弱"),
        "middle": Text("Middling lead", "线索中等"),
        "strong": Text("Strong lead", "线索较强"),
        "unknown": Text("Quality not known", "质量未知"),
    },
    "proof_class": {
        "proven": Text("Proven", "已证实"),
        "one": Text("One criterion unproven", "一项未证实"),
        "two": Text("Two criteria unproven", "两项未证实"),
        "three": Text("Three criteria unproven", "三项未证实"),
        "more": Text("Several criteria unproven", "多项未证实"),
        "not_evaluated": Text("Not evaluated", "未能检查"),
    },
    "cadence_class": {
        "seldom": Text("Contacted seldom", "联系很少"),
        "middle": Text("Contacted now and then", "联系一般"),
        "often": Text("Contacted often", "联系频繁"),
        "cut_short": Text("Closed before it could be", "过早关闭，未及联系"),
        "not_known": Text("Contacts not known", "联系情况未知"),
    },
    "pace_class": {
        "flowing": Text("Flowing", "正常推进"),
        "slow": Text("Slow", "缓慢"),
        "stalled": Text("Stalled", "停滞"),
        "closed_early": Text("Closed early", "过早关闭"),
    },
}

# What deals are compared by, first what a manager can choose: people before markets.
SEGMENTS = {
    "owner": Text("owners", "负责人"),
    "team": Text("teams", "团队"),
    "lead_source": Text("lead sources", "线索来源"),
    "region": Text("regions", "地区"),
    "amount_band": Text("amount bands", "金额区间"),
    "product": Text("products", "产品"),
    "deal_type": Text("kinds of deals", "商机类型"),
    "icp_band": Text("customer fit bands", "客户匹配档"),
}
CHOSEN = ("owner", "team")

VERDICTS = {
    "supported": Text("Pays", "有效"),
    "contradicted": Text("Wins less often", "反而更少赢单"),
    "not_supported": Text("No difference beyond chance", "差异未超出偶然"),
    "insufficient_history": Text("Short history", "历史不足"),
    "passed_by_winning_alone": Text("Passed by winning alone", "仅随赢单通过"),
}
MEASURES = {
    "criteria_met": Text("Criteria met", "满足的标准"),
    "dwell": Text("Dwell", "停留"),
    "conversion": Text("Conversion", "转化"),
}

OUTCOMES = {
    "lost": Text("Lost", "输单"),
    "won": Text("Won", "赢单"),
    "nurtured": Text("Put to nurture", "转入培育"),
    "disqualified": Text("Disqualified", "取消资格"),
}
NOT_RECORDED = "(not recorded)"
UNTOLD = {
    NOT_RECORDED: Text("Not recorded", "未记录"),
    "(none)": Text("None", "无"),
    "all": Text("All", "全部"),
}

# What a milestone is about, as a condition of a criterion has it.
SUBJECTS = {
    "evidence": Text("Evidence", "证据"),
    "activity": Text("Activity", "活动"),
    "contact_role": Text("Contact", "联系人"),
    "document": Text("Document", "文档"),
}
MILESTONE_VERDICTS = {
    "found": Text("Marks won deals", "赢单标志"),
    "harmful": Text("Marks lost deals", "输单标志"),
    "not_found": Text("No more than chance", "未超出偶然"),
    "insufficient_history": Text("Short history", "历史不足"),
}


# What the stage design review asks of a funnel.
QUESTIONS = {
    "milestones": Text("Milestones", "里程碑"),
    "gates": Text("Gates", "关口"),
    "merges": Text("Merging stages", "合并阶段"),
    "splits": Text("Splitting a stage", "拆分阶段"),
}
NOTHING = "nothing_to_change"
# What it finds; a second wording where the finding is no proposal.
FINDINGS = {
    "milestone_unasked": Text("Ask for it", "增加要求"),
    "gate_unsupported": Text("Give up this gate", "取消该关口"),
    "merge_stages": Text("Merge", "合并"),
    "split_stage": Text("Split", "拆分"),
    "gate_supported": Text("Keep", "保留"),
    NOTHING: Text("Nothing to change", "无需更改"),
}
UNPROPOSED = {
    "milestone_unasked": Text("Found, another tells more", "已发现，另一项更有说服力"),
    "gate_unsupported": Text("Keep watching: may still pay", "继续观察：仍可能有效"),
    "split_stage": Text("Parts the stage, no proposal", "可区分该阶段，暂不建议"),
}


def cause_name(cause: str) -> Text:
    return CAUSES.get(cause, same(cause))


def segment_name(segment: str) -> Text:
    return SEGMENTS.get(segment, same(segment))
