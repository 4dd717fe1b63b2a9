"""What a share of a comparison says to a manager, in English and in Chinese, and what to do about it.

Belongs here: words and the rounding of numbers in them. Not here: what is named, and why.
"""

from dataclasses import dataclass

from orchestration.insights.mechanisms import FOLLOW_UP, LEAD_QUALITY, PACE, UNPROVEN, WITHIN

Both = tuple[str, str]


@dataclass(frozen=True)
class Stage:
    """The names of a stage."""

    name_en: str
    name_zh: str


@dataclass(frozen=True)
class Fact:
    """One share with all that its sentence tells; shares and conversions are 0-1."""

    stage: Stage
    comparison: str
    focus: str
    reference: str | None
    horizon_days: float
    focus_n: int
    reference_n: int
    focus_conversion: float
    reference_conversion: float | None
    cause: str
    share: float | None
    interval: tuple[float, float] | None
    is_named: bool
    is_insufficient: bool
    minimum_n: int
    deals_behind: int | None
    behind_share: float | None
    reference_behind_share: float | None


CAUSE_NAMES: dict[str, Both] = {
    LEAD_QUALITY: ("the quality of leads", "线索质量"),
    UNPROVEN: ("advancement without proof", "缺少证据的推进"),
    FOLLOW_UP: ("follow-up", "跟进频率"),
    PACE: ("stalls and deals given up early", "停滞与过早关闭"),
    WITHIN: ("what remains among deals alike in all of this", "在上述各方面相同的商机之间的其余差异"),
}
# The deals behind a share that lowers conversion, and behind one that raises it.
_BEHIND: dict[str, tuple[Both, Both]] = {
    LEAD_QUALITY: (
        ("are leads of the weakest third", "属于质量最弱三分之一的线索"),
        ("are leads of the strongest third", "属于质量最强三分之一的线索"),
    ),
    UNPROVEN: (
        ("came in without proof that an earlier gate asks for", "进入时缺少前面关口要求的证据"),
        ("came in with all proof that was asked for", "进入时所要求的证据齐全"),
    ),
    FOLLOW_UP: (
        ("were followed up least in their first weeks here", "在进入该阶段后的头几周跟进最少"),
        ("were followed up most in their first weeks here", "在进入该阶段后的头几周跟进最多"),
    ),
    PACE: (
        ("were slow, stalled or given up early", "进展缓慢、停滞或被过早关闭"),
        ("went their way without a stall", "顺利推进、没有停滞"),
    ),
    WITHIN: (
        ("show none of this and did not go on", "没有上述问题却没有推进"),
        ("show none of this and went on", "没有上述问题并已推进"),
    ),
}
_ACTION: dict[str, Both] = {
    LEAD_QUALITY: (
        "Look at where these leads come from, and at which of them were taken on.",
        "检查这些线索的来源，以及接受线索的标准。",
    ),
    UNPROVEN: (
        "Hold the gates before this stage: get the missing proof before a deal is moved on.",
        "守住该阶段之前的关口：补齐证据后再推进商机。",
    ),
    FOLLOW_UP: (
        "Agree how often a deal is contacted in its first two weeks here, and see to it.",
        "约定商机进入该阶段头两周的联系频率，并加以落实。",
    ),
    PACE: (
        "Go through the stalled deals one by one, and ask for two attempts before a deal is closed.",
        "逐一检查停滞的商机；关闭商机之前至少尝试联系两次。",
    ),
    WITHIN: (
        "No cause that is measured explains it: talk to customers, and look at offer, price and competition.",
        "所衡量的原因都不能解释：与客户沟通，并检查方案、价格和竞争情况。",
    ),
}


def sentence(fact: Fact) -> Both:
    """What the share says, in English and in Chinese."""
    name = CAUSE_NAMES[fact.cause]
    if fact.reference is None or fact.reference_conversion is None or fact.share is None:
        return (
            f"{fact.stage.name_en}: there are no deals to compare with.",
            f"{fact.stage.name_zh}：没有可比较的商机。",
        )
    if fact.is_insufficient:
        return (
            f"{fact.stage.name_en}: {fact.focus_n} and {fact.reference_n} deals are too few to tell;"
            f" {fact.minimum_n} of each are needed.",
            f"{fact.stage.name_zh}：{fact.focus_n} 个与 {fact.reference_n} 个商机太少，无法判断；"
            f"双方各需 {fact.minimum_n} 个。",
        )
    if not fact.is_named or fact.interval is None:
        low, high = fact.interval or (0.0, 0.0)
        return (
            f"{fact.stage.name_en}: of {name[0]} nothing can be told apart from chance"
            f" ({_points(low)} to {_points(high)} points).",
            f"{fact.stage.name_zh}：{name[1]}的影响与偶然无法区分（{_points(low)} 至 {_points(high)} 个百分点）。",
        )
    return _named(fact, fact.share, fact.reference_conversion, fact.interval, name)


def _named(fact: Fact, share: float, reference: float, interval: tuple[float, float], name: Both) -> Both:
    lowers = share <= 0
    behind = _BEHIND[fact.cause][0 if lowers else 1]
    who_en, who_zh, against_en, against_zh = _who(fact)
    days = f"{fact.horizon_days:.0f}"
    english = (
        f"{fact.stage.name_en}: within {days} days {_percent(fact.focus_conversion)} of deals went on"
        f" {who_en}, {_percent(reference)} {against_en}."
        f" {name[0][0].upper()}{name[0][1:]} {'costs' if lowers else 'adds'} {_points(abs(share), False)} points"
        f" ({_points(interval[0])} to {_points(interval[1])}):"
        f" {_percent(fact.behind_share)} of the deals ({fact.deals_behind}) {behind[0]},"
        f" against {_percent(fact.reference_behind_share)}."
    )
    chinese = (
        f"{fact.stage.name_zh}：{who_zh}在 {days} 天内有 {_percent(fact.focus_conversion)} 的商机推进，"
        f"{against_zh}为 {_percent(reference)}。"
        f"{name[1]}{'使其降低' if lowers else '使其提高'} {_points(abs(share), False)} 个百分点"
        f"（{_points(interval[0])} 至 {_points(interval[1])}）："
        f"{_percent(fact.behind_share)} 的商机（{fact.deals_behind} 个）{behind[1]}，"
        f"对照为 {_percent(fact.reference_behind_share)}。"
    )
    if lowers:
        return f"{english} {_ACTION[fact.cause][0]}", f"{chinese}{_ACTION[fact.cause][1]}"
    return f"{english} Keep what works.", f"{chinese}请保持行之有效的做法。"


def _who(fact: Fact) -> tuple[str, str, str, str]:
    """Whose deals they are and whose they are compared with, each in English and in Chinese."""
    if fact.comparison in ("owner", "team"):
        return f"for {fact.focus}", f"{fact.focus} ", "for everybody else", "其他人"
    return (
        f"in the quarter from {fact.focus}",
        f"自 {fact.focus} 起的季度",
        f"in that from {fact.reference}",
        f"自 {fact.reference} 起的季度",
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _points(share: float, is_signed: bool = True) -> str:
    text = f"{100 * share:+.1f}" if is_signed else f"{100 * share:.1f}"
    return text.replace("-", "−")
