"""Who is told of a night, and who is not told again: recipients, what each was told, and the sentences about it."""

import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import requests
from alert_tables import BEFORE, DEAL, NIGHT, NO_STEP, expectation, frames, rule, stalled, violation
from receivers import Answer, Receiver, mailbox, receiving, rerouted

import quality
from orchestration import alerting
from orchestration.alerting import alert, look
from orchestration.night import Home, Night, NightRecord
from orchestration.publishing.alerts.record import Delivery, Record, brief, content, read, sentences
from orchestration.publishing.archive import content as parquet
from quality.standards import load

DISCOVERY = "direct_sales.initial_contact.discovery_held"
ALERTS = """audiences:
  - {audience: sales, url_variable: SALES}
  - {audience: data_team, url_variable: DATA, tells: [incidents, held_extracts, expectations]}
retries: {attempts: 2, wait_seconds: 0, timeout_seconds: 5}
"""
OWNERS = """owners:
  url_variable: OWNERS
  addresses: {"generic:li": li.na+crm@example.com, "generic:bob": bob@example.com}
retries: {attempts: 2, wait_seconds: 0, timeout_seconds: 5}
"""


def gap(name: str, change: str = "new", **more: Any) -> dict[str, Any]:
    return violation(name, change, **{"rule_id": DISCOVERY, "funnel": "direct_sales", **more})


@dataclass
class Company:
    """A home with published nights, and its standards."""

    home: Home
    standards: Path
    environment: dict[str, str] = field(default_factory=dict)

    def night(self, business_date: date = NIGHT) -> Night:
        return Night(business_date, "Asia/Shanghai", self.home, self.standards)

    def publish(self, business_date: date = NIGHT, *, held: tuple[str, ...] = (), **rows: Any) -> None:
        """A night as `publication` leaves it, as far as alerts read it."""
        night = self.night(business_date)
        given = {
            "deals_current": [DEAL | {"deal_key": key, "deal_name": name} for key, name in NAMES.items()],
            "quality_rule_nights": [rule(DISCOVERY, business_date), rule(NO_STEP, business_date)],
            **rows,
        }
        tables = frames(**given)
        night.served_file.parent.mkdir(parents=True, exist_ok=True)
        night.served_file.unlink(missing_ok=True)
        with duckdb.connect(str(night.served_file)) as connection:
            for name, frame in tables.items():
                connection.register("frame", frame.to_arrow())
                connection.execute(f"create table {name} as select * from frame")
        record = replace(RECORD, business_date=business_date, held_reasons=list(held))
        night.archive.mkdir(parents=True, exist_ok=True)
        (night.archive / "stalled.parquet").write_bytes(parquet(tables["deals_stalled"].select("deal_key")))
        record.write(night.archive)

    def tell(self, business_date: date = NIGHT) -> Record | None:
        return alert(self.night(business_date), load(self.standards), self.environment, sleep=lambda _: None)

    def alerts(self, text: str) -> None:
        (self.standards / "alerts.yml").write_text(text, encoding="utf-8")


NAMES = {"generic:7": "北方项目", "generic:8": "南方项目", "generic:9": "西部项目"}
RECORD = NightRecord(
    business_date=NIGHT,
    as_of_at=datetime(2026, 11, 22, 16, tzinfo=UTC),
    fingerprint="f",
    config_hash="c",
    code_version="v",
    inputs_hash="i",
    rate_date=None,
    previous_business_date=BEFORE,
    rows_in=1,
    rows_loaded=1,
    rows_quarantined=0,
    extracts_held=0,
    held_reasons=[],
    deals=1,
    open_deals=1,
    open_violations=1,
    table_rows={},
    table_hashes={},
    duration_seconds=1.0,
)


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(Path(quality.__file__).parent / "standards", tmp_path / "standards")
    made = Company(Home(tmp_path / "home"), tmp_path / "standards")
    made.alerts(ALERTS)
    made.publish(BEFORE)
    return made


def told(receiver: Receiver) -> list[str]:
    return [f"{request.json['title']}\n{request.json['message']}" for request in receiver.requests]


def statuses(made: Record | None) -> dict[tuple[str, str], tuple[str, int]]:
    assert made is not None
    return {(each.audience, each.recipient): (each.status, each.new) for each in made.deliveries}


def test_each_audience_is_told_once_and_a_second_run_of_the_night_asks_nobody(company: Company) -> None:
    company.publish(
        quality_violations=[gap("a"), gap("b", deal_key="generic:8")],
        deals_stalled=[stalled("generic:9")],
        held=("deals.csv: shrank",),
    )
    with receiving() as sales, receiving() as data:
        company.environment = {"SALES": sales.url(), "DATA": data.url()}
        made = company.tell()
        before = company.night().alerts_file.read_bytes()
        stamp = company.night().alerts_file.stat().st_mtime_ns
        again = company.tell()
        assert (len(sales.requests), len(data.requests)) == (1, 1)
    assert statuses(made) == {("sales", "1"): ("delivered", 3), ("data_team", "1"): ("delivered", 1)}
    assert again == made
    assert company.night().alerts_file.read_bytes() == before
    assert company.night().alerts_file.stat().st_mtime_ns == stamp, "a night with nothing to tell touches no file"
    (for_sales,), (for_data,) = told(sales), told(data)
    assert for_sales.startswith("Demo company 2026-11-22: 3 new, 2 blocking\nViolations: 2 new, 2 blocking; on 2 deals")
    assert "- 北方项目 (7)" in for_sales
    assert "Newly stalled (1)\n- 西部项目" in for_sales
    assert for_sales.endswith(f"Morning review: {company.night().review_file}")
    assert "- deals.csv: shrank" in for_data
    assert "北方项目" not in for_data


def test_nothing_new_asks_nobody_and_is_recorded_as_such(company: Company) -> None:
    company.publish(
        quality_violations=[gap("a", "carried"), gap("b", "backlog")],
        quality_expectations=[expectation("x", "failed"), expectation("x", "failed", BEFORE)],
    )
    with receiving() as receiver:
        company.environment = {"SALES": receiver.url(), "DATA": receiver.url()}
        made = company.tell()
    assert receiver.requests == []
    assert statuses(made) == {("sales", "1"): ("nothing_new", 0), ("data_team", "1"): ("nothing_new", 0)}
    assert made is not None
    assert sentences(made) == ["data_team: nothing new", "sales: nothing new"]
    assert brief(made) == "nothing new"


def test_one_audience_that_cannot_be_reached_keeps_no_other_from_being_told(company: Company) -> None:
    company.publish(quality_violations=[gap("a")], held=("deals.csv: shrank",))
    with receiving(otherwise=Answer(500)) as bad, receiving() as good:
        company.environment = {"SALES": bad.url(), "DATA": good.url()}
        made = company.tell()
    assert made is not None
    assert statuses(made) == {("sales", "1"): ("failed", 1), ("data_team", "1"): ("delivered", 1)}
    assert sentences(made) == [
        "data_team: 1 new, delivered",
        "sales: 1 new, not delivered: HTTP 500 after 2 attempts; run the night again to try again",
    ]
    assert brief(made) == "1 not told"
    assert len(good.requests) == 1


def test_a_digest_that_was_not_delivered_is_tried_again_by_the_next_run_and_the_others_are_not(
    company: Company,
) -> None:
    company.publish(quality_violations=[gap("a")], held=("deals.csv: shrank",))
    with receiving(otherwise=Answer(500)) as flaky, receiving() as good:
        company.environment = {"SALES": flaky.url(), "DATA": good.url()}
        company.tell()
        flaky.otherwise = Answer(200)
        made = company.tell()
    assert statuses(made)["sales", "1"] == ("delivered", 1)
    assert len(flaky.requests) == 3
    assert len(good.requests) == 1


def test_of_two_urls_of_an_audience_the_one_that_failed_is_tried_again_alone(company: Company) -> None:
    company.publish(quality_violations=[gap("a")])
    with receiving() as first, receiving(otherwise=Answer(404)) as second:
        company.environment = {"SALES": f"{first.url()}  {second.url()}\n", "DATA": first.url()}
        made = company.tell()
        assert made is not None
        assert sentences(made)[1] == ("sales: 1 new, 1 of 2 delivered: HTTP 404 (2); run the night again to try again")
        second.otherwise = Answer()
        made = company.tell()
        assert made is not None
        assert sentences(made)[1] == "sales: 1 new, delivered to 2"
        assert (len(first.requests), len(second.requests)) == (1, 2)


def test_a_night_that_is_published_anew_tells_only_what_was_not_told(company: Company) -> None:
    company.publish(quality_violations=[gap("a")])
    with receiving() as receiver:
        company.environment = {"SALES": receiver.url(), "DATA": receiver.url()}
        company.tell()
        company.publish(quality_violations=[gap("a"), gap("b", deal_key="generic:8")])
        made = company.tell()
        company.publish(quality_violations=[gap("b", deal_key="generic:8")])
        again = company.tell()
    first, second = told(receiver)
    assert "北方项目" in first
    assert "In addition to what was sent for this night before." in second
    assert "南方项目" in second
    assert "北方项目" not in second
    assert statuses(made)["sales", "1"] == statuses(again)["sales", "1"] == ("delivered", 1)
    assert made is not None
    assert made.of("sales", "1") == replace(
        Delivery("sales", "1", "delivered", 1, attempts=1), told=("violation:a", "violation:b")
    )


def test_a_night_of_the_past_tells_nobody(company: Company) -> None:
    company.publish(BEFORE, quality_violations=[gap("a", business_date=BEFORE)])
    company.publish()
    with receiving() as receiver:
        company.environment = {"SALES": receiver.url(), "DATA": receiver.url()}
        assert company.tell(BEFORE) is None
    assert receiver.requests == []
    assert not company.night(BEFORE).alerts_file.exists()


def test_a_company_that_alerts_nobody_reads_and_writes_nothing(company: Company) -> None:
    company.publish(quality_violations=[gap("a")])
    company.alerts("audiences: []\n")
    company.night().served_file.unlink()
    assert company.tell() is None
    assert not company.home.alerts.exists()
    assert list(look(company.home, load(company.standards), {})) == ["nobody is told: alerts.yml names no audience"]


def test_an_audience_without_its_variable_is_recorded_and_told_as_soon_as_it_has_one(company: Company) -> None:
    company.publish(quality_violations=[gap("a")])
    company.environment = {"SALES": " "}
    made = company.tell()
    assert made is not None
    assert statuses(made) == {("sales", ""): ("not_configured", 1), ("data_team", ""): ("not_configured", 0)}
    assert sentences(made) == ["data_team: not told, as DATA is not set", "sales: not told, as SALES is not set"]
    with receiving() as receiver:
        company.environment = {"SALES": receiver.url(), "DATA": receiver.url()}
        assert statuses(company.tell()) == {("sales", "1"): ("delivered", 1), ("data_team", "1"): ("nothing_new", 0)}
    assert len(receiver.requests) == 1


def test_what_is_no_url_fails_that_audience_alone_and_is_not_repeated(company: Company) -> None:
    company.publish(quality_violations=[gap("a")], held=("deals.csv: shrank",))
    with receiving() as receiver:
        company.environment = {"SALES": "slak://T0/B0/s3cr3t", "DATA": receiver.url()}
        made = company.tell()
    assert made is not None
    assert sentences(made)[1] == (
        "sales: 1 new, not delivered: it holds no URL that Apprise can use; run the night again to try again"
    )
    assert b"s3cr3t" not in company.night().alerts_file.read_bytes()


# Owners


def two_owners() -> dict[str, Any]:
    return {
        "quality_violations": [
            gap("a", owner_key="generic:li", owner_name="李娜"),
            gap("b", deal_key="generic:8", owner_key="generic:bob", owner_name="Bob"),
            gap("c", deal_key="generic:9", owner_key=None, owner_name=None),
        ],
        "deals_stalled": [stalled("generic:9", owner_key="generic:bob", owner_name="Bob")],
    }


def mails(box: Any) -> dict[str, str]:
    return {recipients[0]: message_from_bytes(text).get_payload(decode=True).decode() for recipients, text in box.mails}


def test_each_owner_gets_their_own_deals_at_their_own_address_and_nobody_else_s(company: Company) -> None:
    company.alerts(OWNERS)
    company.publish(**two_owners())
    with mailbox() as box:
        company.environment = {"OWNERS": f"mailto://127.0.0.1:{box.port}?from=s@example.com&to={{address}}"}
        made = company.tell()
        company.tell()
    assert len(box.mails) == 2
    by_address = mails(box)
    assert set(by_address) == {"li.na+crm@example.com", "bob@example.com"}
    assert "北方项目" in by_address["li.na+crm@example.com"]
    assert not any(name in by_address["li.na+crm@example.com"] for name in ("南方项目", "西部项目", "Bob"))
    assert "南方项目" in by_address["bob@example.com"]
    assert "西部项目" in by_address["bob@example.com"]
    assert not any(name in by_address["bob@example.com"] for name in ("北方项目", "李娜"))
    assert statuses(made) == {("owners", "generic:li"): ("delivered", 1), ("owners", "generic:bob"): ("delivered", 2)}
    assert made is not None
    assert sentences(made) == ["owners: 3 new, delivered to 2"]
    assert "example.com" not in company.night().alerts_file.read_text(encoding="utf-8")


def test_an_owner_without_an_address_is_named_and_one_whose_mail_fails_is_tried_again(company: Company) -> None:
    company.alerts(OWNERS.replace('"generic:li": li.na+crm@example.com, ', ""))
    company.publish(**two_owners())
    with mailbox({"bob@example.com": ["451 later"] * 2}) as box:
        company.environment = {"OWNERS": f"mailto://127.0.0.1:{box.port}?from=s@example.com&to={{address}}"}
        made = company.tell()
        assert made is not None
        assert sentences(made) == [
            "owners: 3 new, not delivered: SMTP 451 after 2 attempts (generic:bob); "
            "alerts.yml has no address for this owner (generic:li); run the night again to try again"
        ]
        assert box.mails == []
        made = company.tell()
        assert made is not None
        assert sentences(made) == [
            "owners: 3 new, 1 of 2 delivered: alerts.yml has no address for this owner (generic:li)"
        ]
    assert list(mails(box)) == ["bob@example.com"]


@pytest.mark.parametrize(
    ("template", "why"), [("", "is not set"), ("mailto://127.0.0.1?from=a@x.com&to=boss@x.com", "holds no {address}")]
)
def test_a_url_without_a_place_for_the_address_is_not_used_so_that_nobody_gets_the_deals_of_all(
    company: Company, template: str, why: str
) -> None:
    company.alerts(OWNERS)
    company.publish(**two_owners())
    company.environment = {"OWNERS": template}
    made = company.tell()
    assert made is not None
    assert sentences(made) == [f"owners: not told, as OWNERS {why}"]


def test_an_address_is_put_into_a_url_as_one_quoted_value(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unquoted, the channel would be a fragment of the URL, and the message would go to the channel of all."""
    company.alerts(OWNERS.replace("li.na+crm@example.com", '"#li-na"'))
    company.publish(quality_violations=[gap("a", owner_key="generic:li")])
    with receiving(otherwise=Answer(content={"ok": True, "channel": "C1"})) as receiver:
        monkeypatch.setattr(requests.Session, "request", rerouted(requests, receiver, []))
        company.environment = {"OWNERS": "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/{address}"}
        company.tell()
    assert [request.json["channel"] for request in receiver.requests] == ["#li-na"]


def test_no_owner_with_news_is_nothing_new(company: Company) -> None:
    company.alerts(OWNERS)
    company.publish(quality_violations=[gap("a", owner_key=None)])
    company.environment = {"OWNERS": "json://127.0.0.1/{address}"}
    assert statuses(company.tell()) == {("owners", ""): ("nothing_new", 0)}


# Faults, and what is said of them


def test_a_fault_of_alerts_is_recorded_by_its_kind_and_raises_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.publish(quality_violations=[gap("a")])

    def broken(*_: object, **__: object) -> None:
        raise KeyError("json://user:s3cr3t@example.com")

    monkeypatch.setattr(alerting, "news", broken)
    made = company.tell()
    assert made is not None
    assert made.fault is not None
    assert made.fault.startswith("KeyError in alerting.py, line ")
    assert sentences(made) == [f"fault: no digest could be made, {made.fault}; run the night again"]
    assert brief(made) == "1 not told"
    assert b"s3cr3t" not in company.night().alerts_file.read_bytes()
    monkeypatch.undo()
    with receiving() as receiver:
        company.environment = {"SALES": receiver.url(), "DATA": receiver.url()}
        made = company.tell()
    assert made is not None
    assert made.fault is None
    assert len(receiver.requests) == 1


def test_a_disk_that_takes_no_record_fails_no_night(company: Company) -> None:
    company.publish(quality_violations=[gap("a")])
    company.home.alerts.write_text("in the way of the folder", encoding="utf-8")
    made = company.tell()
    assert made is not None
    assert made.fault is not None
    assert made.fault.startswith("FileExistsError in night.py, line ")


def test_what_was_delivered_before_a_crash_is_not_delivered_again_after_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.publish(quality_violations=[gap("a")], held=("deals.csv: shrank",))
    written: list[int] = []
    replace_file = alerting.replace_file

    def killed(path: Path, text: bytes) -> None:
        written.append(1)
        if len(written) == 2:
            raise KeyboardInterrupt
        replace_file(path, text)

    with receiving() as sales, receiving() as data:
        company.environment = {"SALES": sales.url(), "DATA": data.url()}
        monkeypatch.setattr(alerting, "replace_file", killed)
        with pytest.raises(KeyboardInterrupt):
            company.tell()
        monkeypatch.undo()
        company.tell()
    assert len(sales.requests) == 1
    assert len(data.requests) == 2, "of the one that was killed while it was written down nobody knows"


def test_doctor_says_what_is_missing_and_what_was_not_delivered(company: Company) -> None:
    company.alerts(ALERTS + OWNERS.split("retries", maxsplit=1)[0])
    company.publish(quality_violations=[gap("a")])
    with receiving(otherwise=Answer(500)) as bad:
        company.environment = {"SALES": bad.url(), "DATA": f"slak://s3cr3t {bad.url()}", "OWNERS": "json://x/y"}
        company.tell()
        lines = list(look(company.home, load(company.standards), company.environment))
    assert lines == [
        "told each night: sales, data_team, owners",
        "warning: data_team is not told: DATA holds no URL that Apprise can use in place 1",
        "warning: owners is not told: OWNERS holds no {address}",
        "warning: night of 2026-11-22: owners: not told, as OWNERS holds no {address}",
        "warning: night of 2026-11-22: sales: 1 new, not delivered: HTTP 500 after 2 attempts; "
        "run the night again to try again",
    ]
    assert "warning: sales is not told: SALES is not set" in list(look(company.home, load(company.standards), {}))


def test_a_record_is_read_as_it_was_written_and_equal_records_are_equal_bytes(tmp_path: Path) -> None:
    deliveries = [
        Delivery("sales", "2", "failed", 3, ("violation:a",), 3, "HTTP 500"),
        Delivery("owners", "generic:李", "no_address", 1, reason="x"),
        Delivery("sales", "1", "delivered", 3, ("violation:a", "stalled:b"), 1),
    ]
    file = tmp_path / "alerts.json"
    file.write_bytes(content(deliveries))
    assert set(read(file).deliveries) == set(deliveries)
    assert content(deliveries[::-1]) == file.read_bytes()
    assert json.loads(file.read_bytes())["fault"] is None
    assert read(tmp_path / "none.json") == Record()


def test_a_night_of_the_past_is_not_said_to_tell_if_it_were_run_again() -> None:
    made = Record(
        (
            Delivery("a", "1", "failed", 2, reason="HTTP 500"),
            Delivery("b", "", "not_configured", 1, reason="B is not set"),
        )
    )
    assert sentences(made, about=("failed",), is_latest=False) == ["a: 2 new, not delivered: HTTP 500"]
    assert sentences(made, is_latest=False)[1] == "b: not told, as B is not set"
    assert sentences(Record(fault="KeyError in x.py, line 1"), about=("failed",), is_latest=False) == [
        "fault: no digest could be made, KeyError in x.py, line 1"
    ]


def test_many_owners_with_one_reason_are_one_reason() -> None:
    made = Record(tuple(Delivery("owners", f"generic:{n}", "no_address", 1, reason="no address") for n in range(12)))
    assert sentences(made) == [
        "owners: 12 new, not delivered: no address (generic:0, generic:1, generic:2, generic:3, generic:4 and 7 more)"
    ]


def test_an_amount_and_a_name_come_from_the_served_night(company: Company) -> None:
    company.publish(quality_violations=[gap("a", amount_at_risk=Decimal("1234567.89"))])
    with receiving() as receiver:
        company.environment = {"SALES": receiver.url(), "DATA": receiver.url()}
        company.tell()
    assert "1,234,567.89 CNY at risk" in told(receiver)[0]
    assert pl.read_parquet(company.night().archive / "stalled.parquet").columns == ["deal_key"]
