"""The dbt project as assets, one per model, with its data tests as asset checks.

A component of our own beside `dagster_dbt.DbtProjectComponent`: that one works on a copy of the project, which
goes on running when the SQL beside it has been edited.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)

from orchestration.components.nightly import ONE_NIGHT_A_RUN, Blocked, Nightly, nightly_partitions

# The dbt of this environment, whether or not the environment's folder is on the PATH.
DBT = Path(sys.executable).with_name("dbt")


class LayeredTranslator(DagsterDbtTranslator):
    """Keys an asset by its model's name, or by schema and table for a source, and groups it by its layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey(dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return "transform_" + dbt_resource_props["fqn"][1] if dbt_resource_props["resource_type"] == "model" else None


@dataclass
class DbtModels(dg.Component, dg.Resolvable):
    """Attributes: `project_dir`, relative to the defs.yaml that names it."""

    project_dir: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        project = DbtProject(project_dir=(context.path / self.project_dir).resolve())
        prepare_manifest(project)

        @dbt_assets(
            manifest=project.manifest_path,
            project=project,
            name="transform",
            partitions_def=nightly_partitions(),
            backfill_policy=ONE_NIGHT_A_RUN,
            dagster_dbt_translator=LayeredTranslator(DagsterDbtTranslatorSettings(enable_asset_checks=True)),
        )
        def transform(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[Any]:
            night = nightly.night(context.partition_key)
            nightly.warehouse().require_night(night.business_date)
            dbt = DbtCliResource(project_dir=project, dbt_executable=str(DBT))
            # Unit tests are of the code, not of the night: `make test` runs them.
            arguments = ["build", "--exclude-resource-type", "unit_test"]
            run = dbt.cli(
                arguments, context=context, target_path=night.home.warehouse.parent / "dbt", raise_on_error=False
            )
            yield from run.stream()
            if not run.is_successful():
                raise failure(run)

        return dg.Definitions(assets=[transform])


def failure(run: DbtCliInvocation) -> Exception:
    """Why dbt failed: data that a test forbids, or a model that does not run."""
    results = run.get_artifact("run_results.json")["results"]
    wrong = [result for result in results if result["status"] in {"error", "fail"}]
    broken = [result for result in wrong if result["status"] == "error"]
    if broken or not wrong:
        text = " ".join((broken[0]["message"] or "").split()) if broken else "dbt gave no result; see its log"
        return RuntimeError(f"{broken[0]['unique_id'] if broken else 'dbt'}: {text}")
    names = ", ".join(result["unique_id"].split(".")[2] for result in wrong)
    first = wrong[0]
    return Blocked(f"dbt test {names} failed: {first['message']}; see its header in dbt_project for what a row means")


def prepare_manifest(project: DbtProject) -> None:
    """Parse the dbt project where its files have changed since the manifest was made.

    Parsing on every load would cost each process four seconds.
    """
    folder = Path(project.project_dir)
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".sql", ".yml"} and path.relative_to(folder).parts[0] not in {"target", "logs"}:
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    stamp = Path(project.manifest_path).with_name("manifest.sha256")
    if Path(project.manifest_path).exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    command = [str(DBT), "--quiet", "parse", "--project-dir", str(folder), "--profiles-dir", str(folder)]
    subprocess.run(command, cwd=folder, check=True)
    stamp.write_text(digest.hexdigest())
