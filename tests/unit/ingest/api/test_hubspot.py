"""A local HubSpot: lists and searches, archived deals, histories, associations, and trouble on the way."""

import csv
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.ingest.api.client import Patience
from orchestration.ingest.api.fetch import Fetched, connect, fetch
from orchestration.ingest.api.tables import FetchRefused
from orchestration.ingest.load import Shelf, load
from orchestration.ingest.mapping import CrmMapping

from .servers import TOKEN, Answer, Portal, serving

NO_WAIT = Patience(attempts=3, first_wait_seconds=0, longest_wait_seconds=0, silence_seconds=5)
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
KEY = {"type": "text", "required": True, "nullable": False}


def of(files: list[str], key: list[str], **columns: Any) -> dict[str, Any]:
    return {"files": files, "key": key, "columns": columns}


MAPPING = CrmMapping.model_validate(
    {
        "crm": "hubspot",
        "without_manifest": "full",
        "unknown_columns": "keep",
        "objects": {
            "deals": of(
                ["deals"],
                ["hs_object_id"],
                hs_object_id=KEY,
                dealname="text",
                dealstage=KEY,
                amount="money",
                createdate="instant",
                hs_lastmodifieddate="instant",
                owner_id={"type": "text", "headers": ["hubspot_owner_id"]},
                archived="boolean",
                deleted_at={"type": "instant", "headers": ["archivedAt"]},
            ),
            "deal_stage_history": of(
                ["deal_stage_history"],
                ["deal_id", "timestamp"],
                deal_id=KEY,
                value=KEY,
                timestamp={"type": "instant", "required": True, "nullable": False},
                source_type="text",
            ),
            "contact_roles": of(
                ["deal_contacts"], ["deal_id", "contact_id", "label"], deal_id=KEY, contact_id=KEY, label="text"
            ),
            "activities": of(
                ["calls", "meetings", "emails", "notes", "tasks"],
                ["hs_object_id"],
                hs_object_id=KEY,
                type="text",
                deal_ids="text",
                hs_timestamp="instant",
                hs_call_duration="number",
            ),
            "owners": of(["owners"], ["id"], id=KEY, name="text", team="text", is_active="boolean"),
            "stages": of(["pipeline_stages"], ["stage_id"], stage_id=KEY, label="text", pipeline_id="text"),
        },
    }
)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def stamp(moment: datetime) -> str:
    """An instant as HubSpot writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def deal(number: int, changed_at: datetime = NOON - timedelta(days=9), **other: Any) -> dict[str, Any]:
    properties = {
        "hs_object_id": str(number),
        "dealname": f"Deal {number}",
        "dealstage": "contractsent",
        "amount": "1000.50",
        "createdate": stamp(NOON - timedelta(days=30)),
        "hs_lastmodifieddate": stamp(changed_at),
        "email_of_buyer": "someone@example.com",
    }
    return {"id": str(number), "properties": properties, **other}


class Visit:
    """A portal behind a local address, and a home to fetch into."""

    def __init__(self, portal: Portal, url: str, home: Path) -> None:
        self.portal, self.home = portal, home
        self.environment = {"HUBSPOT_API_URL": url, "HUBSPOT_ACCESS_TOKEN": TOKEN}
        self.mapping: CrmMapping = MAPPING

    def fetch(self, until: datetime = NOON, *, is_full: bool = False) -> Fetched:
        api = connect(self.mapping, self.environment, NO_WAIT)
        cursors = self.home / "fetch" / "hubspot.json"
        return fetch(api, self.mapping, self.home / "inbox", cursors, until=until, is_full=is_full, is_past=False)


def rows(fetched: Fetched, name: str = "deals") -> list[dict[str, str]]:
    with (fetched.path / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def ids(fetched: Fetched, name: str = "deals") -> list[str]:
    return [row["hs_object_id"] for row in rows(fetched, name)]


def of_deals(mapping: CrmMapping) -> CrmMapping:
    """The mapping with one object: fewer requests where one is enough."""
    return mapping.model_copy(update={"objects": {"deals": mapping.objects["deals"]}})


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    portal = Portal()
    with serving(portal.answer) as url:
        yield Visit(portal, url, tmp_path)


def full_portal() -> dict[str, list[dict[str, Any]]]:
    moves = [
        {"value": "contractsent", "timestamp": stamp(NOON - timedelta(days=9)), "sourceType": "CRM_UI"},
        {"value": "appointmentscheduled", "timestamp": stamp(NOON - timedelta(days=30)), "sourceType": "CRM_UI"},
    ]
    call = {"hs_timestamp": stamp(NOON), "hs_lastmodifieddate": stamp(NOON), "hs_call_duration": "60000"}
    return {
        "deals": [
            *(deal(number, history={"dealstage": moves}) for number in range(1, 4)),
            deal(4, archivedAt=stamp(NOON - timedelta(days=2)), history={"dealstage": moves[1:]}),
        ],
        "calls": [{"id": "71", "properties": {**call, "hs_call_body": "a private word"}}],
    }


def test_a_first_fetch_takes_every_page_archived_deals_included_under_the_names_of_the_api(visit: Visit) -> None:
    visit.portal.records = full_portal()
    fetched = visit.fetch()
    assert [(row["hs_object_id"], row["archived"]) for row in rows(fetched)] == [
        *(("1", "false"), ("2", "false"), ("3", "false"), ("4", "true"))
    ]
    assert list(rows(fetched)[0]) == [
        *("hs_object_id", "archived", "archivedAt", "hs_lastmodifieddate", "createdate", "hubspot_owner_id"),
        *("dealname", "dealstage", "amount"),
    ]
    history = [(row["deal_id"], row["value"]) for row in rows(fetched, "deal_stage_history")]
    assert history.count(("1", "contractsent")) == 1
    assert len(history) == 7
    assert ("4", "appointmentscheduled") in history
    assert {name: extract for name, (_, extract) in fetched.files.items()} == dict.fromkeys(fetched.files, "full")


def test_a_fetched_folder_loads_with_rows_in_equal_to_rows_loaded_and_quarantined(visit: Visit) -> None:
    visit.portal.records = full_portal()
    visit.portal.records["deals"].append(deal(5) | {"properties": deal(5)["properties"] | {"dealstage": None}})
    for number, kind in enumerate(["meetings", "emails", "notes", "tasks"], start=80):
        properties = {"hs_timestamp": stamp(NOON), "hs_lastmodifieddate": stamp(NOON)}
        visit.portal.records[kind] = [{"id": str(number), "properties": properties}]
    visit.portal.owners = [{"id": "9", "firstName": "Ana", "lastName": "Li", "email": "ana@example.com"}]
    fetched = visit.fetch()
    shelf = Shelf(visit.home / "inbox", visit.home / "lake", visit.home / "quarantine")
    reports = load(shelf, MAPPING.model_copy(update={"max_quarantined_share": 1.0}), "UTC", NOON).files
    assert {each.file.rsplit("/", 1)[-1]: each.rows_in for each in reports} == {
        f"{name}.csv": count for name, (count, _) in fetched.files.items()
    }
    assert all(each.rows_in == each.rows_loaded + each.rows_quarantined for each in reports)
    assert [(each.object, each.rows_quarantined) for each in reports if each.rows_quarantined] == [("deals", 1)]
    assert [each.warnings for each in reports if each.warnings] == []


def test_what_no_mapping_reads_never_leaves_the_crm(visit: Visit) -> None:
    visit.portal.records = full_portal()
    visit.portal.owners = [{"id": "9", "firstName": "Ana", "lastName": "Li", "email": "ana@example.com"}]
    fetched = visit.fetch()
    written = b"".join(path.read_bytes() for path in fetched.path.iterdir())
    for private in (b"someone@example.com", b"ana@example.com", b"a private word"):
        assert private not in written
    asked = "".join(each.query.get("properties", "") for each in visit.portal.asked)
    assert "hs_call_body" not in asked
    assert "email" not in asked


def test_a_property_that_configuration_adds_comes_and_one_that_it_takes_away_does_not(visit: Visit) -> None:
    changed = {"fields": {"deals": ["region"]}, "without": {"deals": ["amount"]}}
    visit.mapping = CrmMapping.model_validate(of_deals(MAPPING).model_dump() | {"fetch": changed})
    one = deal(1)
    one["properties"]["region"] = "North"
    visit.portal.records = {"deals": [one]}
    (row,) = rows(visit.fetch())
    assert row["region"] == "North"
    assert "amount" not in row


def test_a_second_fetch_takes_the_changed_with_their_history_and_those_archived_since(visit: Visit) -> None:
    visit.portal.records = full_portal()
    visit.portal.records["deals"][2]["properties"]["hs_lastmodifieddate"] = stamp(NOON - minutes(1))
    visit.fetch()
    deals = visit.portal.records["deals"]
    deals[0]["archivedAt"] = stamp(NOON + minutes(40))
    deals[1]["properties"]["hs_lastmodifieddate"] = stamp(NOON + minutes(30))
    fetched = visit.fetch(NOON + timedelta(hours=1))
    assert [(row["hs_object_id"], row["archived"]) for row in rows(fetched)] == [
        *(("2", "false"), ("3", "false"), ("1", "true"))
    ]
    assert {row["deal_id"] for row in rows(fetched, "deal_stage_history")} == {"1", "2", "3"}
    assert (fetched.files["deals"][1], fetched.files["deal_stage_history"][1]) == ("delta", "delta")


def test_a_change_that_the_search_knows_late_is_not_lost(visit: Visit) -> None:
    visit.mapping = of_deals(MAPPING)
    visit.portal.records = {"deals": [deal(1), deal(2)]}
    visit.fetch()
    visit.portal.records = {"deals": [deal(1, NOON + minutes(50)), deal(2, NOON + minutes(58))]}
    visit.portal.unseen = frozenset({"1"})
    assert ids(visit.fetch(NOON + timedelta(hours=1))) == ["2"]
    visit.portal.unseen = frozenset()
    assert ids(visit.fetch(NOON + timedelta(hours=2))) == ["1", "2"]


def test_a_search_takes_more_records_than_its_limit_and_misses_none_when_one_changes_meanwhile(visit: Visit) -> None:
    visit.mapping = of_deals(MAPPING)
    deals = [deal(number, NOON - minutes(1)) for number in range(1, 12)]
    visit.portal.records = {"deals": deals}
    visit.fetch()
    for each in deals:
        each["properties"]["hs_lastmodifieddate"] = stamp(NOON + minutes(30))

    def change_the_first() -> None:
        deals[0]["properties"]["hs_lastmodifieddate"] = stamp(NOON + minutes(90))

    visit.portal.after_a_search = change_the_first
    assert ids(visit.fetch(NOON + timedelta(hours=1))) == [str(number) for number in range(1, 12)]
    assert "1" in ids(visit.fetch(NOON + timedelta(hours=2)))


def test_a_search_that_ignores_where_to_go_on_ends(visit: Visit) -> None:
    visit.mapping = of_deals(MAPPING)
    visit.portal.records = {"deals": [deal(1)]}
    visit.fetch()
    visit.portal.trouble = [Answer(200, {"total": 9, "results": [deal(1), deal(2)]})] * 9
    with pytest.raises(FetchRefused, match="gives records again that it gave before"):
        visit.fetch(NOON + timedelta(hours=1))


def test_a_deal_that_is_archived_while_pages_are_read_is_one_row(visit: Visit) -> None:
    visit.mapping = of_deals(MAPPING)
    deals = [deal(1), deal(2)]
    visit.portal.records = {"deals": deals}
    visit.fetch()
    for each in deals:
        each["properties"]["hs_lastmodifieddate"] = stamp(NOON + minutes(30))

    def archive_the_first() -> None:
        deals[0]["archivedAt"] = stamp(NOON + minutes(59))

    visit.portal.after_a_search = archive_the_first
    assert ids(visit.fetch(NOON + timedelta(hours=1))) == ["1", "2"]
    assert [(row["hs_object_id"], row["archived"]) for row in rows(visit.fetch(NOON + timedelta(hours=2)))] == [
        *(("2", "false"), ("1", "true"))
    ]


def test_histories_are_asked_for_in_batches_that_the_api_takes(visit: Visit) -> None:
    moves = [{"value": "contractsent", "timestamp": stamp(NOON)}]
    visit.portal.page_size = 100
    visit.portal.records = {"deals": [deal(number, history={"dealstage": moves}) for number in range(1, 121)]}
    assert len(rows(visit.fetch(), "deal_stage_history")) == 120


def test_an_activity_names_all_its_deals_and_a_deal_all_its_contacts_with_each_label(visit: Visit) -> None:
    visit.portal.records = full_portal()
    visit.portal.associations = {
        ("calls", "deals"): {"71": [("1", []), ("2", []), ("3", [])]},
        ("deals", "contacts"): {"1": [("501", ["Decision maker", "Champion"]), ("502", [])]},
    }
    fetched = visit.fetch()
    (call,) = rows(fetched, "calls")
    assert (call["deal_ids"], call["type"], call["hs_call_duration"]) == ("1;2;3", "CALL", "60000")
    assert [tuple(row.values()) for row in rows(fetched, "deal_contacts")] == [
        *(("1", "501", "Champion"), ("1", "501", "Decision maker"), ("1", "502", ""))
    ]


def test_an_activity_is_a_row_for_each_deal_where_the_deal_is_in_its_key(visit: Visit) -> None:
    activities = MAPPING.objects["activities"].model_copy(update={"key": ("hs_object_id", "deal_ids")})
    visit.mapping = MAPPING.model_copy(update={"objects": {**MAPPING.objects, "activities": activities}})
    visit.portal.records = full_portal()
    visit.portal.associations = {("calls", "deals"): {"71": [("1", []), ("2", [])]}}
    assert [row["deal_ids"] for row in rows(visit.fetch(), "calls")] == ["1", "2"]


def test_owners_and_stages_are_taken_whole_each_time(visit: Visit) -> None:
    visit.portal.records = {"deals": [deal(1)]}
    teams = [{"id": "1", "name": "All", "primary": False}, {"id": "2", "name": "North", "primary": True}]
    visit.portal.owners = [
        {"id": "9", "firstName": "Ana", "lastName": "Li", "teams": teams},
        {"id": "8", "firstName": "Bo", "lastName": None, "archived": True},
    ]
    stage = {"id": "contractsent", "label": "Contract sent", "metadata": {"isClosed": "false"}}
    visit.portal.pipelines = [{"id": "default", "label": "Sales", "stages": [stage]}]
    visit.fetch()
    fetched = visit.fetch(NOON + timedelta(hours=1))
    assert fetched.files["deals"][1] == "delta"
    assert fetched.files["owners"] == (2, "full")
    assert [tuple(row.values()) for row in rows(fetched, "owners")] == [
        *(("9", "Ana Li", "North", "true"), ("8", "Bo", "", "false"))
    ]
    assert [tuple(row.values()) for row in rows(fetched, "pipeline_stages")] == [
        ("contractsent", "Contract sent", "default")
    ]


def test_history_that_is_mapped_later_comes_for_all_deals_and_not_only_for_the_changed(visit: Visit) -> None:
    moves = [{"value": "contractsent", "timestamp": stamp(NOON)}]
    visit.portal.records = {"deals": [deal(1, history={"dealstage": moves}), deal(2, NOON - minutes(1))]}
    visit.mapping = of_deals(MAPPING)
    visit.fetch()
    visit.mapping = MAPPING
    fetched = visit.fetch(NOON + timedelta(hours=1))
    assert fetched.files["deals"] == (2, "full")
    assert [row["deal_id"] for row in rows(fetched, "deal_stage_history")] == ["1"]
    assert visit.fetch(NOON + timedelta(hours=2)).files["deal_stage_history"] == (0, "delta")


def test_a_mapping_that_needs_what_the_api_does_not_give_is_told_which(visit: Visit) -> None:
    deals = MAPPING.objects["deals"]
    columns = {**deals.columns, "territory": deals.columns["dealstage"]}
    changed = deals.model_copy(update={"columns": columns})
    visit.mapping = MAPPING.model_copy(update={"objects": {**MAPPING.objects, "deals": changed}})
    with pytest.raises(FetchRefused, match=r"gives no territory of deals.*fetch: \{fields: \{deals"):
        visit.fetch()


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (Answer(502, {}), r"HubSpot failed 3 times over \(502\)"),
        (Answer(429, {"category": "RATE_LIMITS"}), r"HubSpot still asks to slow down .* \(429, RATE_LIMITS\)"),
        (Answer(200, {"results": []}, cut_after=4), r"HubSpot cannot be reached at http://127.0.0.1:\d+ after 3"),
        (Answer(403, {"category": "MISSING_SCOPES"}), r"to the user of HUBSPOT_ACCESS_TOKEN \(403, MISSING_SCOPES\)"),
        (Answer(401, {"category": "EXPIRED_AUTHENTICATION"}), r"have expired; renew HUBSPOT_ACCESS_TOKEN"),
    ],
)
def test_trouble_that_stays_is_one_sentence_and_leaves_no_folder(visit: Visit, trouble: Answer, sentence: str) -> None:
    visit.portal.trouble = [trouble] * 99
    with pytest.raises(FetchRefused, match=sentence):
        visit.fetch()
    assert list((visit.home / "inbox" / "hubspot").iterdir()) == []


def test_trouble_that_passes_is_got_over(visit: Visit) -> None:
    visit.portal.records = {"deals": [deal(1)]}
    visit.portal.trouble = [Answer(429, {}, {"Retry-After": "1"}), Answer(200, {"results": []}, cut_after=4)]
    assert ids(visit.fetch()) == ["1"]


@pytest.mark.parametrize("status", [200, 400, 401])
def test_the_token_is_in_no_log_message_or_file(
    visit: Visit, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("", "dlt", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    visit.portal.records = full_portal()
    told = ""
    if status == 200:
        told = repr(visit.fetch())
    else:
        visit.portal.trouble = [Answer(status, {"category": "ODD", "message": f"Bearer {TOKEN}"})]
        with pytest.raises(FetchRefused) as refused:
            visit.fetch()
        told = repr(refused.value) + str(refused.value)
    written = b"".join(path.read_bytes() for path in visit.home.rglob("*") if path.is_file())
    told += "".join(record.getMessage() + str(record.__dict__) for record in caplog.records) + "".join(
        capfd.readouterr()
    )
    assert "127.0.0.1" in told, "nothing was logged, so nothing is proved"
    assert TOKEN not in told
    assert TOKEN.encode() not in written


Change = tuple[int, int, int, bool]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(
            st.integers(1, 6),  # which deal
            st.integers(0, 240),  # the minute it changes
            st.integers(0, 14),  # how many minutes later the search knows, within the overlap
            st.booleans(),  # whether it is archived then, for good
        ),
        max_size=12,
    ),
    fetches=st.lists(st.integers(1, 260), max_size=4, unique=True),
)
def test_any_interleaving_of_changes_and_fetches_ends_in_what_one_full_fetch_gives(
    changes: list[Change], fetches: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    def put(portal: Portal, minute: int) -> None:
        deals: dict[int, dict[str, Any]] = {}
        unseen: set[str] = set()
        for number, changed, lag, is_archived in sorted(changes, key=lambda each: each[1]):
            known = deals.get(number, {})
            if changed > minute or known.get("archivedAt"):
                continue
            if is_archived and known:
                known["archivedAt"] = stamp(NOON + minutes(changed))
            else:
                deals[number] = deal(number, NOON + minutes(changed))
                deals[number]["properties"]["dealname"] = f"at {changed}"
                unseen -= {str(number)}
                if changed + lag > minute:
                    unseen.add(str(number))
        portal.records, portal.unseen = {"deals": list(deals.values())}, frozenset(unseen)

    def newest_versions(home: Path) -> dict[str, tuple[str, str]]:
        versions: dict[str, tuple[str, str]] = {}
        for folder in sorted((home / "inbox" / "hubspot").iterdir()):
            manifest = json.loads((folder / "manifest.json").read_text())
            if manifest["files"]["deals.csv"]["extract"] == "full":
                versions.clear()
            with (folder / "deals.csv").open(encoding="utf-8-sig", newline="") as file:
                versions |= {r["hs_object_id"]: (r["dealname"], r["archived"]) for r in csv.DictReader(file)}
        return versions

    portal = Portal()
    with serving(portal.answer) as url:
        step_by_step = Visit(portal, url, tmp_path_factory.mktemp("steps"))
        at_once = Visit(portal, url, tmp_path_factory.mktemp("once"))
        for each in (step_by_step, at_once):
            each.mapping = of_deals(MAPPING)
        for minute in [*sorted(fetches), 300]:
            put(portal, minute)
            step_by_step.fetch(NOON + minutes(minute))
        at_once.fetch(NOON + minutes(300))
    assert newest_versions(step_by_step.home) == newest_versions(at_once.home)
