"""What a defs.yaml may say, and how headers find their columns."""

import pytest

from orchestration.ingest.mapping import CrmMapping, MappingRefused, match_headers, parse
from orchestration.opening import mappings

BASE = {"crm": "generic", "layout": "neutral", "without_manifest": "full", "unknown_columns": "refuse"}


@pytest.mark.parametrize("header", ["StageName", "stagename", "stage_name", "STAGE NAME", "Stage.Name"])
def test_case_and_separators_of_a_header_do_not_matter(header: str) -> None:
    opportunity = mappings()["salesforce"].resolved_objects()["opportunity"]
    assert match_headers([header], opportunity).columns == {header: "stage_name"}


def test_a_declared_header_wins_over_one_that_only_has_the_columns_name() -> None:
    mapping = CrmMapping.model_validate(BASE | {"headers": {"deals": {"商机金额": "amount"}}})
    match = match_headers(["商机金额", "amount"], mapping.resolved_objects()["deals"])
    assert match.columns == {"商机金额": "amount"}
    assert match.unknown == ("amount",)


def test_the_order_of_headers_does_not_matter() -> None:
    deals = CrmMapping.model_validate(BASE).resolved_objects()["deals"]
    forwards = match_headers(["deal_id", "stage", "amount"], deals)
    backwards = match_headers(["amount", "stage", "deal_id"], deals)
    assert dict(forwards.columns) == dict(backwards.columns)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"crm": "Sales Force"}, "attributes.crm"),
        ({"unknown_columns": "ignore"}, "attributes.unknown_columns"),
        ({"header": {}}, "attributes.header"),
        ({"headers": {"deal": {"a": "b"}}}, "no object 'deal' is mapped; did you mean 'deals'"),
        ({"headers": {"deals": {"Betrag": "amout"}}}, "deals has no column 'amout'; did you mean 'amount'"),
        ({"constants": {"deals": {"curency": "CNY"}}}, "deals has no column 'curency'; did you mean 'currency'"),
        ({"layout": None}, "should have objects, or layout: neutral"),
        ({"fetch": {"without": {"deal": ["amount"]}}}, "no object 'deal' is mapped; did you mean 'deals'"),
        ({"fetch": {"fields": {"deals": ["Id FROM User"]}}}, "attributes.fetch.fields.deals.0"),
        ({"fetch": {"overlap_minutes": -1}}, "attributes.fetch.overlap_minutes"),
    ],
)
def test_a_mapping_that_says_something_else_is_refused_by_field(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(MappingRefused, match=sentence):
        parse(BASE | change, "defs.yaml")


def test_every_shipped_object_feeds_an_object_of_the_neutral_layout() -> None:
    neutral = set(CrmMapping.model_validate(BASE).resolved_objects())
    for crm, mapping in mappings().items():
        fed = {name for each in mapping.resolved_objects().values() for name in each.feeds or ()}
        assert fed <= neutral, crm
