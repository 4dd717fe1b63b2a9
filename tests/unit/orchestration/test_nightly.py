"""What a run of Dagster is let into: its home while no other run holds it, whoever launched either."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from other_processes import holding

from orchestration import running
from orchestration.components.nightly import HOME_TAG, Nightly
from orchestration.ingest.locking import Held, holder
from orchestration.night import Home


@dg.op
def tell(nightly: Nightly) -> str:
    return holder(nightly.home().lock) or "free"


@dg.job(resource_defs={"nightly": Nightly()})
def telling() -> None:
    tell()


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("STAGEPROOF_HOME", str(tmp_path / "home"))
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_run_of_dagster_holds_the_home_until_it_ends(instance: dg.DagsterInstance, home: Home) -> None:
    result = telling.execute_in_process(instance=instance)
    assert result.output_for_node("tell").startswith(f"Dagster's run {result.run_id} is running (pid ")
    assert holder(home.lock) is None


def test_a_run_of_dagster_fails_before_its_first_step_while_another_runs_and_is_not_tried_again(
    instance: dg.DagsterInstance, home: Home
) -> None:
    with holding(home.lock, "stageproof night"), pytest.raises(dg.DagsterResourceFunctionError) as failed:
        telling.execute_in_process(instance=instance)
    assert isinstance(failed.value.user_exception, Held)
    assert str(failed.value.user_exception).startswith("stageproof night is running (pid ")
    run = instance.get_runs()[0]
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert run.tags["dagster/max_retries"] == "0"
    assert telling.execute_in_process(instance=instance).success, "the next one is let in"


def test_runs_whose_process_was_lost_are_ended_by_the_next(instance: dg.DagsterInstance, home: Home) -> None:
    with running.alone(home, "before"):
        mine = running.identity(home)
    lost, done, of_another_home, of_another_project = (
        instance.create_run_for_job(telling, status=status, tags=tags).run_id
        for status, tags in (
            (dg.DagsterRunStatus.STARTED, {HOME_TAG: mine}),
            (dg.DagsterRunStatus.SUCCESS, {HOME_TAG: mine}),
            (dg.DagsterRunStatus.STARTED, {HOME_TAG: "another"}),
            (dg.DagsterRunStatus.STARTED, {}),
        )
    )
    assert telling.execute_in_process(instance=instance).success

    def status(run_id: str) -> dg.DagsterRunStatus:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        return run.status

    assert status(lost) is dg.DagsterRunStatus.FAILURE
    assert status(done) is dg.DagsterRunStatus.SUCCESS
    assert status(of_another_home) is status(of_another_project) is dg.DagsterRunStatus.STARTED
    assert running.identity(home) == mine, "a home stays the one it is"


def test_the_settings_of_dagster_are_understood_and_let_one_run_in_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Path(__file__).parents[3] / "orchestration" / "dagster.yaml"
    (tmp_path / "dagster.yaml").write_bytes(settings.read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as made:
        assert made.get_concurrency_config().run_queue_config is not None
        assert made.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert made.run_retries_enabled
        assert not made.run_retries_retry_on_asset_or_op_failure
        assert made.run_monitoring_enabled
