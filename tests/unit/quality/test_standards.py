"""The shipped standards load, and a flaw in any of them is refused with its file, line, field and remedy."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import quality
from quality.standards import StandardsRefused, fingerprint, load, suite_rules, tables

SHIPPED = Path(quality.__file__).parent / "standards"
FUNNEL = "funnels/direct_sales.yml"

EXAMPLE = "write one like https://acme.example.com/deals/{deal_id}"

Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Copies the shipped standards and replaces the first occurrence of a text in one file."""
    folder = tmp_path / "standards"
    shutil.copytree(SHIPPED, folder)

    def edit(file: str, old: str, new: str) -> Path:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return edit


def line_of(file: str, text: str) -> int:
    """1-based line of the shipped file on which `text` first stands."""
    return (SHIPPED / file).read_text(encoding="utf-8").split(text)[0].count("\n") + 1


def refusal(folder: Path) -> list[str]:
    with pytest.raises(StandardsRefused) as refused:
        load(folder)
    assert str(refused.value) == refused.value.problems[0]
    return refused.value.problems


# What is shipped


def test_the_shipped_standards_load() -> None:
    standards = load(SHIPPED)
    assert [funnel.funnel for funnel in standards.funnels] == ["direct_sales"]
    assert standards.company.time_zone == "Asia/Shanghai"


def test_the_shipped_funnel_has_the_stages_of_the_company_in_order() -> None:
    stages = tables(load(SHIPPED))["funnel_stages"]
    assert stages.select("stage", "name_zh", "stage_rank", "outcome", "sort_order").rows() == [
        ("initial_contact", "初步接洽", 1, None, 1),
        ("qualification", "资格确认", 2, None, 2),
        ("needs_analysis", "需求分析", 3, None, 3),
        ("solution_demo", "方案演示", 4, None, 4),
        ("proposal", "方案报价", 5, None, 5),
        ("negotiation", "商务谈判", 6, None, 6),
        ("won", "赢单", None, "won", 7),
        ("lost", "输单", None, "lost", 8),
        ("nurture", "长期培育", None, "nurtured", 9),
    ]


@pytest.mark.parametrize(
    ("criterion_id", "gate", "subjects", "at_least", "attended_by"),
    [
        ("initial_contact.discovery_held", "exit", [("activity", ["demo", "interview"])], [30.0], []),
        ("initial_contact.pain_points_recorded", "exit", [("evidence", ["pain_points"])], [1.0], []),
        ("qualification.budget_confirmed", "exit", [("evidence", ["budget"])], [None], []),
        ("qualification.authority_confirmed", "exit", [("evidence", ["authority"])], [None], []),
        ("qualification.need_confirmed", "exit", [("evidence", ["need"])], [None], []),
        ("qualification.timeline_confirmed", "exit", [("evidence", ["timeline"])], [None], []),
        (
            "negotiation.decision_maker_engaged",
            "entry",
            [("activity", ["demo"]), ("evidence", ["decision_maker_comments"])],
            [None, None],
            ["decision_maker"],
        ),
        ("proposal.receipt_in_writing", "exit", [("evidence", ["proposal_receipt"])], [None], []),
        ("proposal.internal_review_dated", "exit", [("evidence", ["internal_review_date"])], [None], []),
    ],
)
def test_the_shipped_gates_ask_for_the_proof_that_the_company_demands(
    criterion_id: str,
    gate: str,
    subjects: list[tuple[str, list[str]]],
    at_least: list[float | None],
    attended_by: list[str],
) -> None:
    frames = tables(load(SHIPPED))
    mine = pl.col("criterion_id") == f"direct_sales.{criterion_id}"
    criterion = frames["criteria"].filter(mine).row(0, named=True)
    conditions = frames["criterion_conditions"].filter(mine)
    keys = (
        conditions.select("condition_id", "subject")
        .join(frames["condition_keys"], on="condition_id", maintain_order="left")
        .group_by("condition_id", "subject", maintain_order=True)
        .agg("subject_key")
    )
    roles = frames["condition_terms"].filter(
        (pl.col("term") == "attended_by") & pl.col("condition_id").is_in(conditions["condition_id"].implode())
    )
    assert criterion["gate"] == gate
    assert (criterion["steps_needed"], criterion["steps"]) == (len(subjects), len(subjects))
    assert keys.select("subject", "subject_key").rows() == subjects
    assert conditions["at_least"].to_list() == at_least
    assert roles["accepted_value"].to_list() == attended_by


def test_the_customer_confirms_budget_authority_need_and_timeline_with_a_yes() -> None:
    frames = tables(load(SHIPPED))
    texts = (
        frames["condition_terms"]
        .filter(pl.col("term") == "text")
        .join(frames["criterion_conditions"], on="condition_id", maintain_order="left")
    )
    assert texts.group_by("criterion_id", maintain_order=True).agg("accepted_value").rows() == [
        (criterion_id.format(name), ["yes", "是"])
        for criterion_id in ("direct_sales.qualification.{}_confirmed", "bant.{}")
        for name in ("budget", "authority", "need", "timeline")
    ]


def test_a_name_in_two_cases_is_one_row_so_that_no_activity_is_doubled() -> None:
    frames = tables(load(SHIPPED))
    for name in ("activity_types", "contact_role_names"):
        assert not frames[name]["crm_name"].is_duplicated().any()
    roles = frames["contact_role_names"]
    assert roles.filter(pl.col("crm_name") == "decision maker")["contact_role"].to_list() == ["decision_maker"]


def test_every_rule_is_asked_in_every_funnel() -> None:
    standards = load(SHIPPED)
    rules = suite_rules(standards)
    assert rules.height == 10 + 12
    assert not rules.select("funnel", "rule_id").is_duplicated().any()


def test_equal_standards_give_equal_tables() -> None:
    first, second = tables(load(SHIPPED)), tables(load(SHIPPED))
    assert list(first) == list(second)
    assert all(first[name].equals(second[name]) for name in first)


def test_reading_standards_does_not_wait_for_great_expectations() -> None:
    code = "import sys, quality.standards, quality.expectations; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=SHIPPED.parents[1]).returncode == 0


# Tables


def test_a_calendar_year_has_the_quarters_of_the_calendar() -> None:
    periods = tables(load(SHIPPED))["periods"]
    assert periods.filter(pl.col("period_label").is_in(["2026-11", "FY2026-Q4"])).rows() == [
        ("month", date(2026, 11, 1), date(2026, 11, 30), "2026-11"),
        ("quarter", date(2026, 10, 1), date(2026, 12, 31), "FY2026-Q4"),
    ]


def test_a_fiscal_year_is_named_by_the_calendar_year_it_ends_in(edited: Edit) -> None:
    folder = edited("company.yml", "fiscal_year_starts_in_month: 1", "fiscal_year_starts_in_month: 4")
    periods = tables(load(folder))["periods"].filter(pl.col("period_kind") == "quarter")
    assert periods.filter(pl.col("period_start").is_between(date(2026, 1, 1), date(2026, 12, 31))).rows() == [
        ("quarter", date(2026, 1, 1), date(2026, 3, 31), "FY2026-Q4"),
        ("quarter", date(2026, 4, 1), date(2026, 6, 30), "FY2027-Q1"),
        ("quarter", date(2026, 7, 1), date(2026, 9, 30), "FY2027-Q2"),
        ("quarter", date(2026, 10, 1), date(2026, 12, 31), "FY2027-Q3"),
    ]


@pytest.mark.parametrize("month", range(1, 13))
def test_every_day_lies_in_one_month_and_one_quarter(edited: Edit, month: int) -> None:
    folder = edited("company.yml", "fiscal_year_starts_in_month: 1", f"fiscal_year_starts_in_month: {month}")
    periods = tables(load(folder))["periods"]
    for kind in ("month", "quarter"):
        mine = periods.filter(pl.col("period_kind") == kind)
        assert mine["period_start"][0] <= date(2000, 1, 1)
        assert mine["period_end"][-1] >= date(2050, 12, 31)
        gaps = mine["period_start"].shift(-1) - mine["period_end"]
        assert gaps.drop_nulls().dt.total_days().unique().to_list() == [1]
        assert not mine["period_label"].is_duplicated().any()
    starts = periods.filter(pl.col("period_label").str.ends_with("-Q1"))["period_start"].dt.month().unique()
    assert starts.to_list() == [month]


def test_a_second_version_ends_the_first(edited: Edit) -> None:
    text = (SHIPPED / FUNNEL).read_text(encoding="utf-8")
    version = text[text.index("  - valid_from") :]
    later = version.replace("2000-01-01", "2026-07-01").replace("cap_days: 21", "cap_days: 14")
    frames = tables(load(edited(FUNNEL, version, version + later)))
    assert frames["funnel_versions"].rows() == [
        ("direct_sales", 1, date(2000, 1, 1), date(2026, 7, 1)),
        ("direct_sales", 2, date(2026, 7, 1), None),
    ]
    caps = frames["funnel_stages"].filter(pl.col("stage") == "initial_contact")
    assert caps["cap_days"].to_list() == [21, 14]
    assert suite_rules(load(edited(FUNNEL, "cap_days: 30", "cap_days: 31"))).height == 22


@pytest.mark.parametrize(
    ("needs", "needed", "steps"),
    [
        ("any: [{evidence: [a]}, {evidence: [b]}]", 1, [(1, 1), (2, 1)]),
        ("all: [{evidence: [a]}, {evidence: [b]}]", 2, [(1, 1), (2, 1)]),
        ("at_least: {k: 2, of: [{evidence: [a]}, {evidence: [b]}, {evidence: [c]}]}", 2, [(1, 1), (2, 1), (3, 1)]),
        ("all: [{evidence: [a]}, {any_of: [{evidence: [b]}, {document: [c]}]}]", 2, [(1, 1), (2, 1), (2, 1)]),
        ("any: [{all_of: [{evidence: [a]}, {document: [b]}]}, {evidence: [c]}]", 1, [(1, 2), (1, 2), (2, 1)]),
    ],
)
def test_conditions_combine_as_all_any_or_k_of_several_and_one_level_down_again(
    edited: Edit, needs: str, needed: int, steps: list[tuple[int, int]]
) -> None:
    old = "all:\n                - {document: [requirements]}"
    frames = tables(load(edited(FUNNEL, old, needs.replace("evidence", "document"))))
    mine = pl.col("criterion_id") == "direct_sales.needs_analysis.requirements_signed_off"
    criterion = frames["criteria"].filter(mine).row(0, named=True)
    assert (criterion["steps_needed"], criterion["steps"]) == (needed, len({number for number, _ in steps}))
    assert frames["criterion_conditions"].filter(mine).select("step_number", "step_needed").rows() == steps


CONDITION = "all:\n                - {document: [requirements]}"


def test_every_test_of_a_condition_is_a_column_or_a_term(edited: Edit) -> None:
    needs = """all:
                - {activity: [Demo, 拜访], at_least_minutes: 30, status: [held, planned], direction: [inbound],
                   customer_present: false, attended_by: [champion]}
                - {field: amount, at_least: 1000, at_most: 9000000, equals: [" A ", b]}
                - {field: expected_close_date, not_before: 2026-01-31, changed_since: stage_entered}
                - {field: X_Discount, filled: true, at_most_field: x_limit, at_least_field: probability}
                - {contact_role: [economic_buyer]}"""
    folder = edited(FUNNEL, CONDITION, needs)
    (folder / FUNNEL).write_text(
        (folder / FUNNEL).read_text(encoding="utf-8").replace("kind: document", "kind: field"), encoding="utf-8"
    )
    frames = tables(load(folder))
    mine = pl.col("criterion_id") == "direct_sales.needs_analysis.requirements_signed_off"
    conditions = frames["criterion_conditions"].filter(mine)
    ids = conditions["condition_id"].to_list()
    assert conditions["subject"].to_list() == ["activity", "field", "field", "field", "contact_role"]
    assert conditions["at_least"].to_list() == [30, 1000, 20484, None, None]
    assert conditions["at_most"].to_list() == [None, 9e6, None, None, None]
    assert conditions["is_date"].to_list() == [False, False, True, False, False]
    assert conditions["is_customer_present"].to_list() == [False, None, None, None, None]
    assert conditions["is_changed"].to_list() == [False, False, True, False, False]
    assert conditions.select("is_filled", "at_least_field", "at_most_field").row(3) == (True, "probability", "x_limit")
    keys = frames["condition_keys"].filter(pl.col("condition_id").is_in(ids))["subject_key"].to_list()
    assert keys == ["demo", "拜访", "amount", "expected_close_date", "x_discount", "economic_buyer"]
    assert frames["condition_terms"].filter(pl.col("condition_id").is_in(ids)).rows() == [
        (ids[0], "status", "held"),
        (ids[0], "status", "planned"),
        (ids[0], "direction", "inbound"),
        (ids[0], "attended_by", "champion"),
        (ids[1], "text", "a"),
        (ids[1], "text", "b"),
    ]


@pytest.mark.parametrize(
    ("kind", "condition", "field", "sentence"),
    [
        (
            "document",
            "{at_least: 3}",
            "",
            "should be about exactly one of evidence, activity, document, field, contact_role; found none",
        ),
        (
            "document",
            "{document: [a], field: amount}",
            "",
            "should be about exactly one of evidence, activity, document, field, contact_role; "
            "found document and field",
        ),
        (
            "customer_action",
            "{activity: [demo], at_least: 30}",
            ".at_least",
            "says nothing about an activity; it is for evidence and a document and a field",
        ),
        (
            "customer_action",
            "{activity: [demo], status: [planned, cancelled]}",
            ".status",
            "what was not held is no act of the customer, so nothing could meet it; add held, or change the kind of "
            "the criterion",
        ),
        (
            "customer_action",
            "{activity: [site tour, demoo]}",
            ".activity[1]",
            '"demoo" is no type of activity of evidence.yml; did you mean demo? One of its own is added there',
        ),
        (
            "customer_action",
            "{activity: [Product Demo]}",
            ".activity[0]",
            '"Product Demo" is what a CRM calls the type demo; write demo',
        ),
        (
            "document",
            "{evidence: [a], attended_by: [champion]}",
            ".attended_by",
            "says nothing about evidence; it is for an activity",
        ),
        (
            "customer_action",
            "{field: amount, filled: true}",
            ".field",
            "a field never settles a customer_action: evidence.yml accepts customer_action; ask for such evidence, or "
            "change the kind of the criterion",
        ),
        (
            "customer_action",
            "{contact_role: [champion]}",
            ".contact_role",
            "a contact role never settles a customer_action: evidence.yml accepts customer_action; ask for such "
            "evidence, or change the kind of the criterion",
        ),
        (
            "customer_action",
            "{evidence: [activity.demo]}",
            ".evidence[0]",
            "activities have a condition of their own; write `activity: [demo]`",
        ),
        (
            "field",
            "{field: amount}",
            "",
            "says nothing that the field should be; add `filled: true` or another test",
        ),
        (
            "field",
            "{field: amount, filled: false, at_least: 1}",
            ".filled",
            "an empty field passes no other test; leave `filled: false` alone",
        ),
        (
            "field",
            "{field: expected_close_date, not_before: 2026-02-01, not_after: 2026-01-01}",
            ".not_before",
            "is after not_after (2026-01-01); nothing could meet it",
        ),
        (
            "field",
            "{field: expected_close_date, not_before: 2026-02-01, at_most: 3}",
            "",
            "compares one field as a day and as a number; keep one of the two",
        ),
        (
            "field",
            "{field: ammount, filled: true}",
            ".field",
            '"ammount" is no field of deals; did you mean amount? An attribute is written x_ammount',
        ),
        (
            "field",
            "{contact_role: [champoin]}",
            ".contact_role[0]",
            '"champoin" is no contact role of evidence.yml; did you mean champion?',
        ),
        (
            "customer_action",
            "{activity: [demo], status: [done]}",
            ".status[0]",
            'should be held, planned or cancelled; found "done"; valid are held, planned, cancelled',
        ),
        (
            "customer_action",
            "{activity: [demo], customer_present: maybe}",
            ".customer_present",
            'should be true or false; found "maybe"',
        ),
        (
            "field",
            "{field: amount, changed_since: yesterday}",
            ".changed_since",
            'should be stage_entered; found "yesterday"; valid are stage_entered',
        ),
        (
            "document",
            "{document: [a], any_of: [{document: [b]}]}",
            "",
            "any_of stands alone; move the other fields into its conditions",
        ),
        (
            "document",
            "{any_of: [{activity: [demo]}]}",
            ".any_of[0].activity",
            "an activity never settles a document: evidence.yml accepts document; ask for such evidence, or change the "
            "kind of the criterion",
        ),
        (
            "document",
            "{any_of: [{all_of: [{document: [a]}]}]}",
            ".any_of[0].all_of",
            "is not a known field; valid are evidence, activity, document, field, contact_role, at_least, at_most, "
            "equals, at_least_minutes, status, direction, customer_present, attended_by, filled, not_before, "
            "not_after, at_least_field, at_most_field, changed_since",
        ),
    ],
)
def test_a_condition_that_could_not_be_meant_is_refused_by_line(
    edited: Edit, kind: str, condition: str, field: str, sentence: str
) -> None:
    line = line_of(FUNNEL, "- {document: [requirements]}")
    folder = edited(FUNNEL, "- {document: [requirements]}", f"- {condition}")
    text = (folder / FUNNEL).read_text(encoding="utf-8").replace("kind: document", f"kind: {kind}")
    (folder / FUNNEL).write_text(text, encoding="utf-8")
    place = f"{STAGE}[2].exit[0].needs.all[0]{field}"
    assert refusal(folder) == [f"{FUNNEL}, line {line}: {place}: {sentence}"]


def test_a_part_of_bant_asks_for_what_settles_its_kind(edited: Edit) -> None:
    folder = edited(
        "icp.yml",
        'budget: {kind: customer_action, any: [{evidence: [budget], equals: ["yes", 是]}]}',
        "budget: {kind: customer_action, any: [{field: amount, filled: true}]}",
    )
    assert refusal(folder) == [
        f"icp.yml, line {line_of('icp.yml', '  budget: {kind')}: bant.budget.any[0].field: a field never settles a "
        "customer_action: evidence.yml accepts customer_action; ask for such evidence, or change the kind of the "
        "criterion"
    ]


# The fingerprint


def test_a_comment_does_not_change_the_fingerprint(edited: Edit) -> None:
    folder = edited("company.yml", "# The weight, in deals", "# Weight in deals")
    assert fingerprint(folder) == fingerprint(SHIPPED)


def test_a_value_changes_the_fingerprint(edited: Edit) -> None:
    assert fingerprint(edited(FUNNEL, "cap_days: 21", "cap_days: 22")) != fingerprint(SHIPPED)


# Refusals: (file, text, its replacement, the sentence without "file, line n: ")


STAGE = "versions[0].stages"


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            FUNNEL,
            "cap_days: 21",
            "cap_days: abc",
            f'{STAGE}[0].cap_days: should be a whole number of days above 0; found "abc"',
        ),
        (
            FUNNEL,
            "cap_days: 45",
            "cap_days: 0",
            f"{STAGE}[2].cap_days: should be a whole number of days above 0; found 0",
        ),
        (
            FUNNEL,
            "cap_days: 21",
            "cap_days: 2.5",
            f"{STAGE}[0].cap_days: should be a whole number of days above 0; found 2.5",
        ),
        (
            FUNNEL,
            "cap_days: 21",
            "cap_days: 010",
            f'{STAGE}[0].cap_days: should be a whole number of days above 0; found "010"',
        ),
        (FUNNEL, "cap_days: 21", "cap_days: 99999", f"{STAGE}[0].cap_days: should be at most 36500; found 99999"),
        (FUNNEL, "cap_days: 21", "cap_dayz: 21", f"{STAGE}[0].cap_dayz: is not a known field; did you mean cap_days?"),
        (
            FUNNEL,
            'equals: ["yes", 是]',
            "equals: [yes, 是]",
            f"{STAGE}[1].exit[0].needs.all[0].equals[0]: should be a text; found yes, which YAML reads as true or "
            'false: quote it, "yes"',
        ),
        (
            "company.yml",
            "language: en",
            "language: no",
            'language: should be en or zh; found no, which YAML reads as true or false: quote it, "no"',
        ),
        (
            FUNNEL,
            "generic: [direct_sales, 直销]",
            "on: [direct_sales]",
            'crm_names: the name on is not read as a text by YAML; quote it: "on"',
        ),
        (
            FUNNEL,
            "generic: [direct_sales, 直销]",
            "Generic: [direct_sales]",
            "crm_names.Generic: the name should be lower-case letters, digits and _, starting with a letter",
        ),
        (
            FUNNEL,
            "valid_from: 2000-01-01",
            "valid_from: 2026-02-30",
            "versions[0].valid_from: 2026-02-30 is no day of the calendar; correct the date",
        ),
        (
            FUNNEL,
            "valid_from: 2000-01-01",
            "valid_from: 1 May 2026",
            'versions[0].valid_from: should be a date like 2026-01-31; found "1 May 2026"',
        ),
        (
            FUNNEL,
            "name: {en: Direct sales, zh: 直销}",
            "name: {en: Direct sales}",
            "name.zh: the Chinese text is missing; every wording needs both, en and zh",
        ),
        (
            FUNNEL,
            "name: {en: Direct sales, zh: 直销}",
            "name: {zh: 直销}",
            "name.en: the English text is missing; every wording needs both, en and zh",
        ),
        (
            FUNNEL,
            "severity: block",
            "severity: blok",
            f'{STAGE}[0].exit[0].severity: should be block or warn; found "blok"; did you mean block?',
        ),
        (
            FUNNEL,
            "kind: document",
            "kind: documents",
            f"{STAGE}[2].exit[0].kind: should be customer_action, recorded_event, document or field; "
            'found "documents"; did you mean document?',
        ),
        (
            FUNNEL,
            "outcome: won",
            "outcome: win",
            f'{STAGE}[6].outcome: should be won, lost, nurtured or disqualified; found "win"; did you mean won?',
        ),
        (
            FUNNEL,
            "outcome: won",
            "outcome: lost",
            "versions[0].stages: no stage means won; give one stage `outcome: won`",
        ),
        (FUNNEL, "- stage: won", "- stage: lost", f'{STAGE}[7].stage: "lost" is listed twice; remove one'),
        (
            FUNNEL,
            "generic: [赢单, Won]",
            "generic: [赢单, proposal]",
            f'{STAGE}[6].crm_names.generic[1]: "proposal" already names the stage proposal in generic; '
            "a name leads to one stage",
        ),
        (
            FUNNEL,
            "is_default: true",
            "is_default: false",
            "is_default: no funnel is the default; add `is_default: true` to one funnel",
        ),
        (
            FUNNEL,
            "funnel: direct_sales",
            "funnel: all",
            'funnel: "all" stands for all funnels together; choose another name',
        ),
        (
            FUNNEL,
            "attended_by: [decision_maker]",
            "attended_by: [decision_makr]",
            f'{STAGE}[5].entry[0].needs.all[0].attended_by[0]: "decision_makr" is no contact role of evidence.yml; '
            "did you mean decision_maker?",
        ),
        (
            FUNNEL,
            "criterion: pain_points_recorded",
            "criterion: discovery_held",
            f'{STAGE}[0].exit[0].criterion: "discovery_held" is used more than once in this stage; ids must differ',
        ),
        (
            FUNNEL,
            "- {document: [requirements]}",
            "- {document: [requirements]}\n              any:\n                - {document: [requirements]}",
            f"{STAGE}[2].exit[0].needs: should hold exactly one of all, any and at_least; found all and any",
        ),
        (
            FUNNEL,
            "all:\n                - {document: [requirements]}",
            "at_least: {k: 2, of: [{document: [requirements]}]}",
            f"{STAGE}[2].exit[0].needs.at_least.k: asks for 2 of 1 conditions; lower it",
        ),
        (
            FUNNEL,
            "at_least: 1\n",
            "at_least: 30\n                  at_most: 20\n",
            f"{STAGE}[0].exit[1].needs.all[0].at_least: is above at_most (30 > 20); nothing could meet it",
        ),
        (
            FUNNEL,
            "outcome: won",
            "outcome: won\n        cap_days: 3",
            f"{STAGE}[6].cap_days: only an open stage has it; remove it, or remove `outcome`",
        ),
        (
            "company.yml",
            "Asia/Shanghai",
            "Asia/Shangai",
            'time_zone: "Asia/Shangai" is no time zone; did you mean Asia/Shanghai?',
        ),
        ("company.yml", "owner, team", "owners, team", 'segments[2]: "owners" is no segment; did you mean owner?'),
        (
            "company.yml",
            "forecast_segment: icp_band",
            "forecast_segment: deal_type",
            'forecast_segment: "deal_type" is not among the segments above; '
            "valid are icp_band, lead_source, owner, team, amount_band, region, product",
        ),
        (
            "company.yml",
            "amount_bands: [100000, 500000]",
            "amount_bands: []",
            "amount_bands: segments names amount_band, so list where each band begins, like [10000, 50000]",
        ),
        (
            "company.yml",
            "[100000, 500000]",
            "[100000, 100000]",
            "amount_bands[1]: 100000 does not rise above 100000; list the bands in rising order",
        ),
        (
            "company.yml",
            "reporting_currency: CNY",
            "reporting_currency: RMB¥",
            'reporting_currency: should be a currency code of three capital letters, like CNY; found "RMB¥"',
        ),
        (
            "company.yml",
            "minimum_n: 30",
            "minimum_n: .inf",
            'minimum_n: should be a whole number of deals above 0; found ".inf"',
        ),
        ("company.yml", "company: Demo company", "company:", "company: should be a text; found nothing"),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforce: 'https://acme.example.com/deals'}",
            "record_links.salesforce: should hold {deal_id} exactly once, where the deal's id stands; found 0 times; "
            + EXAMPLE,
        ),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforce: 'https://acme.example.com/{deal_id}/{deal_id}'}",
            "record_links.salesforce: should hold {deal_id} exactly once, where the deal's id stands; found 2 times; "
            + EXAMPLE,
        ),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforce: 'javascript:alert({deal_id})'}",
            'record_links.salesforce: "javascript:alert({deal_id})" is no web address; ' + EXAMPLE,
        ),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforce: 'data:text/html,{deal_id}'}",
            'record_links.salesforce: "data:text/html,{deal_id}" is no web address; ' + EXAMPLE,
        ),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforce: 'https://{deal_id}.example.com/'}",
            'record_links.salesforce: "https://{deal_id}.example.com/" names no host before {deal_id}; ' + EXAMPLE,
        ),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforce: 'https://me:secret@example.com/{deal_id}'}",
            'record_links.salesforce: "https://me:secret@example.com/{deal_id}" names no host before {deal_id}; '
            + EXAMPLE,
        ),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforce: 'https://example.com/a b/{deal_id}'}",
            'record_links.salesforce: "https://example.com/a b/{deal_id}" holds a blank, a quote or another '
            "character that no address holds; " + EXAMPLE,
        ),
        (
            "company.yml",
            "language: en",
            "language: en\nrecord_links: {salesforec: 'https://example.com/{deal_id}'}",
            "record_links.salesforec: salesforec is no CRM that a funnel file names; did you mean salesforce?",
        ),
        ("icp.yml", "weight: 35", "weight: 0", "attributes[0].weight: should be a number above 0; found 0"),
        ("icp.yml", "weight: 35", "weight: -1", "attributes[0].weight: should be a number above 0; found -1"),
        ("icp.yml", "B: 60", "B: 90", "bands.B: should start below A (80); list the highest band first"),
        ("icp.yml", "D: 0", "D: 5", "bands.D: the last band should start at 0, so that every score has a band"),
        (
            "icp.yml",
            "employees: [10, 50, 250",
            "employees: [10, 50, 50",
            "ranges.employees: should rise from number to number; list the smallest first",
        ),
        (
            "icp.yml",
            "annual_revenue: [1000000,",
            "industry: [1000000,",
            "ranges.industry: industry is compared by its values and has no ranges; remove it",
        ),
        (
            "icp.yml",
            "budget: {kind: customer_action",
            "budget: {kind: customer",
            "bant.budget.kind: should be customer_action, recorded_event, document or field; "
            'found "customer"; did you mean customer_action?',
        ),
        (
            "icp.yml",
            "attribute: industry",
            "attribute: industri",
            'attributes[0].attribute: "industri" is no attribute of accounts; did you mean industry?',
        ),
        (
            "rules.yml",
            "rule: dwell_over_cap",
            "rule: dwell_over_cup",
            'rules[3].rule: "dwell_over_cup" is no standing rule; did you mean dwell_over_cap?',
        ),
        (
            "rules.yml",
            "from_stage: proposal",
            "from_stage: propsal",
            'rules[1].from_stage: "propsal" is no open stage of any funnel; did you mean proposal?',
        ),
        ("rules.yml", "days: 3", "from_stage: proposal", "rules[0].days: is missing; close_date_past needs it"),
        (
            "rules.yml",
            "    times: 2\n    wording:\n      en: The exp",
            "    wording:\n      en: The exp",
            "rules[6].times: is missing; close_date_pushed needs it",
        ),
        (
            "rules.yml",
            "roles: [economic_buyer, decision_maker]\n    #",
            "roles: [economic_buyr, decision_maker]\n    #",
            'rules[8].roles[0]: "economic_buyr" is no contact role of evidence.yml; did you mean economic_buyer?',
        ),
        (
            "rules.yml",
            "categories: [commit, committed, 承诺]",
            "categories: [commit, commit]",
            'rules[8].categories[1]: "commit" is listed twice; remove one',
        ),
        (
            "data.yml",
            "expectation: owner_missing",
            "expectation: owner_mising",
            'expectations[10].expectation: "owner_mising" is no expectation of the data; did you mean owner_missing?',
        ),
        (
            "data.yml",
            "    at_most_pct: 5\n    wording: {en: Every open deal",
            "    wording: {en: Every open deal",
            "expectations[10].at_most_pct: is missing; add how many per cent of the rows may fail, 0 for none",
        ),
        (
            "data.yml",
            "severity: warn\n    wording: {en: Each table",
            "severity: warn\n    at_most_pct: 1\n    wording: {en: Each table",
            "expectations[4].at_most_pct: says nothing to table_volume; remove it",
        ),
        (
            "data.yml",
            "minimum_nights: 7",
            "minimum_nights: 29",
            "usual_range.minimum_nights: 29 nights are never among the last 28; lower it",
        ),
        (
            "data.yml",
            "expectation: owner_unknown",
            "expectation: owner_missing",
            'expectations[11]: "owner_missing" is listed twice; remove one',
        ),
        (
            "waivers.yml",
            "waivers: []",
            "waivers:\n  - {rule: rule.close_date_past, deal: d, by: M, why: w, from: 2026-01-01, until: 2026-04-02}",
            "waivers[0].until: 2026-04-02 is more than 90 days after 2026-01-01; the latest that a waiver may hold is "
            "2026-04-01",
        ),
        (
            "waivers.yml",
            "waivers: []",
            "waivers:\n  - {rule: rule.close_date_past, deal: d, by: M, from: 2026-01-01, until: 2026-02-02}",
            "waivers[0].why: is missing; add it: a text",
        ),
        (
            "evidence.yml",
            "customer_action: [customer_action]",
            "customer_action: [field]",
            'accepts.customer_action[0]: "field" cannot settle what a customer must do; '
            "leave customer_action alone in this list",
        ),
        (
            "evidence.yml",
            "document: [document]",
            "document: [dokument]",
            'accepts.document[0]: "dokument" is no kind of evidence; did you mean document?',
        ),
        (
            "evidence.yml",
            "interview: [interview",
            "interview: [Demo",
            'activity_types.interview[0]: "Demo" already means the activity type demo, whatever its case; '
            "a name has one meaning",
        ),
        (
            "rules.yml",
            "segment: icp_band",
            "segment: icp_bend",
            'stalls.segment: "icp_bend" is not among the segments of company.yml; did you mean icp_band?',
        ),
        (
            "rules.yml",
            "reason: champion_gone",
            "reason: champion_gon",
            'stalls.reasons[0].reason: "champion_gon" is no reason that records can tell; did you mean champion_gone?',
        ),
        (
            "rules.yml",
            "roles: [champion]",
            "times: 2",
            "stalls.reasons[0].roles: is missing; champion_gone needs it",
        ),
        (
            "rules.yml",
            "roles: [champion]",
            "roles: [champoin]",
            'stalls.reasons[0].roles[0]: "champoin" is no contact role of evidence.yml; did you mean champion?',
        ),
        (
            "rules.yml",
            "silent_after_days: 21",
            "silent_after_days: 0",
            "stalls.silent_after_days: should be a whole number of days above 0; found 0",
        ),
    ],
)
def test_one_flaw_is_refused_with_file_line_field_and_remedy(
    edited: Edit, file: str, old: str, new: str, sentence: str
) -> None:
    folder = edited(file, old, new)
    problems = refusal(folder)
    start = f"{file}, line "
    found = [problem for problem in problems if problem.startswith(start) and problem.endswith(f": {sentence}")]
    assert found, problems


@pytest.mark.parametrize(
    ("file", "old", "new", "anchor"),
    [
        (FUNNEL, "cap_days: 21", "cap_days: abc", "cap_days: 21"),
        (FUNNEL, "cap_days: 40", "cap_dayz: 40", "cap_days: 40"),
        (FUNNEL, 'equals: ["yes", 是]', "equals: [yes]", 'equals: ["yes"'),
        (FUNNEL, "generic: [输单, Lost]", "generic: [赢单, Lost]", "generic: [输单, Lost]"),
        (FUNNEL, "attended_by: [decision_maker]", "attended_by: [nobody]", "attended_by: [decision_maker]"),
        ("rules.yml", "zh: 已约定下一步。", "", "wording:\n      en: A next step"),
        ("icp.yml", "weight: 15", "weight: x", "weight: 15"),
        ("company.yml", "time_zone: Asia/Shanghai", "time_zone: Mars", "time_zone:"),
    ],
)
def test_the_line_is_the_line_of_the_flaw(edited: Edit, file: str, old: str, new: str, anchor: str) -> None:
    problems = refusal(edited(file, old, new))
    assert problems[0].startswith(f"{file}, line {line_of(file, anchor)}: ")
    assert len(problems) == 1


def test_a_field_that_is_missing_is_named_with_what_belongs_there(edited: Edit) -> None:
    folder = edited("company.yml", "minimum_n: 30\n", "")
    assert refusal(folder) == ["company.yml, line 3: minimum_n: is missing; add it: a whole number of deals above 0"]


def test_a_key_given_twice_is_refused_with_both_lines(edited: Edit) -> None:
    folder = edited(FUNNEL, "        cap_days: 21\n", "        cap_days: 21\n        cap_days: 22\n")
    line = line_of(FUNNEL, "cap_days: 21")
    assert refusal(folder) == [
        f"{FUNNEL}, line {line + 1}: {STAGE}[0].cap_days: is given twice, first on line {line}; keep one of them"
    ]


def test_versions_out_of_order_are_refused(edited: Edit) -> None:
    text = (SHIPPED / FUNNEL).read_text(encoding="utf-8")
    version = text[text.index("  - valid_from") :]
    folder = edited(FUNNEL, version, version + version)
    line = text.count("\n") + 1
    assert refusal(folder) == [
        f"{FUNNEL}, line {line}: versions[1].valid_from: should be after 2000-01-01, where the version above begins; "
        "oldest first"
    ]


def test_two_default_funnels_or_two_owners_of_a_name_are_refused(edited: Edit) -> None:
    folder = edited(FUNNEL, "funnel: direct_sales", "funnel: direct_sales")
    text = (folder / FUNNEL).read_text(encoding="utf-8").replace("funnel: direct_sales", "funnel: partner_sales", 1)
    (folder / "funnels" / "partner_sales.yml").write_text(text, encoding="utf-8")
    assert refusal(folder) == [
        f"funnels/partner_sales.yml, line 7: is_default: {FUNNEL} is the default already; only one funnel may be",
        *(
            f'funnels/partner_sales.yml, line {line}: crm_names.{crm}[{number}]: "{name}" already names the funnel of '
            f"{FUNNEL}; a name leads to one funnel"
            for line, crm, number, name in (
                (9, "generic", 0, "direct_sales"),
                (9, "generic", 1, "直销"),
                (10, "salesforce", 0, "Direct_Sales"),
                (10, "salesforce", 1, "Direct Sales"),
                (11, "dynamics", 0, "Opportunity Sales Process"),
                (11, "dynamics", 1, "Sales Process"),
                (11, "dynamics", 2, "Lead To Opportunity Sales Process"),
                (12, "fxiaoke", 0, "直销"),
                (12, "fxiaoke", 1, "直销流程"),
                (14, "hubspot", 0, "Sales Pipeline"),
                (14, "hubspot", 1, "default"),
                (15, "pipedrive", 0, "Pipeline"),
            )
        ),
    ]


def test_all_flaws_of_all_files_are_told_at_once(edited: Edit) -> None:
    edited("company.yml", "minimum_n: 30", "minimum_n: x")
    edited("icp.yml", "weight: 35", "weight: 0")
    folder = edited(FUNNEL, "cap_days: 21", "cap_days: abc")
    assert [problem.split(",")[0] for problem in refusal(folder)] == ["company.yml", FUNNEL, "icp.yml"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "rules.yml, line 1: is empty; restore its content or remove the file"),
        (b"- a\n- b\n", "rules.yml, line 1: should be fields with values, like `name: value`"),
        ("rules: []\n# 规则".encode("gb18030"), "rules.yml, line 2: is not UTF-8 text; save the file in UTF-8"),
        (b"rules: []\nx: \x07\n", "rules.yml, line 2: holds a control character; remove it"),
        (b"rules: &a [*a]\n", "rules.yml, line 1: rules[0]: refers to itself; write the value out"),
        (
            b"rules:\n  - rule: x\n   days: 3\n",
            "rules.yml, line 3: is not valid YAML (expected <block end>, but found '<block mapping start>'); "
            "check indentation, colons and quotes",
        ),
        (
            b"rules: !!python/object:os.system x\n",
            "rules.yml, line 1: rules: the YAML tag tag:yaml.org,2002:python/object:os.system is not supported; "
            "write a plain value",
        ),
    ],
)
def test_a_file_that_is_no_proper_yaml_is_refused_in_one_sentence(edited: Edit, content: bytes, sentence: str) -> None:
    folder = edited("company.yml", "minimum_n: 30", "minimum_n: 30")
    (folder / "rules.yml").write_bytes(content)
    assert refusal(folder) == [sentence]
    assert "\n" not in sentence


def test_a_missing_file_is_named(edited: Edit) -> None:
    folder = edited("company.yml", "minimum_n: 30", "minimum_n: 30")
    (folder / "icp.yml").unlink()
    assert refusal(folder) == ["icp.yml: is missing; copy it from the standards that come with the project and edit it"]


def test_a_misnamed_file_is_not_left_out_in_silence(edited: Edit) -> None:
    folder = edited("company.yml", "minimum_n: 30", "minimum_n: 30")
    (folder / "rule.yml").write_text("rules: []", encoding="utf-8")
    (folder / "funnels" / "partner.yaml").write_text("funnel: partner", encoding="utf-8")
    assert refusal(folder) == [
        "funnels/partner.yaml: is not read; rename it to partner.yml",
        "rule.yml: is no standards file; did you mean rules.yml?",
    ]


def test_a_folder_without_funnels_or_no_folder_at_all_is_refused(edited: Edit, tmp_path: Path) -> None:
    folder = edited("company.yml", "minimum_n: 30", "minimum_n: 30")
    (folder / FUNNEL).unlink()
    assert refusal(folder) == ["funnels: holds no .yml file; add one file per funnel"]
    absent = tmp_path / "nowhere"
    assert refusal(absent) == [f"{absent}: is no folder; STAGEPROOF_STANDARDS must name a folder of standards files"]


def test_ranges_are_cut_where_the_company_says_and_where_the_profile_does() -> None:
    """So that each range lies wholly within what fits, or wholly outside."""
    ranges = tables(load(SHIPPED))["icp_ranges"].filter(pl.col("attribute") == "employees")
    assert dict(ranges.select("range_label", "is_fit").rows()) == {
        "below 10": False,
        "from 10, below 50": False,
        "from 50, below 200": False,
        "from 200, below 250": True,
        "from 250, below 1000": True,
        "from 1000, up to 5000": True,
        "above 5000": False,
    }


@pytest.mark.parametrize(
    "pattern",
    [
        "https://acme.lightning.force.com/lightning/r/Opportunity/{deal_id}/view",
        "https://www.fxiaoke.com/XV/UI/Home#crm/list/=/NewOpportunityObj/{deal_id}",
        "https://acme.crm.dynamics.com/main.aspx?etn=opportunity&id={deal_id}&pagetype=entityrecord",
        "http://10.0.0.7:8080/{deal_id}",
        "https://[2001:db8::1]/{deal_id}",
        "https://客户.example.com/商机/{deal_id}",
    ],
)
def test_an_address_of_records_is_kept_as_it_is(edited: Edit, pattern: str) -> None:
    folder = edited("company.yml", "language: en", f"language: en\nrecord_links: {{salesforce: '{pattern}'}}")
    assert tables(load(folder))["record_links"].rows() == [("salesforce", pattern)]
    assert tables(load(SHIPPED))["record_links"].is_empty()


def test_the_addresses_that_are_shipped_as_comments_are_good_ones_of_every_crm(edited: Edit) -> None:
    text = (SHIPPED / "company.yml").read_text(encoding="utf-8")
    commented = text[text.index("# record_links:") :].split("\n\n")[0]
    lines = [line.removeprefix("# ") for line in commented.splitlines() if line.startswith(("# record_links", "#   "))]
    links = dict(tables(load(edited("company.yml", commented, "\n".join(lines))))["record_links"].rows())
    assert links.keys() == {"salesforce", "hubspot", "pipedrive", "dynamics", "fxiaoke", "generic"}


def test_a_company_without_bant_has_no_parts_of_it(edited: Edit) -> None:
    folder = edited("icp.yml", "bant:", "# bant:")
    text = (folder / "icp.yml").read_text(encoding="utf-8")
    (folder / "icp.yml").write_text(text[: text.index("# bant:")], encoding="utf-8")
    assert tables(load(folder))["bant_parts"].is_empty()
