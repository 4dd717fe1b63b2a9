"""What Dagster's storage under a home tells: the last materialisation of each asset, the last run of each check."""

import os
from pathlib import Path
from typing import Any

import dagster as dg


def told(home: Path, assets: set[str]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Metadata of the last materialisation by asset, and of the last evaluation by `asset: check`."""
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home / "dagster")
    try:
        with dg.DagsterInstance.get() as instance:
            materialised = {}
            for name in sorted(assets):
                event = instance.get_latest_materialization_event(dg.AssetKey(name.split("/")))
                assert event is not None, f"{name} was never made"
                assert event.asset_materialization is not None
                materialised[name] = {key: value.value for key, value in event.asset_materialization.metadata.items()}
            checks = {}
            for run in instance.get_runs(limit=1):
                for log in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                    assert log.dagster_event is not None
                    found = log.dagster_event.asset_check_evaluation_data
                    checks[f"{found.asset_key.to_user_string()}: {found.check_name}"] = {
                        "passed": found.passed,
                        "description": found.description,
                        **{key: value.value for key, value in found.metadata.items()},
                    }
        return materialised, checks
    finally:
        if before is None:
            del os.environ["DAGSTER_HOME"]
        else:
            os.environ["DAGSTER_HOME"] = before
