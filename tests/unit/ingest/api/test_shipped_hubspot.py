"""What is fetched from HubSpot under the mapping that the project ships, without asking anybody for it."""

import pytest

from orchestration.ingest.api import hubspot
from orchestration.ingest.api.client import Patience
from orchestration.opening import mappings

NO_WAIT = Patience(attempts=1, first_wait_seconds=0, longest_wait_seconds=0, silence_seconds=1)


@pytest.fixture(scope="module")
def headers() -> dict[str, set[str]]:
    api = hubspot.api(mappings()["hubspot"], {"HUBSPOT_ACCESS_TOKEN": "none"}, NO_WAIT)
    return {table.name: set(table.header) for table in api.tables}


def test_every_kind_of_record_goes_to_a_file_of_its_own(headers: dict[str, set[str]]) -> None:
    assert set(headers) == {
        *("deals", "deal_property_history", "deal_contacts", "deal_companies", "companies"),
        *("calls", "meetings", "emails", "notes", "tasks", "owners", "pipelines", "pipeline_stages"),
    }


def test_deals_bring_what_tells_of_their_stage_closing_merges_and_deletion(headers: dict[str, set[str]]) -> None:
    assert {"dealstage", "pipeline", "closedate", "hs_merged_object_ids", "archived", "archivedAt"} <= headers["deals"]


def test_activities_bring_their_deals_and_how_they_went(headers: dict[str, set[str]]) -> None:
    assert {"deal_ids", "hs_timestamp", "hs_call_duration", "hs_call_direction", "hs_call_status"} <= headers["calls"]
    assert {"deal_ids", "hs_meeting_start_time", "hs_meeting_end_time", "hs_meeting_outcome"} <= headers["meetings"]
    assert {"deal_ids", "hs_task_status", "hs_task_completion_date"} <= headers["tasks"]


def test_history_and_stages_bring_what_visits_are_made_from(headers: dict[str, set[str]]) -> None:
    assert headers["deal_property_history"] == {"deal_id", "property", "value", "timestamp", "sourceType"}
    assert {"stage_id", "label", "pipeline_id", "isClosed", "probability"} <= headers["pipeline_stages"]
