"""Apache Superset's import format, version 1.0.0: a database, datasets with metrics, charts and dashboards.

Belongs here: the files of a bundle by their paths, and the ZIP that Superset imports; pure. Not here: what a table or
a column means (`catalogue`), which charts there are (`superset_charts`). The folder `superset/` beside this file holds
the bundle for a DuckDB file as YAML, so that a change of it is reviewed; a test holds it to what is made here.
"""

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml

from orchestration.publishing.bi import superset_charts
from orchestration.publishing.bi.superset_views import VIEWS, View
from orchestration.publishing.catalogue import ADDITIVE, KEY, MEASURE, TIME, ColumnMeaning, TableMeaning

FORMAT = "1.0.0"
ROOT = "stageproof_superset"
# What Superset itself writes in the place of a password; it asks for the real one when it imports.
PASSWORD_MASK = "XXXXXXXXXX"
# The tables that become datasets, beside the views that the dashboards read.
TABLES = (
    *("forecast_period", "forecast_accuracy", "funnel_stage_conversion", "funnel_stage_dwell"),
    *("quality_violations", "quality_rule_nights", "deals_current", "deals_stalled", "pipeline_movement"),
)
_CACHE_SECONDS = 300
_ZIPPED_AT = (1980, 1, 1, 0, 0, 0)
_POSTGRES = re.compile(r"^postgres(ql)?(\+\w+)?$")

Files = dict[str, dict[str, Any]]


class DatabaseRefused(Exception):
    """An address is of no database that nights are served in; the sentence says which are."""


@dataclass(frozen=True)
class Database:
    """Where Superset reads: a SQLAlchemy address without its password, and the schema of the tables."""

    uri: str
    schema: str

    @property
    def is_duckdb(self) -> bool:
        return self.uri.startswith("duckdb:")

    @property
    def name(self) -> str:
        return "stageproof" if self.is_duckdb else "stageproof (PostgreSQL)"

    def uuid(self, kind: str, name: str) -> str:
        """The same id for the same thing, so that importing again replaces and never doubles."""
        return str(_uuid(self.name, kind, name))


def database(uri: str, postgres_schema: str) -> Database:
    """The database at a SQLAlchemy address, `duckdb:////<file>` or `postgresql://<role>@<host>/<database>`.

    A password does not get into the bundle: Superset asks for it when it imports.

    Raises:
        DatabaseRefused: it is an address of anything else.
    """
    parts = urlsplit(uri)
    if parts.scheme == "duckdb" and parts.path.strip("/"):
        return Database(uri, "main")
    if not _POSTGRES.match(parts.scheme) or not parts.hostname:
        raise DatabaseRefused(
            f"{parts.scheme or uri}: nights are served in DuckDB and PostgreSQL; give"
            f" duckdb:////path/to/stageproof.duckdb or postgresql://role@host/database."
        )
    account, _, host = parts.netloc.rpartition("@")
    if account:
        parts = parts._replace(netloc=f"{account.split(':', 1)[0]}:{PASSWORD_MASK}@{host}")
    return Database(urlunsplit(parts), postgres_schema)


def bundle(where: Database, meanings: Mapping[str, TableMeaning]) -> Files:
    """Every file of the bundle by its path, as what YAML holds.

    meanings: of the served tables by name, at least `TABLES` and those that the views read.
    """
    # Without a type it may be imported as a dashboard, by anybody, and as assets, which replaces charts as well.
    files: Files = {"metadata.yaml": {"version": FORMAT}}
    files["databases/stageproof.yaml"] = _database(where)
    datasets = {name: _table(where, meanings[name]) for name in TABLES}
    datasets |= {view.name: _view(where, view, meanings) for view in VIEWS}
    files |= {f"datasets/stageproof/{name}.yaml": dataset for name, dataset in datasets.items()}
    expressions = {
        name: {each["metric_name"]: each["expression"] for each in dataset["metrics"]}
        for name, dataset in datasets.items()
    }
    for name, content in superset_charts.charts(expressions).items():
        content["uuid"] = where.uuid("chart", name)
        content["dataset_uuid"] = where.uuid("dataset", content.pop("dataset"))
        files[f"charts/{name}.yaml"] = content | {"version": FORMAT}
    for name, content in superset_charts.dashboards(where.uuid).items():
        # An address of a dashboard is one in all of Superset, so that of the second database has another.
        content["slug"] = name if where.is_duckdb else f"{name}-postgres"
        content["uuid"] = where.uuid("dashboard", name)
        files[f"dashboards/{name}.yaml"] = content | {"version": FORMAT}
    return files


def as_yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False, width=120)


def as_zip(files: Files) -> bytes:
    """What Superset imports. Equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{ROOT}/{path}", _ZIPPED_AT), as_yaml(content))
    return buffer.getvalue()


def _uuid(*names: str) -> UUID:
    return uuid5(NAMESPACE_URL, "/".join(("stageproof", *names)))


def _database(where: Database) -> dict[str, Any]:
    # Whoever may write SQL in Superset could otherwise read every file of its machine through DuckDB.
    duckdb = {"read_only": True, "config": {"enable_external_access": "false", "lock_configuration": "true"}}
    connecting = duckdb if where.is_duckdb else {}
    return {
        "database_name": where.name,
        "sqlalchemy_uri": where.uri,
        "cache_timeout": _CACHE_SECONDS,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True, "engine_params": {"connect_args": connecting}},
        "uuid": where.uuid("database", "stageproof"),
        "version": FORMAT,
    }


def _table(where: Database, table: TableMeaning) -> dict[str, Any]:
    return _dataset(where, table.name, table.comment(), [_column(each) for each in table.columns], metrics(table))


def _view(where: Database, view: View, meanings: Mapping[str, TableMeaning]) -> dict[str, Any]:
    table = meanings[view.of]
    columns = [_column(each) for each in (*table.columns, *view.columns)]
    said = f"{view.row} Columns are those of {view.of}, and what people read beside its keys."
    dataset = _dataset(where, view.name, said, columns, metrics(table, fixed=view.fixes))
    dataset["sql"] = view.sql(where.schema)
    return dataset


def _dataset(
    where: Database, name: str, said: str, columns: list[dict[str, Any]], measured: list[dict[str, Any]]
) -> dict[str, Any]:
    days = [each["column_name"] for each in columns if each["is_dttm"]]
    return {
        "table_name": name,
        "main_dttm_col": days[0] if days else None,
        "description": said,
        "schema": where.schema,
        "filter_select_enabled": True,
        "uuid": where.uuid("dataset", name),
        "metrics": measured,
        "columns": columns,
        "version": FORMAT,
        "database_uuid": where.uuid("database", "stageproof"),
    }


def _column(column: ColumnMeaning) -> dict[str, Any]:
    return {
        "column_name": column.name,
        "description": column.comment(),
        "type": column.type,
        "is_dttm": column.role == TIME,
        # Numbers are offered as metrics alone, which know whether they add up.
        "groupby": column.role not in (ADDITIVE, MEASURE),
    }


def metrics(table: TableMeaning, fixed: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What may be asked of a table, none of which can be wrong by adding up what does not add up.

    A sum is null where its rows tell of the same deals more than once, and a number that does not add up is null where
    more than one row stands behind it. fixed: columns of which the rows have one value anyhow.
    """
    one_of = [name for name in table.filter_one if name not in fixed]
    names = {column.name for column in table.columns}
    found = [_metric("rows", "count(*)", "Rows.", ",d")]
    for column in table.columns:
        if column.role == KEY:
            said = f"How many different ones. {column.description}"
            found.append(_metric(f"count_{column.name}", f"count(distinct {column.name})", said, ",d"))
        elif column.role == ADDITIVE:
            told = f"{column.description} Null unless one value is chosen of: {', '.join(one_of)}."
            said = told if one_of else column.description
            found.append(_metric(f"sum_{column.name}", _sum(column.name, one_of), said, _format(column)))
        elif column.role == MEASURE:
            said = f"{column.description} Null unless one row is chosen: it never adds up."
            found.append(
                _metric(column.name, f"case when count(*) = 1 then max({column.name}) end", said, _format(column))
            )
    for name, (above, below, said) in _RATIOS.items():
        if {above, below} <= names:
            expression = f"{_sum(above, one_of)} * 1.0 / nullif({_sum(below, one_of)}, 0)"
            found.append(_metric(name, expression, f"{said} Of all chosen rows together.", ".1%"))
    return found


# Shares that may be had of several rows together, by the sums above and below the line.
_RATIOS = {
    "share_advanced": ("advanced", "reached", "advanced / reached; young cohorts bias it down."),
    "share_advanced_within_90d": (
        "advanced_within_90d",
        "n_matured_90d",
        "Advanced within 90 days, of deals that had them.",
    ),
    "share_failing": ("failing", "evaluated", "failing / evaluated."),
}


def _sum(column: str, one_of: list[str]) -> str:
    if not one_of:
        return f"sum({column})"
    return f"case when {' and '.join(f'count(distinct {name}) <= 1' for name in one_of)} then sum({column}) end"


def _format(column: ColumnMeaning) -> str:
    if column.unit == "a share from 0 to 1":
        return ".1%"
    if column.unit in ("days", "weeks", "points"):
        return ",.1f"
    return ",.0f" if column.unit == "money" or column.type.startswith(("BIGINT", "INTEGER", "DECIMAL")) else ",.3f"


def _metric(name: str, expression: str, said: str, shown: str) -> dict[str, Any]:
    return {
        "metric_name": name,
        "expression": expression,
        "description": said,
        "d3format": shown,
    }
