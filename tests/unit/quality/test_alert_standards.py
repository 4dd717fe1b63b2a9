"""alerts.yml: what is shipped can be used as told, a flaw is refused with its line, and no URL is ever repeated."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import quality
from orchestration.publishing.alerts.sending import understood
from quality.standards import StandardsRefused, fingerprint, load

SHIPPED = Path(quality.__file__).parent / "standards"
TEXT = (SHIPPED / "alerts.yml").read_text(encoding="utf-8")

Alerts = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Alerts:
    """The shipped standards with another alerts.yml."""
    folder = tmp_path / "standards"
    shutil.copytree(SHIPPED, folder)

    def write(text: str) -> Path:
        (folder / "alerts.yml").write_text(text, encoding="utf-8")
        return folder

    return write


def uncommented() -> str:
    """The examples of the shipped file as somebody writes them who does what it says."""
    return re.sub(r"^#(?! \S)", "", TEXT.split("audiences: []\n")[1], flags=re.MULTILINE)


def test_as_shipped_nobody_is_told() -> None:
    alerts = load(SHIPPED).alerts
    assert alerts.audiences == []
    assert alerts.owners is None
    retries = alerts.retries
    waits = sum(retries.wait_seconds * 2**number for number in range(retries.attempts - 1))
    assert waits < retries.give_up_after_seconds
    assert retries.give_up_after_seconds + retries.timeout_seconds < 60


def test_every_example_of_a_url_is_one_that_apprise_knows() -> None:
    urls = re.findall(r"(?<![\w/(])[a-z]+://\S+", TEXT)
    services = [url for url in urls if not url.startswith("https://bi.example.com")]
    assert {url.split("://")[0] for url in services} == {
        "slack",
        "https",
        "workflows",
        "mailtos",
        "feishu",
        "lark",
        "dingtalk",
        "wecombot",
    }
    assert all(understood(url.replace("{address}", "li.na%40example.com")) for url in services)


def test_the_examples_are_standards_once_the_comment_signs_are_gone(written: Alerts) -> None:
    alerts = load(written(uncommented())).alerts
    assert [each.audience for each in alerts.audiences] == ["sales_operations", "east", "data_team"]
    assert alerts.audiences[0].language == "zh"
    assert alerts.audiences[0].severities == ["block"]
    assert alerts.audiences[1].teams == ["East"]
    assert alerts.audiences[1].tells == ["violations", "stalled"]
    assert alerts.audiences[2].tells == ["incidents", "held_extracts", "expectations"]
    assert alerts.owners is not None
    assert list(alerts.owners.addresses.values()) == ["li.na@example.com"]
    assert alerts.review_url == "https://bi.example.com/stageproof/{business_date}/review.html"
    shipped = load(SHIPPED).alerts.retries
    assert alerts.retries == shipped, "the comment tells the defaults"


def test_a_company_without_the_file_tells_nobody(written: Alerts) -> None:
    folder = written("audiences: []\n")
    (folder / "alerts.yml").unlink()
    assert load(folder).alerts == load(SHIPPED).alerts


def test_who_is_told_changes_no_table_and_so_no_fingerprint(written: Alerts) -> None:
    assert fingerprint(written(uncommented())) == fingerprint(SHIPPED)


SALES = "audiences:\n  - {audience: sales, url_variable: SALES_URL%s}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            SALES % ", funnels: [direct_sale]",
            'line 2: audiences[0].funnels[0]: "direct_sale" is no funnel; did you mean direct_sales?',
        ),
        (
            SALES % ", stages: [proposa]",
            'line 2: audiences[0].stages[0]: "proposa" is no stage; did you mean proposal?',
        ),
        (
            SALES % ", rules: [rule.close_date_pas]",
            'line 2: audiences[0].rules[0]: "rule.close_date_pas" is no rule or criterion; '
            "did you mean rule.close_date_past?",
        ),
        (
            SALES % ", severities: [blok]",
            'line 2: audiences[0].severities[0]: should be block or warn; found "blok"; did you mean block?',
        ),
        (SALES % ", tells: [violation]", 'found "violation"; did you mean violations?'),
        (SALES % ", team: [East]", "line 2: audiences[0].team: is not a known field; did you mean teams?"),
        (SALES % ", language: de", 'line 2: audiences[0].language: should be en or zh; found "de"; valid are en, zh'),
        (
            SALES % ", most_shown: 0",
            "line 2: audiences[0].most_shown: should be a whole number from 1 to 1000; found 0",
        ),
        (
            (SALES % "") + (SALES % "").split("\n")[1],
            'line 3: audiences[1].audience: "sales" is listed twice; remove one',
        ),
        (
            SALES.replace("sales", "owners") % "",
            "line 2: audiences[0].audience: owners are told by the section owners; choose another name",
        ),
        (
            "audiences:\n  - {audience: sales}\n",
            "line 2: audiences[0].url_variable: is missing; add it: the name, in capitals",
        ),
        (
            "review_url: bi.example.com\n",
            'line 1: review_url: should be a web address without spaces; found "bi.example.com"',
        ),
        (
            "review_url: https://bi.example.com/{night}\n",
            "line 1: review_url: {night} is not known here; the date is put in for {business_date}",
        ),
        ("retries: {attempts: 0}\n", "line 1: retries.attempts: should be a whole number from 1 to 10; found 0"),
        (
            'owners: {url_variable: O, addresses: {"generic:li": "li@example.com,boss@example.com"}}\n',
            "line 1: owners.addresses.generic:li: should be one address, like li.na@example.com, without any "
            'separator; found "li@example.com,boss@example.com"',
        ),
        (
            "owners: {url_variable: O, addresses: {}, tells: [incidents]}\n",
            "line 1: owners.tells[0]: should be violations or stalled",
        ),
    ],
)
def test_one_flaw_is_refused_with_line_field_and_remedy(written: Alerts, text: str, sentence: str) -> None:
    with pytest.raises(StandardsRefused) as refused:
        load(written(text))
    (problem,) = refused.value.problems
    assert problem.startswith("alerts.yml, ")
    assert sentence in problem


@pytest.mark.parametrize(
    "address",
    [
        "a@x.com b@y.com",
        "a@x.com;b@y.com",
        "a@x.com/b",
        "a@x.com?cc=b@y.com",
        "a@x.com&bcc=b",
        "<a@x.com>",
        "a@x.com#",
        "",
    ],
)
def test_an_address_holds_nothing_that_could_end_it(written: Alerts, address: str) -> None:
    with pytest.raises(StandardsRefused, match="should be one address"):
        load(written(f'owners: {{url_variable: O, addresses: {{"generic:li": "{address}"}}}}\n'))


@pytest.mark.parametrize(
    "address", ["li.na+crm@mail.example.com", "U024BE7LH", "@li.na", "#east", "+8613800000000", "li_na-2"]
)
def test_addresses_of_mail_chats_and_telephones_are_taken(written: Alerts, address: str) -> None:
    owners = load(written(f'owners: {{url_variable: O, addresses: {{"generic:li": "{address}"}}}}\n')).alerts.owners
    assert owners is not None
    assert owners.addresses == {"generic:li": address}


@pytest.mark.parametrize(
    "text",
    [
        "audiences:\n  - {audience: sales, url_variable: 'slack://T0/B0/s3cr3t'}\n",
        "audiences:\n  - {audience: sales, url_variable: X, url: 'slack://T0/B0/s3cr3t'}\n",
        "audiences: ['slack://T0/B0/s3cr3t']\n",
        "audiences: slack://T0/B0/s3cr3t\n",
        "owners: {url_variable: 'mailto://u:s3cr3t@example.com?to={address}', addresses: {}}\n",
        "owners: mailto://u:s3cr3t@example.com?to={address}\n",
    ],
)
def test_a_url_that_stands_in_the_file_by_mistake_is_refused_and_not_repeated(written: Alerts, text: str) -> None:
    with pytest.raises(StandardsRefused) as refused:
        load(written(text))
    assert "alerts.yml, line" in str(refused.value)
    assert "s3cr3t" not in "".join(refused.value.problems)
