"""Whole nights that tell: what is sent by a night, by a night run again, and what no night ever says."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from clones import Clone, put_extract
from receivers import Answer, Receiver, receiving

MakeClone = Callable[[str | None], Clone]

SECRET = "s3cr3t-never-to-be-seen"
PASSWORD = "pa55word-never-to-be-seen"
ALERTS = """audiences:
  - {audience: sales, url_variable: TEST_ALERTS_SALES, language: zh}
  - {audience: data_team, url_variable: TEST_ALERTS_DATA, tells: [incidents, held_extracts, expectations]}
owners:
  url_variable: TEST_ALERTS_OWNERS
  addresses: {"generic:ann": ann, "generic:bob": bob}
retries: {attempts: 2, wait_seconds: 0.1}
"""
HOSTILE = '"北方<!channel> @all [x](http://evil.example.com)"'
DEALS = """deal_id,deal_name,stage,amount,currency,owner_id,created_at,expected_close_date,next_step,modified_at
1,{name},资格确认,1000.00,CNY,ann,2026-03-01T09:00:00+08:00,{close},call,2026-03-05T09:00:00+08:00
2,南方项目,资格确认,2000.50,CNY,bob,2026-03-01T09:00:00+08:00,2026-04-30,{step},2026-03-05T09:00:00+08:00
3,无主项目,资格确认,10.00,CNY,,2026-03-01T09:00:00+08:00,2026-04-30,call,2026-03-05T09:00:00+08:00
"""
CHANGES = """change_id,deal_id,stage,changed_at
a,1,初步接洽,2026-03-01T09:00:00+08:00
b,1,资格确认,2026-03-05T09:00:00+08:00
c,2,初步接洽,2026-03-01T09:00:00+08:00
d,2,资格确认,2026-03-05T09:00:00+08:00
e,3,初步接洽,2026-03-01T09:00:00+08:00
f,3,资格确认,2026-03-05T09:00:00+08:00
"""


@dataclass
class Company:
    clone: Clone
    sales: Receiver
    data: Receiver
    owners: Receiver
    said: str = ""

    def run(self, *arguments: str) -> str:
        output = self.clone.run(*arguments)
        self.said += output
        return output


@pytest.fixture(scope="module")
def company(clone: MakeClone) -> Iterator[Company]:
    made = clone(None)
    (made.root / "quality" / "standards" / "alerts.yml").write_text(ALERTS, encoding="utf-8")
    with receiving() as sales, receiving() as data, receiving() as owners, pytest.MonkeyPatch.context() as environment:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            environment.delenv(name, raising=False)
        for name, receiver in (("SALES", sales), ("DATA", data)):
            url = f"json://user:{PASSWORD}@127.0.0.1:{receiver.port}/{SECRET}"
            environment.setenv(f"TEST_ALERTS_{name}", url)
        environment.setenv("TEST_ALERTS_OWNERS", f"json://user:{PASSWORD}@127.0.0.1:{owners.port}/{SECRET}/{{address}}")
        yield Company(made, sales, data, owners)


def test_a_night_that_is_to_tell_nobody_sends_nothing_and_the_next_run_of_it_does(company: Company) -> None:
    deals = DEALS.format(name="北方项目", close="2026-04-30", step="call")
    put_extract(company.clone, "2026-03-06", {"deals.csv": deals, "stage_changes.csv": CHANGES})
    assert "Alerts " not in company.run("night", "--date", "2026-03-06", "--no-alerts")
    assert not (company.clone.home / "lake" / "alerts").exists()
    assert "Alerts      told each night: sales, data_team, owners" in company.run("doctor")
    # The night is one of long ago.
    assert "due" in company.clone.run("doctor", "--strict", expect=1)

    again = company.run("night", "--date", "2026-03-06")
    assert "Nothing changed" in again
    # A first night has a backlog, which is no news, and a deal without an owner, which the data team did not know.
    assert "Alerts           data_team: 1 new, delivered\n" in again
    assert "Alerts           sales: nothing new\n" in again
    assert "Alerts           owners: nothing new\n" in again
    (told,) = company.data.requests
    assert "deals_current): found 1, may be 0 to 0" in told.json["message"]
    assert (company.sales.requests, company.owners.requests) == ([], [])


def test_a_night_tells_what_is_new_and_goes_on_where_a_service_fails(company: Company) -> None:
    company.owners.otherwise = Answer(500, SECRET)
    deals = DEALS.format(name=HOSTILE, close="2026-03-01", step="")
    put_extract(company.clone, "2026-03-07", {"deals.csv": deals, "stage_changes.csv": CHANGES})
    said = company.run("night", "--date", "2026-03-07")
    assert re.search(r"warning +alerts +owners: 2 new, not delivered: HTTP 500", said)
    assert "Alerts           sales: 2 new, delivered\n" in said
    assert "Alerts           data_team: nothing new\n" in said
    assert (
        "Alerts           owners: 2 new, not delivered: HTTP 500 after 2 attempts (generic:ann, generic:bob); "
        "run the night again to try again\n" in said
    )
    (told,) = company.sales.requests
    assert told.json["title"] == "Demo company 2026-03-07：新增 2 项"
    assert "违规：新增 2 项，涉及 2 个商机，风险金额 3,000.50 CNY" in told.json["message"]
    assert (
        "- 北方＜!channel＞ ＠all [x] (http://evil.example.com)（1） | 资格确认 | generic:ann | 1,000 CNY"
        in told.json["message"]
    )
    assert "实际情况：预计成交日期 2026-03-01" in told.json["message"]
    assert "已约定下一步。（1）" in told.json["message"]
    assert f"晨间检查: {company.clone.home}/reports/2026-03-07/review.html" in told.json["message"]
    assert len(company.data.requests) == 1
    assert company.run("nights").splitlines()[-1].startswith("Alerts of 2026-03-07  owners: 2 new, not delivered: HTTP")
    assert "Alerts      warning: night of 2026-03-07: owners: 2 new, not delivered" in company.run("doctor")


def test_the_same_night_run_again_tells_only_those_that_it_could_not_reach(company: Company) -> None:
    company.owners.requests.clear()
    company.owners.otherwise = Answer()
    again = company.run("night", "--date", "2026-03-07")
    assert "Nothing changed" in again
    assert "Alerts           owners: 2 new, delivered to 2\n" in again
    by_path = {request.path: request.json["message"] for request in company.owners.requests}
    assert set(by_path) == {f"/{SECRET}/ann", f"/{SECRET}/bob"}
    for path, message in by_path.items():
        assert ("北方" in message) == ("ann" in path)
        assert ("南方项目" in message) == ("bob" in path)
    assert len(company.sales.requests) == 1

    before = company.clone.files()
    company.run("night", "--date", "2026-03-07")
    company.run("night", "--date", "2026-03-06")
    assert company.clone.files() == before
    assert (len(company.sales.requests), len(company.data.requests), len(company.owners.requests)) == (1, 1, 2)


def test_no_night_says_or_keeps_any_part_of_a_url(company: Company) -> None:
    """Not on the terminal, not in Dagster's record of the run, and in no file of the home."""
    files = [path for path in company.clone.home.rglob("*") if path.is_file()]
    assert any("dagster" in path.parts and path.suffix == ".db" for path in files)
    for secret in (SECRET, PASSWORD):
        assert secret not in company.said
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
