"""Where a published night is served beside its DuckDB file: Parquet, PostgreSQL, and which nights are kept.

For those who run or check a night, in Dagster or on the command line. Belongs here: what joins the night, the warehouse
and what the company has decided about serving. Not here: the statements of a database (`warehouse`,
`publishing.postgres`), what a table means (`publishing.catalogue`).
"""

import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from orchestration.keeping import show_folder
from orchestration.night import Home, Night, NightRecord, published_archives, read_record
from orchestration.publishing.bi.superset import as_zip, bundle, database
from orchestration.publishing.catalogue import meaning
from orchestration.publishing.contracts import NIGHTS, SERVED_TABLES, ServedTable
from orchestration.warehouse import export_parquet, is_current, lead, link_current, rows_as_csv, served_columns
from quality.standards import Standards

PUBLISHED = {table.name: table for table in (*SERVED_TABLES, NIGHTS)}
# What dashboards join tables by, beside the columns that tell the rows of each apart.
_JOINED_BY = ("deal_key", "owner_key")


class ServingRefused(Exception):
    """A place where nights shall be served is not ready; the sentence says what to do."""


def write_parquet(night: Night, record: NightRecord) -> Path:
    """Copy the served tables of a night into a folder of its own; nobody is led there before `switch`."""
    kept, folder = night.kept_parquet(record.night_id), night.parquet_folder(record.night_id)
    export_parquet(night.served_file, kept, list(PUBLISHED.values()))
    show_folder(kept, folder)
    return folder


def is_served(night: Night) -> bool:
    """Whether readers get this night wherever files are served, or rightly a later one."""
    if not night.is_latest:
        return night.served_file.exists()
    folder = night.parquet_folder(read_record(night.archive).night_id)
    return (
        is_current(night.served_file, night.current_file)
        and folder.exists()
        and night.current_parquet.is_symlink()
        and night.current_parquet.resolve() == folder.resolve()
    )


def switch(night: Night, record: NightRecord) -> bool:
    """Lead readers of files to this night, if no later one is published; each kind of file in one step."""
    if not night.is_latest:
        return False
    if not is_current(night.served_file, night.current_file):
        link_current(night.served_file, night.current_file, f"{night.business_date}-{record.night_id}")
    folder = night.parquet_folder(record.night_id)
    lead(night.current_parquet, folder)
    return True


def retire(home: Home, keep_nights: int) -> list[Path]:
    """Remove the served files of nights older than the latest so many; what later nights need of them stays archived.

    Gives what was removed, what the lake kept of it included. The folder that was current before the last switch stays
    for a night, for those who read it.
    """
    kept = {folder.name for folder in published_archives(home)[-keep_nights:]}
    ids = {folder.name: read_record(folder).night_id for folder in published_archives(home)}
    removed = [path for path in sorted(home.served_nights.glob("*.duckdb")) if path.stem not in kept]
    current = (home.served_parquet / "current").resolve().name
    for path in [*sorted(home.served_parquet.glob("[0-9]*")), *sorted(home.kept_served.glob("[0-9]*"))]:
        day = path.name[:10]
        is_replaced = ids.get(day) != path.name[11:] and path.name != current
        if day not in kept or is_replaced:
            removed.append(path)
    for path in removed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return removed


def publish_to_postgres(night: Night, standards: Standards, environment: Mapping[str, str]) -> str | None:
    """Put a published night into PostgreSQL where the standards say so; what became of it, or None without a schema.

    A night of the past, and one that the schema holds already, is not put there again.

    Raises:
        ServingRefused: the variable with the address is not set, or the extra is not installed.
        PostgresRefused: the server cannot be reached, or refuses.
    """
    if standards.serving.postgres is None or not night.is_latest:
        return None
    url = _postgres_url(standards, environment)
    from orchestration.publishing import postgres

    target = standards.serving.postgres
    schema = postgres.Schema(target.schema_name, target.reader_role)
    if postgres.held_night(url, schema) == read_record(night.archive).night_id:
        return f"schema {schema.name} holds this night already"
    columns = served_columns(night.served_file)
    tables = [
        postgres.PublishedTable(name, columns[name], meaning(table), _indexed_by(table, columns[name]))
        for name, table in PUBLISHED.items()
    ]
    is_published = postgres.publish(
        url, schema, night.business_date, tables, lambda name: rows_as_csv(night.served_file, PUBLISHED[name])
    )
    return f"schema {schema.name}" if is_published else f"schema {schema.name} holds a later night and keeps it"


def superset_bundle(uri: str, postgres_schema: str) -> bytes:
    """The ZIP that Superset imports, for the database at a SQLAlchemy address.

    Raises:
        DatabaseRefused: it is neither DuckDB nor PostgreSQL.
    """
    meanings = {name: meaning(table) for name, table in PUBLISHED.items()}
    return as_zip(bundle(database(uri, postgres_schema), meanings))


def look(standards: Standards, environment: Mapping[str, str]) -> Iterator[str]:
    """What `stageproof doctor` says of serving; nothing is published.

    Raises:
        ServingRefused, PostgresRefused: the next night could not be published.
    """
    yield f"files of the latest {standards.serving.keep_nights} nights are kept"
    target = standards.serving.postgres
    if target is not None:
        url = _postgres_url(standards, environment)
        from orchestration.publishing import postgres

        held = postgres.held_night(url, postgres.Schema(target.schema_name, target.reader_role))
        yield f"PostgreSQL schema {target.schema_name} holds {f'night {held}' if held else 'no night yet'}"


def _postgres_url(standards: Standards, environment: Mapping[str, str]) -> str:
    target = standards.serving.postgres
    assert target is not None
    if not environment.get(target.url_variable):
        raise ServingRefused(
            f"serving.yml, postgres: the environment variable {target.url_variable} is not set; set it to the address"
            f" of the server, or take postgres out."
        )
    if find_spec("psycopg") is None:
        raise ServingRefused(
            "serving.yml, postgres: psycopg is not installed; install it with uv sync --frozen --extra postgres."
        )
    return environment[target.url_variable]


def _indexed_by(table: ServedTable, columns: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    joined = tuple((name,) for name in _JOINED_BY if name in columns and table.order_by[0] != name)
    return (table.order_by, *joined)
