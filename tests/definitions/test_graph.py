"""The shape of the graph: what an edit adds to it or takes away should be seen in a review."""

import os
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import CronFreshnessPolicy

from orchestration.definitions import defs
from orchestration.defs.forecast.forecast import DESCRIPTIONS
from orchestration.publishing.catalogue import contract
from orchestration.publishing.contracts import SERVED_TABLES

SNAPSHOT = Path(__file__).with_name("graph.txt")


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return defs()


def shape(loaded: dg.Definitions) -> str:
    graph = loaded.resolve_asset_graph()
    lines = [
        f"{key.to_user_string()} [{graph.get(key).group_name}] <- "
        + ", ".join(sorted(parent.to_user_string() for parent in graph.get(key).parent_keys))
        for key in sorted(graph.materializable_asset_keys, key=lambda each: each.to_user_string())
    ]
    lines += [f"check {key.asset_key.to_user_string()}: {key.name}" for key in sorted(graph.asset_check_keys)]
    schedule = loaded.resolve_schedule_def("nightly")
    lines.append(
        f"schedule {schedule.name}: {schedule.cron_schedule} {schedule.execution_timezone} -> {schedule.job_name}"
    )
    return "\n".join(line.removesuffix(" <- ") for line in lines) + "\n"


def test_the_graph_has_the_shape_that_was_reviewed(loaded: dg.Definitions) -> None:
    """Changed on purpose? UPDATE_SNAPSHOTS=1 pytest tests/definitions writes the new shape; commit it."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(shape(loaded), encoding="utf-8")
    assert shape(loaded) == SNAPSHOT.read_text(encoding="utf-8")


def test_dagster_dev_can_load_it(loaded: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(loaded)
    assert {job.name for job in loaded.get_repository_def().get_all_jobs()} >= {"night"}


def test_every_asset_is_part_of_the_nightly_job_and_has_a_partition_a_day(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    night = loaded.resolve_job_def("night")
    assert set(night.asset_layer.executable_asset_keys) == set(graph.materializable_asset_keys)
    for key in graph.materializable_asset_keys:
        partitions = graph.get(key).partitions_def
        assert isinstance(partitions, dg.DailyPartitionsDefinition), key
        assert partitions.timezone == "Asia/Shanghai"


def test_every_asset_says_what_it_is_who_answers_for_it_and_when_it_is_late(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.kinds, key
        assert node.owners == ["team:sales-operations" if node.group_name == "standards" else "team:data"], key
        policy = node.freshness_policy_or_from_metadata
        assert isinstance(policy, CronFreshnessPolicy), key
        assert (policy.deadline_cron, policy.timezone) == ("0 7 * * *", "Asia/Shanghai"), key


def test_groups_are_the_steps_of_a_night(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    groups = {graph.get(key).group_name for key in graph.materializable_asset_keys}
    assert groups == {
        *("standards", "ingest", "transform_staging", "transform_intermediate", "transform_marts"),
        *("quality", "forecast", "insights", "publish"),
    }


def test_every_table_that_is_served_shows_the_columns_of_its_contract_before_any_night(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    for table in SERVED_TABLES:
        schema = graph.get(dg.AssetKey(table.name)).metadata["dagster/column_schema"]
        columns = getattr(schema, "value", schema).columns
        promised = list(contract()[table.name]["columns"])
        assert [column.name for column in columns] == promised, table.name
        assert all(column.description for column in columns), table.name


def test_violations_and_forecasts_are_terminal_for_sql(loaded: dg.Definitions) -> None:
    """The comparison of nights reads the forecast, in Python; no model of dbt does."""
    movement = {"deal_positions", "pipeline_movement", "pipeline_movement_deals", "forecast_movement"}
    forecasts = set(DESCRIPTIONS)
    graph = loaded.resolve_asset_graph()
    ends = {
        dg.AssetKey(name)
        for name in (
            "quality_violations",
            "quality_rule_nights",
            "quality_expectations",
            "quality_incidents",
            "conversion_causes",
            "conversion_cause_deals",
            *forecasts,
            *movement,
        )
    }
    readers = {child.to_user_string() for key in ends for child in graph.get(key).child_keys}
    assert readers - movement - forecasts == {"audit"}


def test_a_night_runs_in_one_process(loaded: dg.Definitions) -> None:
    assert loaded.executor is dg.in_process_executor
