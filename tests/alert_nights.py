"""News of a made-up night, for the tests of alerts."""

from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.publishing.alerts.digest import Audience
from orchestration.publishing.alerts.news import Deal, News, Rule, Stall, Violation
from orchestration.publishing.wording import Text

NIGHT = date(2026, 11, 22)
STAGES = {
    ("direct", "contact"): Text("Initial contact", "初步接洽"),
    ("direct", "proposal"): Text("Proposal", "方案报价"),
}
DISCOVERY = Rule(
    "direct.contact.discovery_held",
    "block",
    Text("A demo of at least 30 minutes was held.", "已举行至少30分钟的演示。"),
    Text("Hold it, and log it.", "完成演示并记录。"),
    Text("Leaving Initial contact", "离开“初步接洽”"),
)
NO_STEP = Rule(
    "rule.next_step_missing",
    "warn",
    Text("No next step is agreed.", "没有约定下一步。"),
    Text("Agree one.", "约定一个。"),
    None,
)


def deal(key: str, **more: Any) -> Deal:
    stage = more.get("stage", "proposal")
    facts: dict[str, Any] = {
        "deal_key": f"generic:{key}",
        "deal_id": key,
        "crm": "generic",
        "name": f"Deal {key}",
        "funnel": "direct",
        "stage": stage,
        "stage_name": STAGES[("direct", stage)],
        "owner_key": "generic:li",
        "owner_name": "Li Na 李娜",
        "team": "East",
        "amount": Decimal("1000.00"),
    }
    return Deal(**(facts | more))


def violation(key: str, rule: Rule = DISCOVERY, **more: Any) -> Violation:
    facts = {name: more.pop(name) for name in ("change", "outcome", "observed", "waiver_ended_on") if name in more}
    return Violation(
        **(
            {
                "key": f"violation:{rule.rule_id}|{key}",
                "deal": deal(key, **more),
                "rule": rule,
                "change": "new",
                "outcome": "missing",
                "observed": None,
                "waiver_ended_on": None,
            }
            | facts
        )
    )


def stall(key: str, **more: Any) -> Stall:
    return Stall(
        f"stalled:generic:{key}",
        deal(key, **more),
        Text("The customer has fallen silent.", "客户已无回应。"),
        Text("Bring a new insight.", "带去新见解。"),
    )


def night(**more: Any) -> News:
    facts = {
        "company": "Müller & 伙伴",
        "currency": "CNY",
        "business_date": NIGHT,
        "stage_names": STAGES,
    }
    return News(**(facts | {name: tuple(each) for name, each in more.items()}))


def audience(**more: Any) -> Audience:
    tells = frozenset({"violations", "stalled", "incidents", "held_extracts", "expectations"})
    return Audience(**({"audience": "sales", "language": "en", "tells": tells} | more))
