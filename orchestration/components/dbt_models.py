"""The dbt project as assets, one per model, with its data tests as asset checks.

A component of our own beside `dagster_dbt.DbtProjectComponent`: that one works on a copy of the project, which
goes on running when the SQL beside it has been edited.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import (
    DAGSTER_DBT_EXCLUDE_METADATA_KEY,
    DAGSTER_DBT_SELECT_METADATA_KEY,
    DAGSTER_DBT_SELECTOR_METADATA_KEY,
    get_subset_selection_for_context,
)

from orchestration.components.dbt_run import DbtRun
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions

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


TRANSLATOR = LayeredTranslator(DagsterDbtTranslatorSettings(enable_asset_checks=True))


@dataclass
class DbtModels(dg.Component, dg.Resolvable):
    """Attributes: `project_dir`, relative to the defs.yaml that names it."""

    project_dir: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        project = DbtProject(project_dir=(context.path / self.project_dir).resolve())
        prepare_manifest(project)
        manifest = json.loads(project.manifest_path.read_text(encoding="utf-8"))

        @dbt_assets(
            manifest=manifest,
            project=project,
            name="transform",
            partitions_def=nightly_partitions(),
            backfill_policy=ONE_NIGHT_A_RUN,
            dagster_dbt_translator=TRANSLATOR,
        )
        def transform(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[Any]:
            night = nightly.night(context.partition_key)
            nightly.warehouse().require_night(night.business_date)
            # Unit tests are of the code, not of the night: `make test` runs them.
            build = ["build", "--exclude-resource-type", "unit_test"]
            run = DbtRun(project, night.home.warehouse.parent / "dbt")
            for event in run.events([*build, *selection(context, manifest)]):
                yield from event.to_default_asset_events(manifest, TRANSLATOR, context, project=project)
            run.raise_on_failure()

        return dg.Definitions(assets=[transform])


def selection(context: dg.AssetExecutionContext, manifest: Mapping[str, Any]) -> list[str]:
    """What the run asks for, in dbt's words: everything, or the models and checks picked in the UI."""
    selected, indirect = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select=context.op.tags.get(DAGSTER_DBT_SELECT_METADATA_KEY),
        exclude=context.op.tags.get(DAGSTER_DBT_EXCLUDE_METADATA_KEY),
        selector=context.op.tags.get(DAGSTER_DBT_SELECTOR_METADATA_KEY),
        dagster_dbt_translator=TRANSLATOR,
        current_dbt_indirect_selection_env=None,
    )
    return [*selected, "--indirect-selection", indirect] if indirect else selected


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
