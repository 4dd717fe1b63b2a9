"""A funnel file with one more version: what stands there stays to the byte, what is proposed loads and says why."""

import shutil
from copy import deepcopy
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from ruamel.yaml import YAML

from orchestration.insights.proposal import Evidence, Proposal, ProposalRefused, propose
from orchestration.night import PROJECT
from quality.standards import Standards, load

SHIPPED = PROJECT / "quality" / "standards"
FILE = SHIPPED / "funnels" / "direct_sales.yml"
NIGHT, NEXT_DAY = date(2026, 6, 30), date(2026, 7, 1)
ROLES = ("decision_maker", "champion")


def row(finding: str, subject: str, stage: str, **other: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        (
            *(
                "other_stage",
                "criterion_id",
                "milestone",
                "median_stay_days",
                "other_median_stay_days",
                "milestone_share",
            ),
            *("median_days_before_milestone", "median_days_after_milestone", "dropoff_deals", "dropoff_share_high"),
        )
    )
    numbers = {
        "deals": 212,
        "win_rate_with": 0.61,
        "win_rate_without": 0.38,
        "win_rate_difference": 0.01,
        "win_rate_difference_low": -0.02,
        "win_rate_difference_high": 0.04,
        "lift": 1.62,
        "lift_low": 1.31,
        "lift_high": 1.9,
    }
    return empty | numbers | {"finding": finding, "subject": subject, "stage": stage, "is_proposed": True} | other


def candidate(subject: str, key: str, role: str | None = None, by_customer: float = 1.0) -> dict[str, Any]:
    return {
        "subject": subject,
        "subject_key": key,
        "contact_role": role,
        "by_customer_share": by_customer,
        "won_share": 0.8,
        "lost_share": 0.3,
    }


CANDIDATES = {
    "activity:demo:champion": candidate("activity", "demo", "champion"),
    "contact_role:sponsor": candidate("contact_role", "sponsor", "sponsor"),
    "contact_role:champion": candidate("contact_role", "champion", "champion", 0.0),
    "document:security_review": candidate("document", "security_review", by_customer=0.0),
    "evidence:site visit": candidate("evidence", "site visit", by_customer=0.5),
    "evidence:budget": candidate("evidence", "budget"),
}
ASK = row("milestone_unasked", "activity:demo:champion", "needs_analysis", milestone="activity:demo:champion")
SOFTEN = row(
    "gate_unsupported",
    "direct_sales.proposal.internal_review_dated",
    "proposal",
    criterion_id="direct_sales.proposal.internal_review_dated",
)
MERGE = row(
    "merge_stages",
    "needs_analysis+solution_demo",
    "needs_analysis",
    other_stage="solution_demo",
    dropoff_deals=3,
    dropoff_share_high=0.03,
    median_stay_days=0.3,
    other_median_stay_days=9.0,
)
SPLIT = row(
    "split_stage",
    "qualification/evidence:budget",
    "qualification",
    milestone="evidence:budget",
    milestone_share=0.5,
    median_days_before_milestone=9.0,
    median_days_after_milestone=12.0,
)


def proposed(*rows: dict[str, Any], text: str | None = None, named: tuple[str, ...] = ("proposal",)) -> Proposal:
    evidence = Evidence(NIGHT, rows, CANDIDATES)
    return propose(text or FILE.read_text(encoding="utf-8"), evidence, NEXT_DAY, ROLES, named)


def loaded(text: str | None, folder: Path) -> Standards:
    shutil.copytree(SHIPPED, folder)
    assert text is not None
    (folder / "funnels" / "direct_sales.yml").write_text(text, encoding="utf-8")
    return load(folder)


@pytest.mark.parametrize(
    "rows", [(ASK,), (SOFTEN,), (MERGE,), (SPLIT,), (ASK, SOFTEN, MERGE, SPLIT)], ids=lambda rows: str(len(rows))
)
def test_every_proposal_loads_with_the_whole_standards_and_keeps_the_file(
    rows: tuple[dict[str, Any], ...], tmp_path: Path
) -> None:
    made = proposed(*rows)
    assert made.text is not None
    assert made.text.startswith(FILE.read_text(encoding="utf-8"))
    before, now = load(SHIPPED).funnels[0], loaded(made.text, tmp_path / "standards").funnels[0]
    assert now.versions[:-1] == before.versions
    assert now.versions[-1].valid_from == NEXT_DAY
    assert len(made.changes) == len(rows)
    assert not made.left_out
    assert max(map(len, made.text.splitlines())) <= 125


def test_the_evidence_stands_beside_what_it_changes() -> None:
    text = proposed(ASK, SOFTEN).text or ""
    added = text.removeprefix(FILE.read_text(encoding="utf-8"))
    assert "night of 2026-06-30" in added
    assert "212 deals came to it" in added
    assert "lift 1.62 (1.31 to 1.90)" in " ".join(line.strip(" #") for line in added.splitlines())
    # The comments of the version that it begins with are kept too.
    assert "# A written confirmation is often filed on the next morning." in added


def test_a_found_milestone_is_asked_at_the_exit_as_a_warning(tmp_path: Path) -> None:
    funnel = loaded(proposed(ASK).text, tmp_path / "standards").funnels[0]
    stage = next(each for each in funnel.versions[-1].stages if each.stage == "needs_analysis")
    added = stage.exit[-1]
    assert (added.criterion, added.kind, added.severity) == ("demo_champion", "customer_action", "warn")
    condition = added.needs.steps()[0]
    assert (condition.activity, condition.attended_by) == (["demo"], ["champion"])


@pytest.mark.parametrize(
    ("milestone", "kind"),
    [
        ("document:security_review", "document"),
        ("contact_role:champion", "recorded_event"),
        ("evidence:site visit", "recorded_event"),
    ],
)
def test_every_subject_is_asked_as_the_kind_that_its_records_are(milestone: str, kind: str, tmp_path: Path) -> None:
    asked = row("milestone_unasked", milestone, "negotiation", milestone=milestone)
    stages = loaded(proposed(asked).text, tmp_path / "standards").funnels[0].versions[-1].stages
    assert next(each for each in stages if each.stage == "negotiation").exit[-1].kind == kind


@pytest.mark.parametrize(
    ("finding", "gone"),
    [(ASK, "needs_analysis"), (SOFTEN, "proposal"), (SPLIT, "qualification"), (MERGE, "solution_demo")],
    ids=["ask", "soften", "split", "merge"],
)
def test_a_stage_that_the_file_has_renamed_since_is_left_out_with_the_reason(
    finding: dict[str, Any], gone: str
) -> None:
    renamed = FILE.read_text(encoding="utf-8").replace(f"stage: {gone}\n", f"stage: {gone}_now\n")
    made = proposed(finding, text=renamed)
    assert (made.text, made.changes) == (None, [])
    assert made.left_out == [
        f"{finding['subject']}: the newest version has no stage {gone}; it was renamed or taken out since the night of "
        "2026-06-30, so run a night with the file as it is first."
    ]


def test_a_role_that_the_standards_do_not_know_is_left_out_with_the_reason() -> None:
    made = proposed(row("milestone_unasked", "contact_role:sponsor", "proposal", milestone="contact_role:sponsor"))
    assert made.text is None
    assert made.left_out == [
        "contact_role:sponsor: sponsor is no contact role of evidence.yml; name it there to ask for it."
    ]


def test_a_gate_that_is_not_borne_out_warns_and_one_that_warns_is_left_to_people(tmp_path: Path) -> None:
    funnel = loaded(proposed(SOFTEN).text, tmp_path / "standards").funnels[0]
    stage = next(each for each in funnel.versions[-1].stages if each.stage == "proposal")
    assert {each.criterion: each.severity for each in stage.exit} == {
        "receipt_in_writing": "block",
        "internal_review_dated": "warn",
    }
    name = "direct_sales.needs_analysis.requirements_signed_off"
    made = proposed(row("gate_unsupported", name, "needs_analysis", criterion_id=name))
    assert made.text is None
    assert len(made.left_out) == 1


def test_two_stages_become_the_one_in_which_deals_stay_with_all_names_and_criteria(tmp_path: Path) -> None:
    funnel = loaded(proposed(MERGE).text, tmp_path / "standards").funnels[0]
    before = {each.stage: each for each in funnel.versions[0].stages}
    now = {each.stage: each for each in funnel.versions[-1].stages}
    assert before.keys() - now.keys() == {"needs_analysis"}
    merged = now["solution_demo"]
    assert set(merged.crm_names["generic"]) == {"需求分析", "Needs analysis", "方案演示", "Solution demo"}
    assert merged.crm_names["dynamics"] == before["needs_analysis"].crm_names["dynamics"]
    assert [each.criterion for each in merged.exit] == ["requirements_signed_off"]
    assert merged.cap_days == 75


def test_a_stage_that_other_files_name_keeps_its_name(tmp_path: Path) -> None:
    onto = MERGE | {"subject": "proposal+negotiation", "stage": "proposal", "other_stage": "negotiation"}
    stages = loaded(proposed(onto).text, tmp_path / "standards").funnels[0].versions[-1].stages
    assert "proposal" in {each.stage for each in stages}
    assert "negotiation" not in {each.stage for each in stages}
    assert proposed(onto, named=("proposal", "negotiation")).text is None


def with_exit_of_demo(*criteria: dict[str, Any]) -> str:
    """The shipped file with criteria at the exit of a stage to merge: what the stage before asks, but for this."""
    yaml_as_shipped = YAML()
    yaml_as_shipped.preserve_quotes = True
    yaml_as_shipped.indent(mapping=2, sequence=4, offset=2)
    data = yaml_as_shipped.load(FILE.read_text(encoding="utf-8"))
    stages = {stage["stage"]: stage for stage in data["versions"][-1]["stages"]}
    asked = stages["needs_analysis"]["exit"][0]
    stages["solution_demo"]["exit"] = [{**deepcopy(asked), **each} for each in criteria]
    out = StringIO()
    yaml_as_shipped.dump(data, out)
    return out.getvalue()


def test_of_two_criteria_with_one_name_both_are_asked_for_in_the_merged_stage(tmp_path: Path) -> None:
    name = "requirements_signed_off"
    soften = row("gate_unsupported", "x", "solution_demo", criterion_id=f"direct_sales.solution_demo.{name}")
    other = {"severity": "block", "needs": {"all": [{"document": ["demo_protocol"]}]}}
    made = proposed(MERGE, soften, text=with_exit_of_demo(other, {"criterion": "second"}))
    stages = {each.stage: each for each in loaded(made.text, tmp_path / "standards").funnels[0].versions[-1].stages}
    merged = {each.criterion: each for each in stages["solution_demo"].exit}
    assert list(merged) == [name, f"solution_demo_{name}", "second"]
    assert [step.document for step in merged[f"solution_demo_{name}"].needs.steps()] == [["demo_protocol"]]
    # What history does not bear out is the one of the stage that it was found for.
    assert merged[f"solution_demo_{name}"].severity == "warn"


def test_what_both_stages_ask_for_under_one_name_is_asked_once_and_as_strictly(tmp_path: Path) -> None:
    made = proposed(MERGE, text=with_exit_of_demo({"severity": "block"}))
    merged = loaded(made.text, tmp_path / "standards").funnels[0].versions[-1].stages
    exits = next(each for each in merged if each.stage == "solution_demo").exit
    assert [(each.criterion, each.severity) for each in exits] == [("requirements_signed_off", "block")]


def test_a_stage_is_parted_by_its_milestone_and_nobody_has_to_pass_the_new_part(tmp_path: Path) -> None:
    """No CRM fills the new part yet: what is asked stays with the stage that deals are in."""
    before = {each.stage: each for each in load(SHIPPED).funnels[0].versions[-1].stages}
    funnel = loaded(proposed(SPLIT).text, tmp_path / "standards").funnels[0]
    first, second = funnel.versions[-1].stages[1:3]
    assert (first.stage, second.stage) == ("qualification", "qualification_after_budget")
    assert first.exit == before["qualification"].exit
    assert not second.exit
    assert second.is_skippable


def test_where_nothing_is_proposed_there_is_no_text() -> None:
    made = proposed(ASK | {"is_proposed": False}, row("gate_supported", "x", "proposal", is_proposed=False))
    assert (made.text, made.changes, made.left_out) == (None, [], [])


def test_a_file_whose_newest_version_is_still_to_come_is_refused() -> None:
    text = FILE.read_text(encoding="utf-8").replace("valid_from: 2000-01-01", "valid_from: 2026-07-01")
    with pytest.raises(ProposalRefused, match="2026-07-01"):
        proposed(ASK, text=text)


def test_a_file_that_goes_on_behind_its_versions_is_refused() -> None:
    data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    text = yaml.safe_dump(data | {"name": data["name"]}, allow_unicode=True, sort_keys=False)
    text = text[text.index("versions:") :] + text[: text.index("versions:")]
    with pytest.raises(ProposalRefused, match="last field"):
        proposed(ASK, text=text)
