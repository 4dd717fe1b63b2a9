"""What things are called on the page: funnels, stages, rules, statuses, and the order of stages.

Belongs here: looking up a wording, and the wording of what only the page names. Not here: wordings that the standards
hold; they come with the tables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from orchestration.publishing.review.content import Rule
from orchestration.publishing.wording import Text, same

NO_FUNNEL = Text("Outside every funnel", "未归入任何漏斗")
METHODS = {
    "crm_probability": Text("The CRM's own probability", "CRM 自带概率"),
    "stage_average": Text("Stage average", "阶段平均法"),
    "weighted_stage": Text("Weighted by stage", "阶段加权法"),
    "timed": Text("Timed by stage and age", "时序模型"),
    "timed_adjusted": Text("Timed, adjusted for each deal", "时序模型（按商机修正）"),
}
CRMS = {
    "salesforce": Text("Salesforce", "Salesforce"),
    "hubspot": Text("HubSpot", "HubSpot"),
    "pipedrive": Text("Pipedrive", "Pipedrive"),
    "dynamics": Text("Dynamics 365", "Dynamics 365"),
    "fxiaoke": Text("Fxiaoke", "纷享销客"),
    "generic": Text("the CRM", "CRM"),
}
# What has become of a violation; `late` ones among `evidence_arrived` are told apart.
STATUSES = {
    "new": Text("New", "新增"),
    "reopened": Text("Reopened", "再次出现"),
    "backlog": Text("Backlog", "历史存量"),
    "carried": Text("Still open", "仍未解决"),
    "waived": Text("Waived", "已豁免"),
    "evidence_arrived": Text("Evidence arrived", "证据已补齐"),
    "evidence_late": Text("Evidence arrived late", "证据迟到"),
    "condition_cleared": Text("Condition cleared", "情况已解除"),
    "deal_departed": Text("Deal left the review", "商机已退出检查"),
    "rule_changed": Text("Rule changed", "规则已变更"),
}
RECOMMENDATIONS = {
    "diagnose": Text("Diagnose", "先诊断"),
    "reactivate": Text("Reactivate", "激活"),
    "escalate": Text("Escalate", "升级处理"),
    "nurture": Text("Nurture", "转入培育"),
}

FunnelStage = tuple[str | None, str]


@dataclass(frozen=True)
class Names:
    """Wording of funnels, stages and rules, and the order of stages."""

    funnels: Mapping[str | None, Text]
    stages: Mapping[FunnelStage, Text]
    order: Mapping[FunnelStage, int]
    rules: Mapping[str, Rule]

    def funnel(self, funnel: str | None) -> Text:
        return self.funnels.get(funnel, NO_FUNNEL if funnel is None else same(funnel))

    def stage(self, funnel: str | None, stage: str) -> Text:
        return self.stages.get((funnel, stage), same(stage))

    def rule(self, rule_id: str, severity: str) -> Rule:
        """The rule; one that tonight's standards no longer know goes by its id."""
        return self.rules.get(rule_id, Rule(rule_id, severity, same(rule_id), Text("", ""), None))

    def in_order(self, keys: Iterable[FunnelStage]) -> list[FunnelStage]:
        """(funnel, stage) in the order of the funnels, stages that the standards do not know last."""
        funnels = list(self.funnels)
        last = max(self.order.values(), default=0) + 1
        return sorted(
            keys,
            key=lambda key: (
                funnels.index(key[0]) if key[0] in self.funnels else len(funnels),
                key[0] or "",
                self.order.get(key, last),
                key[1],
            ),
        )

    def gates_in_order(self) -> list[Text]:
        """The gates of all stages as a rule's `place` calls them, funnel by funnel."""
        return [place(gate, self.stages[key]) for key in self.in_order(self.order) for gate in ("entry", "exit")]


def names(standards: Mapping[str, pl.DataFrame], rule_nights: pl.DataFrame, deals: pl.DataFrame) -> Names:
    """The names of a night: the latest version of the standards, and what a CRM calls what they do not know."""
    funnels: dict[str | None, Text] = {
        row["funnel"]: Text(row["name_en"], row["name_zh"]) for row in standards["funnels"].iter_rows(named=True)
    }
    stages: dict[FunnelStage, Text] = {
        (row["funnel"], row["stage"]): Text(row["stage_name_en"], row["stage_name_zh"])
        for row in deals.unique(["funnel", "stage"], keep="first", maintain_order=True).iter_rows(named=True)
    }
    order: dict[FunnelStage, int] = {}
    # The latest version comes last and wins.
    for row in standards["funnel_stages"].sort("version").iter_rows(named=True):
        stages[row["funnel"], row["stage"]] = Text(row["name_en"], row["name_zh"])
        order[row["funnel"], row["stage"]] = row["sort_order"]
    places = {
        row["criterion_id"]: place(row["gate"], stages[row["funnel"], row["stage"]])
        for row in standards["criteria"].sort("version").iter_rows(named=True)
    }
    rules = {
        row["rule_id"]: Rule(
            rule_id=row["rule_id"],
            severity=row["severity"],
            expected=_text(row, "wording", row["rule_id"]),
            advice=_text(row, "advice", ""),
            place=places.get(row["rule_id"]),
        )
        for row in rule_nights.iter_rows(named=True)
    }
    return Names(funnels, stages, order, rules)


def place(gate: str, stage: Text) -> Text:
    if gate == "entry":
        return Text(f"Entering {stage.en}", f"进入“{stage.zh}”")
    return Text(f"Leaving {stage.en}", f"离开“{stage.zh}”")


def _text(row: Mapping[str, Any], name: str, otherwise: str) -> Text:
    return Text(row[f"{name}_en"] or otherwise, row[f"{name}_zh"] or otherwise)
