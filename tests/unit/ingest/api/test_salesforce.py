"""A local Salesforce: pages, deletions, cursors and overlap, trouble on the way, and that no credential is told."""

import csv
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.ingest.api.client import Patience
from orchestration.ingest.api.cursors import alone
from orchestration.ingest.api.fetch import Fetched, connect, fetch
from orchestration.ingest.api.tables import FetchRefused
from orchestration.ingest.lake import entries, known
from orchestration.ingest.load import Shelf, load
from orchestration.ingest.mapping import CrmMapping, read
from orchestration.night import PROJECT

from .servers import TOKEN, Answer, Org, serving, stamp

MAPPING = read(PROJECT / "orchestration" / "defs" / "ingest" / "salesforce" / "defs.yaml")
NO_WAIT = Patience(attempts=3, first_wait_seconds=0, longest_wait_seconds=0, silence_seconds=5)
NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def deal(number: int, changed_at: datetime = NOON - timedelta(days=9), **other: Any) -> dict[str, Any]:
    return {
        "Id": f"006{number:03}",
        "Name": f"Deal {number}",
        "StageName": "Proposal",
        "Amount": 1000.5 * number,
        "CreatedDate": stamp(NOON - timedelta(days=30)),
        "SystemModstamp": stamp(changed_at),
        "IsDeleted": False,
        **other,
    }


class Visit:
    """An org behind a local address, and a home to fetch into."""

    def __init__(self, org: Org, url: str, home: Path) -> None:
        self.org, self.url, self.home = org, url, home
        self.environment = {"SALESFORCE_INSTANCE_URL": url, "SALESFORCE_ACCESS_TOKEN": TOKEN}
        self.mapping: CrmMapping = MAPPING

    @property
    def cursor_file(self) -> Path:
        return self.home / "fetch" / "salesforce.json"

    def fetch(self, until: datetime = NOON, *, is_full: bool = False, is_past: bool = False) -> Fetched:
        api = connect(self.mapping, self.environment, NO_WAIT)
        inbox = self.home / "inbox"
        return fetch(api, self.mapping, inbox, self.cursor_file, until=until, is_full=is_full, is_past=is_past)

    def folders(self) -> list[str]:
        return sorted(each.name for each in (self.home / "inbox" / "salesforce").glob("*"))


def rows(fetched: Fetched, name: str = "Opportunity") -> list[dict[str, str]]:
    with (fetched.path / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def ids(fetched: Fetched, name: str = "Opportunity") -> list[str]:
    return [row["Id"] for row in rows(fetched, name)]


def of_opportunities(mapping: CrmMapping) -> CrmMapping:
    """The mapping with one object: fewer requests where one is enough."""
    return mapping.model_copy(update={"objects": {"opportunity": mapping.objects["opportunity"]}})


def fetching(mapping: CrmMapping, **what: Any) -> CrmMapping:
    """The mapping with another `fetch`."""
    return CrmMapping.model_validate(mapping.model_dump() | {"fetch": what})


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    org = Org()
    with serving(org.answer) as url:
        yield Visit(org, url, tmp_path)


def test_a_first_fetch_takes_every_page_of_every_mapped_object_and_proves_it_in_a_manifest(visit: Visit) -> None:
    visit.org.records = {
        "Opportunity": [deal(number) for number in range(1, 6)],
        "Account": [{"Id": "001", "Name": "Acme", "SystemModstamp": stamp(NOON)}],
    }
    fetched = visit.fetch()
    assert fetched.path == visit.home / "inbox" / "salesforce" / "2026-03-31T12-00-00Z"
    assert ids(fetched) == ["006001", "006002", "006003", "006004", "006005"]
    manifest = json.loads((fetched.path / "manifest.json").read_text())
    assert manifest["files"]["Opportunity.csv"]["rows"] == 5
    assert manifest["files"]["Opportunity.csv"]["extract"] == "full"
    assert manifest["files"]["Opportunity.csv"]["bytes"] == (fetched.path / "Opportunity.csv").stat().st_size
    assert set(fetched.files) == {each.files[0] for each in MAPPING.objects.values()}


def test_a_fetched_folder_loads_with_rows_in_equal_to_rows_loaded_and_quarantined(visit: Visit) -> None:
    visit.org.records = {
        "Opportunity": [
            deal(1, Name='He said "yes",\r\nthen left', Amount=1.39e8),
            deal(2, Amount=12345678.9),
            deal(3, IsDeleted=True),
        ],
        "Task": [{"Id": "00T1", "WhatId": None, "SystemModstamp": stamp(NOON)}],
        "OpportunityHistory": [
            {
                "Id": "0081",
                "OpportunityId": "006001",
                "StageName": "Proposal",
                "CreatedDate": stamp(NOON - minutes(9)),
                "SystemModstamp": stamp(NOON - minutes(9)),
                "IsDeleted": False,
            },
            {"Id": "0082", "OpportunityId": "006001", "CreatedDate": stamp(NOON - minutes(8))},
        ],
    }
    fetched = visit.fetch()
    shelf = Shelf(visit.home / "inbox", visit.home / "lake", visit.home / "quarantine")
    lenient = MAPPING.model_copy(update={"max_quarantined_share": 1.0})
    reports = load(shelf, lenient, "UTC", NOON).files
    assert {each.file.rsplit("/", 1)[-1]: each.rows_in for each in reports} == {
        f"{name}.csv": count for name, (count, _) in fetched.files.items()
    }
    assert all(each.rows_in == each.rows_loaded + each.rows_quarantined for each in reports)
    assert [each.object for each in reports if each.rows_quarantined] == ["opportunity_history"]
    assert [each.warnings for each in reports if each.warnings] == []
    (loaded,) = known(shelf.lake, entries(shelf.lake, "salesforce"), ["opportunity"], NOON)
    deals = pl.concat([pl.read_parquet(path) for path in loaded.files]).sort("id")
    assert deals["name"][0] == 'He said "yes",\r\nthen left'
    assert [str(each) for each in deals["amount"]] == ["139000000.00", "12345678.90", "3001.50"]
    assert deals["is_deleted"].to_list() == [False, False, True]


def test_only_mapped_fields_are_asked_for_and_those_that_configuration_adds_or_takes_away(visit: Visit) -> None:
    visit.mapping = fetching(
        of_opportunities(MAPPING), fields={"opportunity": ["Region__c"]}, without={"opportunity": ["Loss_Reason__c"]}
    )
    visit.org.records = {"Opportunity": [deal(1, Region__c="North", Email__c="someone@example.com")]}
    fetched = visit.fetch()
    (query,) = visit.org.queries()
    asked = query.removeprefix("SELECT ").split(" FROM ")[0].split(", ")
    assert asked == [
        *["Id", "Name", "AccountId", "OwnerId", "RecordTypeId", "StageName", "Amount", "CurrencyIsoCode"],
        *["Probability", "ForecastCategoryName", "CloseDate", "CreatedDate", "LastModifiedDate"],
        *["SystemModstamp", "LastStageChangeDate", "LeadSource", "Type", "NextStep", "IsDeleted", "Region__c"],
    ]
    assert rows(fetched)[0]["Region__c"] == "North"
    assert "Email__c" not in rows(fetched)[0]


def test_a_second_fetch_takes_what_changed_since_and_what_was_deleted(visit: Visit) -> None:
    visit.org.records = {"Opportunity": [deal(1), deal(2, NOON - minutes(1))]}
    visit.fetch()
    visit.org.records["Opportunity"] = [
        deal(1),
        deal(2, NOON + minutes(60), IsDeleted=True),
        deal(3, NOON + minutes(70)),
    ]
    fetched = visit.fetch(NOON + timedelta(days=1))
    assert [(row["Id"], row["IsDeleted"]) for row in rows(fetched)] == [("006002", "true"), ("006003", "false")]
    assert fetched.files["Opportunity"] == (2, "delta")
    assert all("/queryAll" in each.path for each in visit.org.asked if "q" in each.query)


def test_history_is_followed_by_when_it_was_written(visit: Visit) -> None:
    history = {"Id": "0171", "OpportunityId": "006001", "Field": "Amount", "CreatedDate": stamp(NOON - minutes(60))}
    visit.org.records = {"OpportunityFieldHistory": [history]}
    visit.fetch()
    later = {**history, "Id": "0172", "CreatedDate": stamp(NOON + minutes(5))}
    visit.org.records["OpportunityFieldHistory"].append(later)
    fetched = visit.fetch(NOON + timedelta(hours=1))
    assert ids(fetched, "OpportunityFieldHistory") == ["0171", "0172"]
    assert any("WHERE CreatedDate >= 2026-03-31T10:45:00Z" in query for query in visit.org.queries())


def test_a_record_within_the_overlap_comes_again_and_one_that_was_committed_late_is_not_lost(visit: Visit) -> None:
    visit.org.records = {
        "Opportunity": [deal(1, NOON - minutes(20)), deal(2, NOON - minutes(5)), deal(3, NOON - minutes(1))]
    }
    visit.fetch()
    # Stamped eight minutes before the newest record that was seen, by a transaction that ended after the fetch.
    visit.org.records["Opportunity"].append(deal(4, NOON - minutes(9)))
    assert ids(visit.fetch(NOON + timedelta(hours=1))) == ["006002", "006003", "006004"]


def test_the_overlap_is_what_configuration_says(visit: Visit) -> None:
    visit.mapping = CrmMapping.model_validate(
        of_opportunities(MAPPING).model_dump() | {"fetch": {"overlap_minutes": 2}}
    )
    visit.org.records = {"Opportunity": [deal(1, NOON - minutes(5)), deal(2, NOON - minutes(1))]}
    visit.fetch()
    assert ids(visit.fetch(NOON + timedelta(hours=1))) == ["006002"]


def test_a_record_that_changes_while_pages_are_read_is_in_the_next_extract_and_no_other_is_missed(visit: Visit) -> None:
    visit.mapping = of_opportunities(MAPPING)
    deals = [deal(number) for number in range(1, 8)]
    visit.org.records = {"Opportunity": deals}
    visit.fetch()
    second = NOON + timedelta(hours=1)
    for each in deals:
        each["SystemModstamp"] = stamp(NOON + minutes(30))
    # One changes between the instant of the fetch and its query, another between two pages.
    deals[6] |= {"SystemModstamp": stamp(second), "StageName": "Won"}

    def change_the_first() -> None:
        deals[0] |= {"SystemModstamp": stamp(second + minutes(1)), "StageName": "Lost"}

    visit.org.after_a_page = change_the_first
    assert [(row["Id"], row["StageName"]) for row in rows(visit.fetch(second))] == [
        (f"00600{number}", "Proposal") for number in range(1, 7)
    ]
    stages = {row["Id"]: row["StageName"] for row in rows(visit.fetch(second + timedelta(hours=1)))}
    assert (stages["006001"], stages["006007"]) == ("Lost", "Won")


def test_a_clock_that_is_ahead_on_the_other_side_does_not_carry_the_cursor_past_what_is_to_come(visit: Visit) -> None:
    visit.org.records = {"Opportunity": [deal(1, NOON + timedelta(days=3))]}
    visit.fetch()
    visit.org.records["Opportunity"].append(deal(2, NOON + minutes(10)))
    assert ids(visit.fetch(NOON + timedelta(hours=1))) == ["006002"]


def test_full_takes_everything_again(visit: Visit) -> None:
    visit.org.records = {"Opportunity": [deal(1)]}
    visit.fetch()
    fetched = visit.fetch(NOON + timedelta(hours=1), is_full=True)
    assert fetched.files["Opportunity"] == (1, "full")


def test_an_object_that_is_asked_for_more_fields_is_taken_whole_and_the_others_are_not(visit: Visit) -> None:
    account = {"Id": "001", "SystemModstamp": stamp(NOON - timedelta(days=2))}
    visit.org.records = {"Opportunity": [deal(1)], "Account": [account]}
    visit.fetch()
    visit.mapping = CrmMapping.model_validate(
        MAPPING.model_dump() | {"fetch": {"fields": {"opportunity": ["Region__c"]}}}
    )
    fetched = visit.fetch(NOON + timedelta(hours=1))
    assert fetched.files["Opportunity"] == (1, "full")
    assert fetched.files["Account"][1] == "delta"


def test_a_busy_server_is_given_the_pause_it_asks_for(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=waits.append))
    busy = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}]
    visit.mapping = of_opportunities(MAPPING)
    visit.org.records = {"Opportunity": [deal(1)]}
    visit.org.trouble = [Answer(429, busy, {"Retry-After": "7"}), Answer(429, busy, {"Retry-After": "86400"})]
    api = connect(visit.mapping, visit.environment, Patience(attempts=3))
    inbox = visit.home / "inbox"
    fetched = fetch(api, visit.mapping, inbox, visit.cursor_file, until=NOON, is_full=False, is_past=False)
    assert ids(fetched) == ["006001"]
    assert waits == [7, 60]


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}]),
        Answer(200, {"totalSize": 1, "done": True, "records": []}, cut_after=20),
        Answer(200, {"totalSize": 1, "done": True, "records": []}, cut_after=20, tells_length=False),
        Answer(200, {"totalSize": 1, "done": True, "records": []}, cut_after=0, tells_length=False),
    ],
    ids=["unavailable", "cut", "cut without a length", "nothing at all"],
)
def test_trouble_that_passes_is_got_over(visit: Visit, trouble: Answer) -> None:
    visit.mapping = of_opportunities(MAPPING)
    visit.org.records = {"Opportunity": [deal(1)]}
    visit.org.trouble = [trouble, trouble]
    assert ids(visit.fetch()) == ["006001"]
    assert len(visit.org.asked) == 3


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (Answer(500, []), r"Salesforce failed 3 times over \(500\); fetch again later; nothing was written"),
        (Answer(429, []), r"Salesforce still asks to slow down after 3 attempts \(429\)"),
        (
            Answer(200, {"records": []}, cut_after=3),
            r"Salesforce cannot be reached at http://127.0.0.1:\d+ after 3 attempts",
        ),
        (Answer(200, b"<html>Log in</html>"), r"answers at http://.* with something that is no JSON, 3 times over"),
        (Answer(403, [{"errorCode": "API_DISABLED_FOR_ORG"}]), r"does not allow .* \(403, API_DISABLED_FOR_ORG\)"),
        (
            Answer(404, [{"errorCode": "NOT_FOUND"}]),
            r"refused the request /services/.*/queryAll \(404, NOT_FOUND\)",
        ),
    ],
)
def test_trouble_that_stays_is_one_sentence_and_leaves_no_folder_and_no_cursor(
    visit: Visit, trouble: Answer, sentence: str
) -> None:
    visit.org.trouble = [trouble] * 99
    with pytest.raises(FetchRefused, match=sentence):
        visit.fetch()
    assert visit.folders() == []
    assert not visit.cursor_file.exists()


def test_an_address_that_nobody_answers_at_is_one_sentence(visit: Visit) -> None:
    with serving(visit.org.answer) as gone:
        pass
    visit.environment["SALESFORCE_INSTANCE_URL"] = gone
    with pytest.raises(FetchRefused, match=r"cannot be reached at .* after 3 attempts \(ConnectionError\)"):
        visit.fetch()


def test_a_token_that_expires_between_two_pages_leaves_nothing(visit: Visit) -> None:
    visit.org.records = {"Opportunity": [deal(1), deal(2), deal(3)]}

    def expire() -> None:
        visit.org.token = "another"

    visit.org.after_a_page = expire
    with pytest.raises(FetchRefused, match=r"expired; renew SALESFORCE_ACCESS_TOKEN; nothing was written"):
        visit.fetch()
    assert visit.folders() == []


def test_fewer_records_than_promised_are_not_taken_for_all(visit: Visit) -> None:
    visit.org.trouble = [Answer(200, {"totalSize": 5, "done": True, "records": []})]
    with pytest.raises(FetchRefused, match="promised 5 records of Opportunity and gave 0"):
        visit.fetch()
    assert visit.folders() == []


def test_all_fields_that_the_org_does_not_have_are_named_with_where_to_leave_them_out(visit: Visit) -> None:
    visit.org.absent_fields = frozenset({"CurrencyIsoCode", "Loss_Reason__c"})
    with pytest.raises(FetchRefused, match="no field CurrencyIsoCode nor Loss_Reason__c on Opportunity") as refused:
        visit.fetch()
    advice = str(refused.value).split("defs.yaml: fetch: ")[1]
    visit.mapping = fetching(MAPPING, without=yaml.safe_load(advice)["without"])
    assert visit.fetch().files["Opportunity"] == (0, "full")


@pytest.mark.parametrize("missing", ["SALESFORCE_INSTANCE_URL", "SALESFORCE_ACCESS_TOKEN"])
def test_a_variable_that_is_not_set_is_named(visit: Visit, missing: str) -> None:
    del visit.environment[missing]
    with pytest.raises(FetchRefused, match=f"{missing} is not set"):
        visit.fetch()


@pytest.mark.parametrize("broken", ["first-half\nsecond-half", "first-half second-half", "first-half…"])
def test_a_credential_that_was_copied_badly_is_named_and_not_repeated(visit: Visit, broken: str) -> None:
    visit.environment["SALESFORCE_ACCESS_TOKEN"] = broken
    with pytest.raises(FetchRefused, match="SALESFORCE_ACCESS_TOKEN holds a blank") as refused:
        visit.fetch()
    assert "half" not in str(refused.value)


def test_credentials_do_not_travel_in_the_open(visit: Visit) -> None:
    visit.environment["SALESFORCE_INSTANCE_URL"] = "http://example.my.salesforce.com"
    with pytest.raises(FetchRefused, match="should begin with https://"):
        visit.fetch()


def test_a_client_secret_is_changed_for_a_token(visit: Visit) -> None:
    del visit.environment["SALESFORCE_ACCESS_TOKEN"]
    visit.environment |= {"SALESFORCE_CLIENT_ID": "client", "SALESFORCE_CLIENT_SECRET": "the-client-secret"}
    visit.org.records = {"Opportunity": [deal(1)]}
    assert ids(visit.fetch()) == ["006001"]
    logins = [each.body for each in visit.org.asked if each.path == "/services/oauth2/token"]
    assert [each["grant_type"] for each in logins] == ["client_credentials"]
    visit.environment |= {"SALESFORCE_REFRESH_TOKEN": "refresh"}
    visit.fetch(NOON + timedelta(hours=1))
    assert visit.org.asked[-1].authorization == f"Bearer {TOKEN}"
    assert [each.body["refresh_token"] for each in visit.org.asked if "refresh_token" in each.body] == ["refresh"]


def test_a_wrong_client_secret_is_one_sentence(visit: Visit) -> None:
    visit.environment |= {"SALESFORCE_CLIENT_ID": "client", "SALESFORCE_CLIENT_SECRET": "wrong-client-secret"}
    with pytest.raises(FetchRefused, match=r"\(400, invalid_client\); renew SALESFORCE_CLIENT_ID"):
        visit.fetch()


@pytest.mark.parametrize("fails", [False, True])
def test_no_credential_is_in_any_log_message_or_file(
    visit: Visit,
    fails: bool,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("dlt", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    monkeypatch.chdir(visit.home)
    monkeypatch.setenv("HOME", str(visit.home))
    monkeypatch.setenv("DLT_DATA_DIR", str(visit.home / "dlt"))
    secrets = {
        "SALESFORCE_CLIENT_ID": "client-9912",
        "SALESFORCE_CLIENT_SECRET": "the-client-secret",
        "SALESFORCE_REFRESH_TOKEN": "refresh-7781",
    }
    visit.environment |= secrets
    visit.org.records = {"Opportunity": [deal(1)]}
    told = ""
    if fails:
        echo = [{"errorCode": "ODD", "message": f"Bearer {TOKEN} the-client-secret refresh-7781"}]
        visit.org.after_a_page = lambda: visit.org.trouble.append(Answer(400, echo))
        with pytest.raises(FetchRefused) as refused:
            visit.fetch()
        chain: BaseException | None = refused.value
        while chain is not None:
            told += repr(chain) + str(chain)
            chain = None if chain.__suppress_context__ else chain.__cause__ or chain.__context__
    else:
        told += repr(visit.fetch())
    written = b"".join(path.read_bytes() for path in visit.home.rglob("*") if path.is_file())
    out, err = capfd.readouterr()
    told += "".join(record.getMessage() + str(record.__dict__) for record in caplog.records) + out + err
    assert "127.0.0.1" in told, "nothing was logged, so nothing is proved"
    for value in (TOKEN, *secrets.values()):
        assert value not in told
        assert value.encode() not in written


def test_nothing_is_written_beside_the_home(visit: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(elsewhere))
    visit.home = tmp_path / "home"
    visit.fetch()
    assert list(elsewhere.rglob("*")) == []
    assert sorted(each.name for each in visit.home.iterdir()) == ["fetch", "inbox"]


def test_a_fetch_that_is_killed_before_its_cursor_is_written_takes_the_same_again(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit.org.records = {"Opportunity": [deal(1, NOON - minutes(1))]}
    visit.fetch()
    visit.org.records["Opportunity"].append(deal(2, NOON + minutes(30)))
    before = visit.cursor_file.read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("orchestration.ingest.api.fetch.write_cursors", killed)
        with pytest.raises(KeyboardInterrupt):
            visit.fetch(NOON + timedelta(hours=1))
    assert visit.cursor_file.read_bytes() == before
    assert visit.folders() == ["2026-03-31T12-00-00Z", "2026-03-31T13-00-00Z"]
    assert "006002" in ids(visit.fetch(NOON + timedelta(hours=2)))


def test_a_fetch_that_is_killed_while_it_writes_leaves_a_folder_that_no_night_sees(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit.org.records = {"Opportunity": [deal(1)]}
    # A killed process cleans nothing up.
    monkeypatch.setattr("orchestration.ingest.api.extract.Draft.discard", lambda _: None)
    visit.org.after_a_page = lambda: visit.org.trouble.extend([Answer(400, [])])
    with pytest.raises(FetchRefused):
        visit.fetch()
    assert visit.folders() == [".2026-03-31T12-00-00Z.draft"]
    shelf = Shelf(visit.home / "inbox", visit.home / "lake", visit.home / "quarantine")
    assert load(shelf, MAPPING, "UTC", NOON).files == []
    visit.org.after_a_page = lambda: None
    visit.org.trouble.clear()
    visit.fetch(NOON + minutes(5))
    assert visit.folders() == ["2026-03-31T12-05-00Z"]


def test_two_fetches_of_one_crm_do_not_run_at_once(visit: Visit) -> None:
    with (
        alone(visit.cursor_file),
        pytest.raises(FetchRefused, match=r"stageproof fetch salesforce is running \(pid \d+ on "),
    ):
        visit.fetch()
    visit.fetch()
    assert visit.folders() == ["2026-03-31T12-00-00Z"]


def test_an_extract_is_never_written_over(visit: Visit) -> None:
    visit.fetch()
    with pytest.raises(FetchRefused, match="is there already"):
        visit.fetch()


def test_another_org_does_not_go_on_from_the_cursor_of_the_first(visit: Visit) -> None:
    visit.org.records = {"Opportunity": [deal(1)]}
    visit.fetch()
    with serving(visit.org.answer) as other:
        visit.environment["SALESFORCE_INSTANCE_URL"] = other
        with pytest.raises(FetchRefused, match="give each account a STAGEPROOF_HOME of its own"):
            visit.fetch(NOON + timedelta(hours=1))


def test_a_broken_cursor_file_is_named(visit: Visit) -> None:
    visit.cursor_file.parent.mkdir(parents=True)
    visit.cursor_file.write_text('{"account": ')
    with pytest.raises(FetchRefused, match=r"salesforce.json: is broken; remove it"):
        visit.fetch()


def test_a_past_instant_is_taken_as_a_change_and_never_as_a_whole(visit: Visit) -> None:
    visit.mapping = of_opportunities(MAPPING)
    visit.org.records = {"Opportunity": [deal(1, NOON - minutes(1))]}
    with pytest.raises(FetchRefused, match="can only be taken as they are now"):
        visit.fetch(is_past=True)
    visit.fetch()
    visit.org.records["Opportunity"] += [deal(2, NOON + minutes(30)), deal(3, NOON + minutes(90))]
    assert "006003" not in ids(visit.fetch(NOON + timedelta(hours=1), is_past=True))


def test_the_command_line_starts_without_dlt() -> None:
    program = "import sys, orchestration.cli, orchestration.ingest.api.fetch; sys.exit('dlt' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=PROJECT).returncode == 0


def test_without_the_extra_the_sentence_names_it(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.ingest.api.client.find_spec", lambda _: None)
    with pytest.raises(FetchRefused, match=r"uv sync --frozen --extra dlt"):
        visit.fetch()


def test_dlt_tells_its_makers_nothing(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME__DLTHUB_TELEMETRY", raising=False)
    visit.fetch()
    from dlt.common.configuration import resolve_configuration
    from dlt.common.configuration.specs import RuntimeConfiguration

    assert resolve_configuration(RuntimeConfiguration()).dlthub_telemetry is False


Change = tuple[int, int, int, bool]
CHANGES = st.lists(
    st.tuples(
        st.integers(1, 6),  # which deal
        st.integers(0, 240),  # the minute it is stamped
        st.integers(0, 14),  # how many minutes later it is seen, within the overlap
        st.booleans(),  # deleted
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=CHANGES, fetches=st.lists(st.integers(1, 260), max_size=4, unique=True))
def test_any_interleaving_of_changes_and_fetches_ends_in_what_one_full_fetch_gives(
    changes: list[Change], fetches: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    def seen_at(minute: int) -> list[dict[str, Any]]:
        newest: dict[int, Change] = {}
        for change in sorted(changes, key=lambda each: each[1]):
            if change[1] + change[2] <= minute:
                newest[change[0]] = change
        return [
            deal(number, NOON + minutes(stamped), Name=f"at {stamped}", IsDeleted=is_deleted)
            for number, stamped, _, is_deleted in newest.values()
        ]

    def newest_versions(home: Path) -> dict[str, tuple[str, str]]:
        versions: dict[str, tuple[str, str]] = {}
        for folder in sorted((home / "inbox" / "salesforce").iterdir()):
            manifest = json.loads((folder / "manifest.json").read_text())
            if manifest["files"]["Opportunity.csv"]["extract"] == "full":
                versions.clear()
            with (folder / "Opportunity.csv").open(encoding="utf-8-sig", newline="") as file:
                versions |= {row["Id"]: (row["Name"], row["IsDeleted"]) for row in csv.DictReader(file)}
        return versions

    org = Org()
    with serving(org.answer) as url:
        step_by_step = Visit(org, url, tmp_path_factory.mktemp("steps"))
        at_once = Visit(org, url, tmp_path_factory.mktemp("once"))
        for each in (step_by_step, at_once):
            each.mapping = of_opportunities(MAPPING)
        for minute in [*sorted(fetches), 300]:
            org.records = {"Opportunity": seen_at(minute)}
            step_by_step.fetch(NOON + minutes(minute))
        at_once.fetch(NOON + minutes(300))
    assert newest_versions(step_by_step.home) == newest_versions(at_once.home)
