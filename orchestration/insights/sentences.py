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
class Part:
    """Deals behind a share of whom one thing is said: the `number`-th of its words; and as many of the reference."""

    number: int
    deals: int
    focus_n: int
    reference_deals: int
    reference_n: int


@dataclass(frozen=True)
class Fact:
    """One share with all that its sentence tells; shares and conversions are 0-1.

    behind: the deals behind it, of the focus. is_usual: they are those that the words of the cause speak of.
    not_compared_by: what criteria ask for by which the two groups are not compared.
    """

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
    is_compared: bool
    minimum_n: int
    behind: tuple[Part, ...]
    is_usual: bool
    not_compared_by: tuple[Both, ...] = ()


CAUSE_NAMES: dict[str, Both] = {
    LEAD_QUALITY: ("the quality of leads", "线索质量"),
    UNPROVEN: ("advancement without proof", "缺少证据的推进"),
    FOLLOW_UP: ("follow-up", "跟进频率"),
    PACE: ("stalls and deals given up early", "停滞与过早关闭"),
    WITHIN: ("what remains among deals alike in all of this", "在上述各方面相同的商机之间的其余差异"),
}
# The deals usually behind a share that lowers conversion, and behind one that raises it; in the order of their parts.
_BEHIND: dict[str, tuple[tuple[Both, ...], tuple[Both, ...]]] = {
    LEAD_QUALITY: (
        (("are leads of the weakest third", "属于质量最弱三分之一的线索"),),
        (("are leads of the strongest third", "属于质量最强三分之一的线索"),),
    ),
    UNPROVEN: (
        (
            ("came in without proof that an earlier gate asks for", "进入时缺少前面关口要求的证据"),
            (
                "belong to owners who pass this stage's gates with less proof than others",
                "其负责人通过该阶段关口时证据比他人少",
            ),
        ),
        (("came in with all proof that was asked for", "进入时所要求的证据齐全"),),
    ),
    FOLLOW_UP: (
        (("were followed up least in their first weeks here", "在进入该阶段后的头几周跟进最少"),),
        (("were followed up most in their first weeks here", "在进入该阶段后的头几周跟进最多"),),
    ),
    PACE: (
        (("were slow, stalled or given up early", "进展缓慢、停滞或被过早关闭"),),
        (("went their way without a stall", "顺利推进、没有停滞"),),
    ),
    WITHIN: (
        (("show none of this and did not go on", "没有上述问题却没有推进"),),
        (("show none of this and went on", "没有上述问题并已推进"),),
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
    """What the share says, in English and in Chinese, and by which criteria the groups were not compared."""
    english, chinese = _said(fact)
    if not fact.not_compared_by or fact.is_insufficient:
        return english, chinese
    asked = " ".join(f"“{each[0]}”" for each in fact.not_compared_by)
    asked_zh = "".join(f"“{each[1]}”" for each in fact.not_compared_by)
    return (
        f"{english} Not compared, because not asked or not known of both alike: {asked}",
        f"{chinese}以下标准未比较，因为并非对双方都同样要求或同样已知：{asked_zh}",
    )


def _said(fact: Fact) -> Both:
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
    if not fact.is_compared:
        return (
            f"{fact.stage.name_en}: {name[0]} cannot be compared, as it is known of far more deals of one group than of"
            " the other; what it does is left within segments.",
            f"{fact.stage.name_zh}：{name[1]}无法比较，因为双方已知情况的商机比例相差太大；其影响计入其余差异。",
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
    behind = _behind(fact, lowers)
    who_en, who_zh, against_en, against_zh = _who(fact)
    days = f"{fact.horizon_days:.0f}"
    english = (
        f"{fact.stage.name_en}: within {days} days {_percent(fact.focus_conversion)} of deals went on"
        f" {who_en}, {_percent(reference)} {against_en}."
        f" {name[0][0].upper()}{name[0][1:]} {'costs' if lowers else 'adds'} {_points(abs(share), False)} points"
        f" ({_points(interval[0])} to {_points(interval[1])}): {behind[0]}."
    )
    chinese = (
        f"{fact.stage.name_zh}：{who_zh}在 {days} 天内有 {_percent(fact.focus_conversion)} 的商机推进，"
        f"{against_zh}为 {_percent(reference)}。"
        f"{name[1]}{'使其降低' if lowers else '使其提高'} {_points(abs(share), False)} 个百分点"
        f"（{_points(interval[0])} 至 {_points(interval[1])}）：{behind[1]}。"
    )
    if not fact.is_usual:
        return english, chinese
    if lowers:
        return f"{english} {_ACTION[fact.cause][0]}", f"{chinese}{_ACTION[fact.cause][1]}"
    return f"{english} Keep what works.", f"{chinese}请保持行之有效的做法。"


def _behind(fact: Fact, lowers: bool) -> Both:
    """Which deals are behind the share; of those that the usual words do not speak of no more than how they convert."""
    if not fact.behind:
        return "the mix of deals differs, and no kind of them stands for it", "商机构成不同，没有哪一类商机可以代表"
    if fact.is_usual:
        words = _BEHIND[fact.cause][0 if lowers else 1]
        lead: Both = ("", "")
    else:
        words = (
            (
                f"are of kinds that are commoner here and go on {'less' if lowers else 'more'} often than all",
                f"属于此处较多、且推进{'少' if lowers else '多'}于整体的类别",
            ),
        )
        lead = ("the mix of deals differs: ", "商机构成不同：")
    told = [
        (
            f"{_percent(part.deals / part.focus_n)} of the deals ({part.deals}) {words[part.number][0]},"
            f" against {_percent(part.reference_deals / part.reference_n)}",
            f"{_percent(part.deals / part.focus_n)} 的商机（{part.deals} 个）{words[part.number][1]}，"
            f"对照为 {_percent(part.reference_deals / part.reference_n)}",
        )
        for part in fact.behind
    ]
    return lead[0] + "; ".join(each[0] for each in told), lead[1] + "；".join(each[1] for each in told)


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


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(share: float, is_signed: bool = True) -> str:
    text = f"{100 * share:+.1f}" if is_signed else f"{100 * share:.1f}"
    return text.replace("-", "−")
