"""The dbt project as assets, one per model, with its data tests as asset checks.

A component of our own beside `dagster_dbt.DbtProjectComponent`: that one works on a copy of the project, which
goes on running when the SQL beside it has been edited.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import (
    DAGSTER_DBT_EXCLUDE_METADATA_KEY,
    DAGSTER_DBT_SELECT_METADATA_KEY,
    DAGSTER_DBT_SELECTOR_METADATA_KEY,
    get_subset_selection_for_context,
)

from orchestration.components.catalogue import COLUMNS, ROWS, SECONDS
from orchestration.components.dbt_run import DbtRun, Failing
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.night import code_version
from orchestration.warehouse import Shape, Warehouse

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


# Which code made the views that stand in the warehouse. Any run of dbt, by hand too, forgets it as it starts
# (`on-run-start` in dbt_project.yml), so it is never said of views that somebody has put there since.
STANDING_VIEWS = "standing_views"
# Leaving out a view would leave out its tests as well, which are of tonight's rows, if selection were not literal.
WITHOUT_VIEWS = ("--exclude", "config.materialized:view", "--indirect-selection", "empty")

# What is told of a view that was not put in place again.
STANDS = {"stands": True, SECONDS: 0.0}

# Views of other layers ask the whole of what they stand on: counting them would take a seventh of a small night.
COUNTED_VIEWS = ("staging",)
SAMPLE_ROWS = 5
MOST_SHOWN_COLUMNS = 4
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
            warehouse = nightly.warehouse()
            warehouse.require_night(night.business_date)
            # Unit tests are of the code, not of the night: `make test` runs them.
            build = ["build", "--exclude-resource-type", "unit_test"]
            run = DbtRun(project, night.home.warehouse.parent / "dbt")
            code = code_version(version("stageproof"))
            stand = not context.is_subset and views_stand(warehouse, code)
            asked = WITHOUT_VIEWS if stand else selection(context, manifest)
            standing = StandingViews(manifest if stand else {})
            # Told when dbt has let go of the warehouse, so that rows can be counted.
            told: list[tuple[str, Any]] = []
            with nightly.handed_over():
                for event in run.events([*build, *asked]):
                    node = event.raw_event["data"]["node_info"]["unique_id"]
                    told += standing.under(node)
                    made = event.to_default_asset_events(manifest, TRANSLATOR, context, project=project)
                    told += [(node, each) for each in made]
            told += standing.left()
            yield from with_counts(told, manifest["nodes"], run.failures(), warehouse)
            run.raise_on_failure()
            if not context.is_subset:
                warehouse.write("night", {STANDING_VIEWS: pl.DataFrame({"code_version": [code]})})

        return dg.Definitions(assets=[transform])


def views_stand(warehouse: Warehouse, code: str) -> bool:
    """Whether the views in the warehouse are those of this code: a view is a function of the code alone."""
    made_by = warehouse.find(f"night.{STANDING_VIEWS}")
    return made_by is not None and made_by["code_version"].to_list() == [code]


class StandingViews:
    """Tells of each view that was not put in place again that it is there, before what is built on it is told.

    Both methods give pairs of a view's unique id and the event about it.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        nodes = manifest.get("nodes", {})
        self._parents = {name: node["depends_on"]["nodes"] for name, node in nodes.items()}
        self._unsaid = {
            name: node["name"]
            for name, node in nodes.items()
            if node["resource_type"] == "model" and node["config"]["materialized"] == "view"
        }
        self._visited: set[str] = set()

    def under(self, unique_id: str) -> Iterator[tuple[str, dg.MaterializeResult[None]]]:
        """The views that a node is built on and of which nothing was said yet, what is under them first."""
        if unique_id in self._visited:
            return
        self._visited.add(unique_id)
        for parent in self._parents.get(unique_id, []):
            yield from self.under(parent)
            if parent in self._unsaid:
                yield parent, dg.MaterializeResult(asset_key=self._unsaid.pop(parent), metadata=STANDS)

    def left(self) -> Iterator[tuple[str, dg.MaterializeResult[None]]]:
        """The views that nothing is built on."""
        for name in sorted(self._unsaid):
            yield from self.under(name)
            if name in self._unsaid:
                yield name, dg.MaterializeResult(asset_key=self._unsaid.pop(name), metadata=STANDS)


def with_counts(
    told: Iterable[tuple[str, Any]], nodes: Mapping[str, Any], failures: Mapping[str, Failing], warehouse: Warehouse
) -> Iterator[Any]:
    """What dbt told, models with their rows and columns, tests with how many rows they found and which.

    told: pairs of a node's unique id and Dagster's event about it.
    """
    shapes = warehouse.shapes(COUNTED_VIEWS)
    for node, made in told:
        if isinstance(made, dg.Output):
            shape = shapes.get(f"{nodes[node]['schema']}.{nodes[node]['alias']}")
            yield made.with_metadata({**(made.metadata or {}), **_of_model(nodes[node], shape, made.metadata or {})})
        elif isinstance(made, dg.MaterializeResult):
            shape = shapes.get(f"{nodes[node]['schema']}.{nodes[node]['alias']}")
            yield made._replace(metadata={**(made.metadata or {}), **_of_model(nodes[node], shape, {})})
        elif isinstance(made, dg.AssetCheckResult):
            found = failures.get(node, Failing(0, ""))
            sample = warehouse.sample(found.sql, SAMPLE_ROWS) if found.rows and found.sql else []
            metadata: dict[str, Any] = {
                **(made.metadata or {}),
                "failing": found.rows,
                "sample": "; ".join(map(_ids, sample)),
            }
            description = f"{found.rows:,} rows fail" if found.rows else "no row fails"
            yield made._replace(description=description, metadata=metadata)
        else:
            yield made


def _of_model(node: Mapping[str, Any], shape: Shape | None, told: Mapping[str, Any]) -> dict[str, Any]:
    if shape is None:
        return {}
    columns = [
        dg.TableColumn(name, type=kind, description=node["columns"].get(name, {}).get("description") or None)
        for name, kind in shape.columns.items()
    ]
    rows = {} if shape.rows is None else {ROWS: shape.rows}
    seconds = {SECONDS: told["Execution Duration"]} if "Execution Duration" in told else {}
    return {COLUMNS: dg.TableSchema(columns), **rows, **seconds}


def _ids(row: Mapping[str, Any]) -> str:
    """What a row that a test found is known by: its keys, or whatever it holds where it has none."""
    keys = {name: value for name, value in row.items() if name.endswith(("_key", "_id", "_field"))}
    return ", ".join(f"{name} {value}" for name, value in list((keys or row).items())[:MOST_SHOWN_COLUMNS])


def selection(context: dg.AssetExecutionContext, manifest: Mapping[str, Any]) -> list[str]:
    """What the run asks for, in dbt's words: everything, or the models and checks picked in the UI.

    A test that compares a picked model with one further down, which need not stand yet, is left to whoever builds that.
    """
    selected, indirect = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select=context.op.tags.get(DAGSTER_DBT_SELECT_METADATA_KEY),
        exclude=context.op.tags.get(DAGSTER_DBT_EXCLUDE_METADATA_KEY),
        selector=context.op.tags.get(DAGSTER_DBT_SELECTOR_METADATA_KEY),
        dagster_dbt_translator=TRANSLATOR,
        current_dbt_indirect_selection_env=None,
    )
    return [*selected, "--indirect-selection", indirect or "buildable"]


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
