from pathlib import Path

import polars as pl
import pytest

from orchestration.demo import company
from orchestration.demo.calendar import TIME_ZONE
from quality.standards import load, tables

STANDARDS = Path(__file__).parents[3] / "quality" / "standards"


@pytest.fixture(scope="module")
def standards() -> dict[str, pl.DataFrame]:
    return tables(load(STANDARDS))


def test_every_stage_of_the_crm_is_mapped_to_the_stage_that_is_meant(standards: dict[str, pl.DataFrame]) -> None:
    mapped = standards["stage_crm_names"].filter(pl.col("crm") == "generic", pl.col("funnel") == company.FUNNEL)
    names = dict(zip(mapped["crm_name"], mapped["stage"], strict=True))
    assert [names[label] for label in company.STAGE_LABELS] == list(company.STAGES)


def test_every_evidence_key_that_a_gate_asks_for_is_told(standards: dict[str, pl.DataFrame]) -> None:
    asked = standards["condition_keys"].join(standards["criterion_conditions"], on="condition_id")
    keys = dict(asked.group_by("subject").agg(pl.col("subject_key").unique()).iter_rows())
    told = {*keys["evidence"], *keys["document"]}
    assert told == set(company.EVIDENCE_KEYS)
    assert set(keys["activity"]) <= set(company.ACTIVITY_TYPES)


def test_every_criterion_has_its_proof_at_its_gate(standards: dict[str, pl.DataFrame]) -> None:
    criteria = {row["criterion_id"]: row for row in standards["criteria"].iter_rows(named=True)}
    assert set(criteria) == {proof.criterion for proof in company.PROOFS}
    for proof in company.PROOFS:
        asked = criteria[proof.criterion]
        # An exit gate is the end of its own stage, an entry gate the end of the stage before.
        assert asked["stage_rank"] - 1 - (asked["gate"] == "entry") == proof.gate
        assert asked["grace_days"] == proof.grace_days
        assert asked["evidence_kind"] == company.KINDS[proof.kind]


def test_the_true_fit_is_scored_by_the_profile_of_the_standards(standards: dict[str, pl.DataFrame]) -> None:
    attributes = {row["attribute"]: row for row in standards["icp_attributes"].iter_rows(named=True)}
    values = standards["icp_attribute_values"]
    assert [float(attributes[name]["weight"]) for name in ("industry", "employees", "annual_revenue", "region")] == [
        float(weight) for weight in company.FIT_WEIGHTS
    ]
    assert set(values.filter(pl.col("attribute") == "industry")["accepted_value"]) == set(company.FIT_INDUSTRIES)
    assert set(values.filter(pl.col("attribute") == "region")["accepted_value"]) == set(company.FIT_REGIONS)
    assert (attributes["employees"]["at_least"], attributes["employees"]["at_most"]) == company.FIT_EMPLOYEES
    assert attributes["annual_revenue"]["at_least"] == company.FIT_REVENUE
    bands = standards["icp_bands"].sort("minimum_score", descending=True)
    assert list(zip(bands["band"], bands["minimum_score"], strict=True)) == list(company.FIT_BANDS)


def test_roles_and_activity_types_are_names_that_the_standards_know(standards: dict[str, pl.DataFrame]) -> None:
    assert set(company.ROLES) <= set(standards["contact_role_names"]["crm_name"])
    assert set(company.ACTIVITY_TYPES) <= set(standards["activity_types"]["crm_name"])


def test_the_company_lives_in_the_time_zone_and_currency_of_the_standards(standards: dict[str, pl.DataFrame]) -> None:
    row = standards["company"].row(0, named=True)
    assert (row["time_zone"], row["reporting_currency"]) == (TIME_ZONE, company.CURRENCIES[0])
