"""`stageproof fetch`: what it prints, where it writes, and the exit code that a scheduler sees."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app

from .servers import TOKEN, Org, serving


@pytest.fixture
def org(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Org]:
    """An org that the environment points to, and a home of its own."""
    org = Org()
    with serving(org.answer) as url:
        monkeypatch.setenv("STAGEPROOF_HOME", str(tmp_path))
        monkeypatch.setenv("SALESFORCE_INSTANCE_URL", url)
        monkeypatch.setenv("SALESFORCE_ACCESS_TOKEN", TOKEN)
        yield org


def test_the_command_writes_an_extract_and_says_where_and_how_much(org: Org, tmp_path: Path) -> None:
    org.records = {"Account": [{"Id": "001", "SystemModstamp": "2026-03-31T10:00:00.000+0000"}]}
    result = CliRunner().invoke(app, ["fetch", "salesforce"])
    assert result.exit_code == 0
    (folder,) = (tmp_path / "inbox" / "salesforce").iterdir()
    assert str(folder) in result.output.replace("\n", "")
    assert (tmp_path / "fetch" / "salesforce.json").exists()
    lines = {line.split("│")[1].strip(): line for line in result.output.splitlines() if line.count("│") > 1}
    assert [part.strip() for part in lines["Account"].split("│")[2:4]] == ["1", "all"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["salesforce", "--until", "tomorrow"], "--until tomorrow: should be such as 2026-03-31"),
        (["salesforce", "--until", "2999-01-01"], "--until 2999-01-01: is not over yet"),
        (["salesforce", "--until", "2026-01-01"], "can only be taken as they are now"),
        (["siebel"], "No CRM 'siebel' is mapped"),
        (["generic"], "There is no API to fetch generic from"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence_and_exit_code_2(
    org: Org, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    result = CliRunner().invoke(app, ["fetch", *arguments])
    assert result.exit_code == 2
    assert sentence in result.output
    assert not (tmp_path / "inbox").exists()


@pytest.mark.parametrize("token", ["", "another-token"])
def test_credentials_that_are_absent_or_refused_are_one_sentence_and_exit_code_2(
    org: Org, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("SALESFORCE_ACCESS_TOKEN", token)
    result = CliRunner().invoke(app, ["fetch", "salesforce"])
    assert result.exit_code == 2
    assert "SALESFORCE_ACCESS_TOKEN" in result.output
    assert "another-token" not in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not list((tmp_path / "inbox").rglob("*.csv"))
