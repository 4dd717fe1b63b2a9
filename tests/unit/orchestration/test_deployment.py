"""What runs nights by itself is sound: units that systemd accepts, a container file that its linter accepts."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import dagster as dg
import pytest
import yaml
from postgres_server import postgres

from orchestration.cli import Exit
from orchestration.defs.schedules import nightly
from quality.standards import load

PROJECT = Path(__file__).parents[3]
DEPLOY = PROJECT / "orchestration" / "deploy"
CONTAINER = PROJECT / "Containerfile"
INSTALLED = "/opt/stageproof"


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)


def systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.fail("The units are checked by systemd: install it (apt-get install systemd)", pytrace=False)
    return found


def units(folder: Path, **changes: str) -> list[str]:
    """The units with this clone in the place of the installed one, and further changes, for systemd to look at."""
    program = folder / "installed" / ".venv" / "bin" / "stageproof"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (folder / "installed" / "dbt_project").mkdir()
    written = []
    for name in ("stageproof.service", "stageproof.timer"):
        text = (DEPLOY / name).read_text(encoding="utf-8").replace(INSTALLED, str(folder / "installed"))
        for before, after in changes.items():
            text = text.replace(f"{before}=", f"{after}=")
        (folder / name).write_text(text, encoding="utf-8")
        written.append(str(folder / name))
    return written


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    checked = run(systemd_analyze(), "verify", *units(tmp_path))
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_systemd_would_say_so_if_a_unit_were_wrong(tmp_path: Path) -> None:
    checked = run(systemd_analyze(), "verify", *units(tmp_path, RestartPreventExitStatus="RestartNever"))
    assert "RestartNever" in checked.stdout + checked.stderr


def test_the_service_gives_up_what_it_does_not_need(tmp_path: Path) -> None:
    service = units(tmp_path)[0]
    checked = run(systemd_analyze(), "security", "--offline=true", "--threshold=40", service)
    assert checked.returncode == 0, checked.stdout[-400:]


def test_only_what_may_pass_is_started_again() -> None:
    service = (DEPLOY / "stageproof.service").read_text(encoding="utf-8")
    assert f"RestartPreventExitStatus={Exit.BLOCKED:d} {Exit.REFUSED:d}\n" in service
    assert "Restart=on-failure\n" in service


def test_the_timer_and_the_schedule_of_dagster_begin_at_the_same_time_in_the_zone_of_the_company() -> None:
    company = load(PROJECT / "quality" / "standards").company
    timer = (DEPLOY / "stageproof.timer").read_text(encoding="utf-8")
    found = re.search(r"^OnCalendar=\*-\*-\* (\d\d):(\d\d):00 (\S+)$", timer, re.MULTILINE)
    assert found is not None
    assert found[3] == company.time_zone
    assert nightly.cron_schedule == f"{int(found[2])} {int(found[1])} * * *"


def test_the_linter_accepts_the_container_file_and_would_not_accept_any(tmp_path: Path) -> None:
    hadolint = str(Path(sys.executable).with_name("hadolint"))
    checked = run(hadolint, "--no-color", str(CONTAINER))
    assert (checked.returncode, checked.stdout) == (0, "")
    careless = tmp_path / "Containerfile"
    careless.write_text(CONTAINER.read_text(encoding="utf-8").replace(":3.12-slim-bookworm", ""), encoding="utf-8")
    assert run(hadolint, "--no-color", str(careless)).returncode == 1


def test_the_container_gets_every_file_that_it_copies_and_nothing_else() -> None:
    copied = {
        source
        for line in CONTAINER.read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*", "what is not named stays outside: states, tests, secrets"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert all((PROJECT / source).exists() for source in copied)
    assert not any(fnmatch(source, line) for source in copied for line in ignored[2:] if line[:1] not in "!#*")


def test_a_container_keeps_state_where_its_volume_is_and_is_not_root() -> None:
    text = CONTAINER.read_text(encoding="utf-8")
    assert "STAGEPROOF_HOME=/state " in text
    assert "VOLUME /state\n" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)


def test_a_dagster_with_its_history_in_postgresql_has_the_settings_of_the_one_without() -> None:
    shipped = yaml.safe_load((PROJECT / "orchestration" / "dagster.yaml").read_text(encoding="utf-8"))
    deployed = yaml.safe_load((DEPLOY / "dagster-postgres.yaml").read_text(encoding="utf-8"))
    assert deployed.pop("storage") == {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}
    del shipped["event_log_storage"]
    assert deployed == shipped


@dg.op
def nothing() -> None:
    pass


@dg.job
def doing_nothing() -> None:
    nothing()


def test_runs_are_kept_in_postgresql_by_the_settings_that_are_shipped_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(DEPLOY / "dagster-postgres.yaml", tmp_path / "dagster.yaml")
    with postgres(tmp_path / "server") as url:
        monkeypatch.setenv("DAGSTER_POSTGRES_URL", url.replace("postgresql://", "postgresql+psycopg2://"))
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            done = doing_nothing.execute_in_process(instance=instance)
        # What another process finds there.
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            run = instance.get_run_by_id(done.run_id)
            assert run is not None
            assert run.status is dg.DagsterRunStatus.SUCCESS
            assert len(instance.all_logs(done.run_id)) > 3


def test_the_readme_names_the_commands_that_there_are() -> None:
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for name in ("stageproof.service", "dagster-postgres.yaml", "Containerfile"):
        assert name in readme
    for command in ("dagster-daemon", "dagster-webserver"):
        assert Path(sys.executable).with_name(command).exists()
