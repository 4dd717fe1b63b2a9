"""The standards as tables that SQL joins to.

Belongs here: one function per group of tables, rows in the order of the files. Not here: any check; the standards
have passed all of them.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from quality.standards_models import (
    NUMBER_ATTRIBUTES,
    Condition,
    Criterion,
    Evidence,
    Funnel,
    Icp,
    IcpAttribute,
    Rule,
    Stage,
    Stalls,
    Standards,
    field_key,
)

FIRST_PERIOD_YEAR = 2000
LAST_PERIOD_YEAR = 2050

_TEXT = pl.String
_SCHEMAS: dict[str, dict[str, Any]] = {
    "company": {
        "company": _TEXT,
        "time_zone": _TEXT,
        "fiscal_year_starts_in_month": pl.Int64,
        "reporting_currency": _TEXT,
        "language": _TEXT,
        "forecast_segment": _TEXT,
        "minimum_n": pl.Int64,
        "shrinkage_deals": pl.Int64,
        "velocity_days": pl.Int64,
        "stale_after_days": pl.Int64,
        "unmapped_stages": _TEXT,
    },
    "segments": {"segment": _TEXT},
    "amount_bands": {"amount_band": _TEXT, "amount_from": pl.Int64, "amount_below": pl.Int64},
    "record_links": {"crm": _TEXT, "url_pattern": _TEXT},
    "close_fields": {"meaning": _TEXT, "field": _TEXT, "priority": pl.Int64},
    "funnels": {"funnel": _TEXT, "name_en": _TEXT, "name_zh": _TEXT, "is_default": pl.Boolean},
    "funnel_crm_names": {"funnel": _TEXT, "crm": _TEXT, "crm_name": _TEXT},
    "funnel_versions": {"funnel": _TEXT, "version": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date},
    "funnel_stages": {
        "funnel": _TEXT,
        "version": pl.Int64,
        "stage": _TEXT,
        "stage_rank": pl.Int64,
        "outcome": _TEXT,
        "name_en": _TEXT,
        "name_zh": _TEXT,
        "cap_days": pl.Int64,
        "is_skippable": pl.Boolean,
        "sort_order": pl.Int64,
    },
    "stage_crm_names": {"funnel": _TEXT, "version": pl.Int64, "crm": _TEXT, "crm_name": _TEXT, "stage": _TEXT},
    "criteria": {
        "criterion_version_id": pl.Int64,
        "criterion_id": _TEXT,
        "funnel": _TEXT,
        "version": pl.Int64,
        "stage": _TEXT,
        "stage_rank": pl.Int64,
        "gate": _TEXT,
        "evidence_kind": _TEXT,
        "severity": _TEXT,
        "definition": _TEXT,
        "grace_days": pl.Int64,
        "steps_needed": pl.Int64,
        "steps": pl.Int64,
        "wording_en": _TEXT,
        "wording_zh": _TEXT,
        "advice_en": _TEXT,
        "advice_zh": _TEXT,
    },
    "criterion_conditions": {
        "condition_id": pl.Int64,
        "criterion_version_id": pl.Int64,
        "criterion_id": _TEXT,
        "version": pl.Int64,
        "step_number": pl.Int64,
        "step_needed": pl.Int64,
        "criterion_kind": _TEXT,
        "subject": _TEXT,
        "at_least": pl.Float64,
        "at_most": pl.Float64,
        "is_date": pl.Boolean,
        "is_customer_present": pl.Boolean,
        "is_filled": pl.Boolean,
        "at_least_field": _TEXT,
        "at_most_field": _TEXT,
        "is_changed": pl.Boolean,
        "has_texts": pl.Boolean,
        "has_directions": pl.Boolean,
        "has_roles": pl.Boolean,
    },
    "condition_keys": {"condition_id": pl.Int64, "subject_key": _TEXT},
    "condition_terms": {"condition_id": pl.Int64, "term": _TEXT, "accepted_value": _TEXT},
    "evidence_kinds": {"criterion_kind": _TEXT, "evidence_kind": _TEXT},
    "activity_types": {"crm_name": _TEXT, "activity_type": _TEXT},
    "contact_role_names": {"crm_name": _TEXT, "contact_role": _TEXT},
    "rules": {
        "rule_id": _TEXT,
        "rule": _TEXT,
        "rule_kind": _TEXT,
        "severity": _TEXT,
        "from_stage": _TEXT,
        "days": pl.Int64,
        "times": pl.Int64,
        "wording_en": _TEXT,
        "wording_zh": _TEXT,
        "advice_en": _TEXT,
        "advice_zh": _TEXT,
    },
    "rule_roles": {"rule_id": _TEXT, "contact_role": _TEXT},
    "rule_categories": {"rule_id": _TEXT, "category": _TEXT},
    "cause_settings": {
        "follow_up_days": pl.Int64,
        "closed_early_within_days": pl.Int64,
        "closed_early_with_touches": pl.Int64,
    },
    "milestone_settings": {"decided_before_close_days": pl.Int64},
    "stall_settings": {
        "segment": _TEXT,
        "silent_after_days": pl.Int64,
        "escalate_after_attempts": pl.Int64,
        "nurture_after_days": pl.Int64,
    },
    "stall_reasons": {
        "reason": _TEXT,
        "priority": pl.Int64,
        "times": pl.Int64,
        "wording_en": _TEXT,
        "wording_zh": _TEXT,
        "action_en": _TEXT,
        "action_zh": _TEXT,
    },
    "stall_reason_roles": {"reason": _TEXT, "contact_role": _TEXT},
    "icp_attributes": {
        "attribute": _TEXT,
        "weight": pl.Float64,
        "at_least": pl.Float64,
        "at_most": pl.Float64,
        "has_values": pl.Boolean,
    },
    "icp_attribute_values": {"attribute": _TEXT, "accepted_value": _TEXT},
    "icp_bands": {"band": _TEXT, "minimum_score": pl.Float64},
    "icp_settings": {"minimum_completeness": pl.Float64},
    "icp_ranges": {
        "attribute": _TEXT,
        "range_number": pl.Int64,
        "range_label": _TEXT,
        "at_least": pl.Float64,
        "above": pl.Float64,
        "at_most": pl.Float64,
        "below": pl.Float64,
        "is_fit": pl.Boolean,
    },
    "bant_parts": {"bant_part": _TEXT, "criterion_id": _TEXT, "version": pl.Int64},
    "waivers": {
        "rule_id": _TEXT,
        "deal_key": _TEXT,
        "visit_id": _TEXT,
        "waived_by": _TEXT,
        "waived_why": _TEXT,
        "waived_from": pl.Date,
        "waived_until": pl.Date,
    },
    "periods": {"period_kind": _TEXT, "period_start": pl.Date, "period_end": pl.Date, "period_label": _TEXT},
}


def tables(standards: Standards) -> dict[str, pl.DataFrame]:
    """Every standards table by name, also those without rows. Equal standards give equal frames."""
    company = standards.company.model_dump(exclude={"segments", "amount_bands", "record_links", "close_fields"})
    rows: dict[str, list[dict[str, Any]]] = {
        "company": [company],
        "segments": [{"segment": name} for name in ("all", *standards.company.segments)],
        "amount_bands": list(_amount_bands(standards.company.amount_bands)),
        "record_links": [
            {"crm": crm, "url_pattern": pattern} for crm, pattern in standards.company.record_links.items()
        ],
        "close_fields": [
            {"meaning": meaning, "field": field_key(name), "priority": priority}
            for meaning, names in standards.company.close_fields.model_dump(exclude_none=True).items()
            for priority, name in enumerate(names, start=1)
        ],
        "rules": [_rule_row(rule) for rule in standards.rules],
        "rule_roles": [
            {"rule_id": f"rule.{rule.rule}", "contact_role": role}
            for rule in standards.rules
            for role in rule.roles or []
        ],
        "rule_categories": [
            {"rule_id": f"rule.{rule.rule}", "category": category.strip().lower()}
            for rule in standards.rules
            for category in rule.categories or []
        ],
        "periods": list(_periods(standards.company.fiscal_year_starts_in_month)),
        "waivers": waivers(standards).to_dicts(),
        "cause_settings": [standards.causes.model_dump()],
        "milestone_settings": [standards.milestones.model_dump()],
        **_stall_rows(standards.stalls),
        **_evidence_rows(standards.evidence),
        **_icp_rows(standards.icp),
        **_funnel_rows(standards.funnels),
    }
    rows["bant_parts"] = []
    for part, confirmed in (standards.icp.bant.parts() if standards.icp.bant else {}).items():
        # Conditions of BANT stand beside those of the gates and are compared the same way.
        key = {"criterion_id": f"bant.{part}", "version": 1}
        rows["bant_parts"].append({"bant_part": part, **key})
        for number, condition in enumerate(confirmed.any_of, start=1):
            of = {**key, "criterion_kind": confirmed.kind, "step_number": number, "step_needed": 1}
            _add_condition(rows, condition, of)
    return {name: pl.DataFrame(rows[name], schema=schema) for name, schema in _SCHEMAS.items()}


def _amount_bands(starts: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Every amount has a band: the first has no lower end, as a credit note is below zero, the last no upper one."""
    for low, high in pairwise([None, *starts, None]):
        text = f"{low}+" if high is None else f"{low or 0}-{high}"
        yield {"amount_band": text, "amount_from": low, "amount_below": high}


def suite_rules(standards: Standards) -> pl.DataFrame:
    """One row per funnel and rule that can be asked there: its criteria, and every standing rule.

    Columns: funnel, rule_id, rule_kind ('criterion' | 'rule' | 'close'), severity, wording_en, wording_zh,
    definition. A criterion of several versions has the severity and wording of the latest. definition changes with
    what the rule asks for, in any version, and not with how it is worded, what it advises or how severe it is.
    """
    wording = ["severity", "wording_en", "wording_zh"]
    frames = tables(standards)
    criteria = (
        frames["criteria"]
        .unique(["funnel", "criterion_id"], keep="last", maintain_order=True)
        .select("funnel", pl.col("criterion_id").alias("rule_id"), pl.lit("criterion").alias("rule_kind"), *wording)
    )
    rules = (
        frames["funnels"].select("funnel").join(frames["rules"].select("rule_id", "rule_kind", *wording), how="cross")
    )
    definitions = pl.DataFrame(list(_definitions(standards)), schema={"rule_id": _TEXT, "definition": _TEXT})
    return (
        pl.concat([criteria, rules]).join(definitions, on="rule_id", how="left").sort("funnel", "rule_kind", "rule_id")
    )


def waivers(standards: Standards) -> pl.DataFrame:
    """One row per waiver of waivers.yml, in the order of the file; visit_id is null where it is for every visit."""
    rows = [
        {
            "rule_id": each.rule,
            "deal_key": each.deal,
            "visit_id": each.visit,
            "waived_by": each.by,
            "waived_why": each.why,
            "waived_from": each.from_day,
            "waived_until": each.until,
        }
        for each in standards.waivers
    ]
    return pl.DataFrame(rows, schema=_SCHEMAS["waivers"])


# What a rule asks beside its own settings: a cap that is raised is a rule that changed.
_STAGE_FIELDS_OF_RULE = {"dwell_over_cap": "cap_days", "mandatory_stage_skipped": "is_skippable"}
_WORDS = {"wording", "advice", "severity"}


def _definitions(standards: Standards) -> Iterator[dict[str, str]]:
    said: dict[str, list[Any]] = {}
    for funnel in standards.funnels:
        for version in funnel.versions:
            for stage in version.stages:
                for gate, criteria in stage.gates():
                    for criterion in criteria:
                        asked = _asked(criterion, gate)
                        versions = said.setdefault(f"{funnel.funnel}.{stage.stage}.{criterion.criterion}", [])
                        if asked not in versions:
                            versions.append(asked)
    for rule in standards.rules:
        content: list[Any] = [rule.model_dump(mode="json", exclude=_WORDS, exclude_defaults=True)]
        if field := _STAGE_FIELDS_OF_RULE.get(rule.rule):
            content += [
                [funnel.funnel, str(version.valid_from), stage.stage, getattr(stage, field)]
                for funnel in standards.funnels
                for version in funnel.versions
                for stage in version.stages
            ]
        said[f"rule.{rule.rule}"] = content
    for rule_id, content in said.items():
        yield {"rule_id": rule_id, "definition": _hashed(content)}


def _asked(criterion: Criterion, gate: str) -> list[Any]:
    """What a criterion asks for, whatever it is called and however severe it is."""
    # Defaults left out: a field that a later version of the product adds changes no rule.
    return [gate, criterion.model_dump(mode="json", exclude=_WORDS, exclude_defaults=True)]


def _hashed(content: list[Any]) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _wording(item: Criterion | Rule) -> dict[str, str]:
    return {
        "wording_en": item.wording.en,
        "wording_zh": item.wording.zh,
        "advice_en": item.advice.en,
        "advice_zh": item.advice.zh,
    }


def _rule_row(rule: Rule) -> dict[str, Any]:
    return {
        "rule_id": f"rule.{rule.rule}",
        "rule": rule.rule,
        "rule_kind": rule.kind,
        "severity": rule.severity,
        "from_stage": rule.from_stage,
        "days": rule.days,
        "times": rule.times,
        **_wording(rule),
    }


def _stall_rows(stalls: Stalls) -> dict[str, list[dict[str, Any]]]:
    return {
        "stall_settings": [stalls.model_dump(exclude={"reasons"})],
        # The order of the file is the priority: the first reason that a deal shows leads.
        "stall_reasons": [
            {
                "reason": each.reason,
                "priority": priority,
                "times": each.times,
                "wording_en": each.wording.en,
                "wording_zh": each.wording.zh,
                "action_en": each.next_action.en,
                "action_zh": each.next_action.zh,
            }
            for priority, each in enumerate(stalls.reasons, start=1)
        ],
        "stall_reason_roles": [
            {"reason": each.reason, "contact_role": role} for each in stalls.reasons for role in each.roles or []
        ],
    }


def _evidence_rows(evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    return {
        "evidence_kinds": [
            {"criterion_kind": kind, "evidence_kind": accepted}
            for kind, kinds in evidence.accepts.model_dump().items()
            for accepted in kinds
        ],
        "activity_types": _lower_case_names(evidence.activity_types, "activity_type"),
        "contact_role_names": _lower_case_names(evidence.contact_roles, "contact_role"),
    }


def _lower_case_names(names: dict[str, list[str]], column: str) -> list[dict[str, Any]]:
    # `user` and `User` are one name here; a second row would double every activity it joins to.
    owner = {crm_name.lower(): name for name, crm_names in names.items() for crm_name in crm_names}
    return [{"crm_name": crm_name, column: name} for crm_name, name in owner.items()]


def _icp_rows(icp: Icp) -> dict[str, list[dict[str, Any]]]:
    return {
        "icp_attributes": [
            {
                "attribute": attribute.attribute,
                "weight": attribute.weight,
                "at_least": attribute.at_least,
                "at_most": attribute.at_most,
                "has_values": attribute.fits is not None,
            }
            for attribute in icp.attributes
        ],
        "icp_attribute_values": [
            {"attribute": attribute.attribute, "accepted_value": value}
            for attribute in icp.attributes
            for value in attribute.fits or []
        ],
        "icp_bands": [{"band": band, "minimum_score": score} for band, score in icp.bands.items()],
        "icp_settings": [{"minimum_completeness": icp.minimum_completeness}],
        "icp_ranges": list(_range_rows(icp)),
    }


def _range_rows(icp: Icp) -> Iterator[dict[str, Any]]:
    """The ranges by which each number is told in `icp_lift`: cut where the company says and where the profile does.

    So every range lies wholly within what fits or wholly outside.
    """
    profile = {each.attribute: each for each in icp.attributes}
    ranged = [each.attribute for each in icp.attributes if each.at_least is not None or each.at_most is not None]
    for attribute in dict.fromkeys([*NUMBER_ATTRIBUTES, *ranged, *icp.ranges]):
        each = profile.get(attribute)
        # A cut is a number and whether that very number still belongs to the range below it.
        # Where the profile's range ends with a number, a range that starts there starts just above it.
        upper_bound = each.at_most if each else None
        cuts = {(float(start), False) for start in icp.ranges.get(attribute, []) if start != upper_bound}
        if each and each.at_least is not None:
            cuts.add((each.at_least, False))
        if each and each.at_most is not None:
            cuts.add((each.at_most, True))
        bounds = [None, *sorted(cuts), None]
        for number, (lower, upper) in enumerate(pairwise(bounds), start=1):
            yield {
                "attribute": attribute,
                "range_number": number,
                "range_label": _range_label(lower, upper),
                "at_least": lower[0] if lower and not lower[1] else None,
                "above": lower[0] if lower and lower[1] else None,
                "at_most": upper[0] if upper and upper[1] else None,
                "below": upper[0] if upper and not upper[1] else None,
                "is_fit": _is_within(each, lower, upper),
            }


def _range_label(lower: tuple[float, bool] | None, upper: tuple[float, bool] | None) -> str:
    parts = [f"{'above' if lower[1] else 'from'} {lower[0]:.15g}"] if lower else []
    parts += [f"{'up to' if upper[1] else 'below'} {upper[0]:.15g}"] if upper else []
    return ", ".join(parts) or "any number"


def _is_within(
    each: IcpAttribute | None, lower: tuple[float, bool] | None, upper: tuple[float, bool] | None
) -> bool | None:
    if each is None or each.fits is not None:
        return None
    starts = each.at_least is None or (lower is not None and lower >= (each.at_least, False))
    ends = each.at_most is None or (upper is not None and upper <= (each.at_most, True))
    return starts and ends


def _funnel_rows(funnels: Sequence[Funnel]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "funnels",
            "funnel_crm_names",
            "funnel_versions",
            "funnel_stages",
            "stage_crm_names",
            "criteria",
            "criterion_conditions",
            "condition_keys",
            "condition_terms",
        )
    }
    for funnel in funnels:
        rows["funnels"].append(
            {
                "funnel": funnel.funnel,
                "name_en": funnel.name.en,
                "name_zh": funnel.name.zh,
                "is_default": funnel.is_default,
            }
        )
        rows["funnel_crm_names"] += [
            {"funnel": funnel.funnel, "crm": crm, "crm_name": name}
            for crm, names in funnel.crm_names.items()
            for name in names
        ]
        ends = [version.valid_from for version in funnel.versions[1:]] + [None]
        for number, (version, valid_to) in enumerate(zip(funnel.versions, ends, strict=True), start=1):
            key = {"funnel": funnel.funnel, "version": number}
            rows["funnel_versions"].append({**key, "valid_from": version.valid_from, "valid_to": valid_to})
            for sort_order, (stage, stage_rank) in enumerate(_ranked(version.stages), start=1):
                rows["funnel_stages"].append(
                    {
                        **key,
                        "stage": stage.stage,
                        "stage_rank": stage_rank,
                        "outcome": stage.outcome,
                        "name_en": stage.name.en,
                        "name_zh": stage.name.zh,
                        "cap_days": stage.cap_days,
                        "is_skippable": stage.is_skippable,
                        "sort_order": sort_order,
                    }
                )
                rows["stage_crm_names"] += [
                    {**key, "crm": crm, "crm_name": name, "stage": stage.stage}
                    for crm, names in stage.crm_names.items()
                    for name in names
                ]
                for gate, criteria in stage.gates():
                    for criterion in criteria:
                        _add_criterion(rows, criterion, {**key, "stage": stage.stage, "stage_rank": stage_rank}, gate)
    return rows


def _ranked(stages: Sequence[Stage]) -> Iterator[tuple[Stage, int | None]]:
    rank = 0
    for stage in stages:
        rank += stage.is_open
        yield stage, rank if stage.is_open else None


def _add_criterion(
    rows: dict[str, list[dict[str, Any]]], criterion: Criterion, stage: dict[str, Any], gate: str
) -> None:
    criterion_id = f"{stage['funnel']}.{stage['stage']}.{criterion.criterion}"
    steps = criterion.needs.steps()
    # A criterion asks something of its own in each version; by a number it is joined more cheaply than by two names.
    version_id = len(rows["criteria"]) + 1
    rows["criteria"].append(
        {
            "criterion_version_id": version_id,
            "criterion_id": criterion_id,
            **stage,
            "gate": gate,
            "evidence_kind": criterion.kind,
            "severity": criterion.severity,
            "definition": _hashed(_asked(criterion, gate)),
            "grace_days": criterion.grace_days,
            "steps_needed": criterion.needs.needed(),
            "steps": len(steps),
            **_wording(criterion),
        }
    )
    of = {
        "criterion_version_id": version_id,
        "criterion_id": criterion_id,
        "version": stage["version"],
        "criterion_kind": criterion.kind,
    }
    for step_number, step in enumerate(steps, start=1):
        for condition in step.conditions():
            _add_condition(rows, condition, {**of, "step_number": step_number, "step_needed": step.needed()})


def _add_condition(rows: dict[str, list[dict[str, Any]]], condition: Condition, of: dict[str, Any]) -> None:
    """One condition under a number of its own, by which facts about it are counted."""
    condition_id = len(rows["criterion_conditions"]) + 1
    # Bounds on whatever number its facts carry: minutes of an activity, days since 1970 of a date.
    has_days = condition.not_before is not None or condition.not_after is not None
    at_least, at_most = condition.at_least, condition.at_most
    if condition.subject == "activity":
        at_least = condition.at_least_minutes
    elif has_days:
        at_least, at_most = _day_number(condition.not_before), _day_number(condition.not_after)
    terms: dict[str, Sequence[str]] = {
        "text": [text.strip().lower() for text in condition.equals or []],
        "status": condition.status or ["held"] if condition.subject == "activity" else [],
        "direction": condition.direction or [],
        "attended_by": condition.attended_by or [],
    }
    rows["criterion_conditions"].append(
        {
            "condition_id": condition_id,
            **of,
            "subject": condition.subject,
            "at_least": at_least,
            "at_most": at_most,
            "is_date": has_days,
            "is_customer_present": condition.customer_present,
            "is_filled": condition.filled,
            "at_least_field": field_key(condition.at_least_field) if condition.at_least_field else None,
            "at_most_field": field_key(condition.at_most_field) if condition.at_most_field else None,
            "is_changed": condition.changed_since is not None,
            "has_texts": bool(terms["text"]),
            "has_directions": bool(terms["direction"]),
            "has_roles": bool(terms["attended_by"]),
        }
    )
    rows["condition_keys"] += [{"condition_id": condition_id, "subject_key": key} for key in condition.subject_keys()]
    rows["condition_terms"] += [
        {"condition_id": condition_id, "term": term, "accepted_value": value}
        for term, values in terms.items()
        for value in values
    ]


def _day_number(day: date | None) -> float | None:
    return None if day is None else float((day - date(1970, 1, 1)).days)


def _periods(fiscal_start_month: int) -> Iterator[dict[str, Any]]:
    """Months, then every fiscal quarter that holds one of them. A fiscal year is named by the year it ends in."""
    first, last = FIRST_PERIOD_YEAR * 12, LAST_PERIOD_YEAR * 12 + 11
    for month in range(first, last + 1):
        yield _period("month", month, 1, f"{month // 12}-{month % 12 + 1:02d}")
    # Months counted from year 0; a quarter starts where the count from the fiscal start divides by three.
    start = first - (first - (fiscal_start_month - 1)) % 3
    for month in range(start, last + 1, 3):
        months_into_year = (month - (fiscal_start_month - 1)) % 12
        last_month_of_year = month - months_into_year + 11
        yield _period("quarter", month, 3, f"FY{last_month_of_year // 12}-Q{months_into_year // 3 + 1}")


def _period(kind: str, month: int, months: int, label: str) -> dict[str, Any]:
    return {
        "period_kind": kind,
        "period_start": _first_day(month),
        "period_end": _first_day(month + months) - timedelta(days=1),
        "period_label": label,
    }


def _first_day(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)
