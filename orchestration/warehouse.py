"""The only place outside dbt that opens a database: reads tables, writes tables, builds the served file.

It moves frames and files and knows no metric, no rule and no CRM. No connection outlives a step: DuckDB lets one
process write, and dbt must find the file free.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Protocol

import duckdb
import polars as pl

# What a column type of a mapping is in the warehouse. Instants are UTC in a type without a time zone, so
# that no session setting can move them.
COLUMN_TYPES = {
    "text": "varchar",
    "money": "decimal(18, 2)",
    "rate": "decimal(18, 8)",
    "number": "double",
    "integer": "bigint",
    "boolean": "boolean",
    "date": "date",
    "instant": "timestamp",
    "share": "double",
}
LINEAGE = {"_extracted_at": "timestamp", "_file": "varchar", "_record": "bigint"}


class WarehouseError(Exception):
    """The warehouse does not hold what the step needs; the sentence says what to run."""


class RawTable(Protocol):
    """One object of a CRM in the warehouse: its columns with their mapping types, and what tells records apart."""

    @property
    def schema(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def columns(self) -> Mapping[str, str]: ...

    @property
    def key(self) -> Sequence[str]: ...

    @property
    def newest_by(self) -> str | None: ...


class Served(Protocol):
    """One table of the served database: where the warehouse holds it and the order its rows are kept in."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def order_by(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class TableContent:
    """How many rows a served table has and the hash of them in order."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Shape:
    """The columns of a table with their types in their order, and its rows; None where they were not counted."""

    columns: Mapping[str, str]
    rows: int | None


@dataclass(frozen=True)
class Warehouse:
    """One DuckDB file in which a night is built."""

    path: Path

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(self.path))
        try:
            connection.execute("set TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Hold the file open, so that connections inside share what opening it costs: reading the whole catalogue."""
        with self.connect():
            yield

    def write(self, schema: str, tables: Mapping[str, pl.DataFrame]) -> None:
        """Replace tables of a schema by frames; tables of the schema that are not named stay."""
        with self.connect() as connection:
            connection.execute(f"create schema if not exists {schema}")
            for name, frame in tables.items():
                connection.register("frame", _without_time_zones(frame).to_arrow())
                connection.execute(f'create or replace table {schema}."{name}" as select * from frame')
                connection.unregister("frame")

    def read(self, table: str, columns: Sequence[str] = ("*",)) -> pl.DataFrame:
        """All rows of one table (`schema.table`), or some of its columns."""
        with self.connect() as connection:
            return connection.execute(f"select {', '.join(columns)} from {table}").pl()

    def find(self, table: str) -> pl.DataFrame | None:
        """All rows of one table; None where there is no such table yet."""
        try:
            return self.read(table)
        except duckdb.CatalogException:
            return None

    def expose(self, tables: Iterable[tuple[RawTable, Sequence[Path]]]) -> None:
        """For each object a view of the newest version of each record in its lake files, or an empty table.

        The lineage columns are added. The newest version is the one that the CRM changed last, where it says so, and
        among those the one extracted last; ingest has made sure that no two of one extract remain.
        """
        with self.connect() as connection:
            standing = {
                (schema, name): kind
                for kind in ("table", "view")
                for schema, name in connection.execute(
                    f"select schema_name, {kind}_name from duckdb_{kind}s() where not internal"
                ).fetchall()
            }
            for table, files in tables:
                connection.execute(f"create schema if not exists {table.schema}")
                if kind := standing.get((table.schema, table.name)):
                    connection.execute(f'drop {kind} {table.schema}."{table.name}"')
                connection.execute(_definition(connection, table, files))

    def require_night(self, business_date: date) -> None:
        """Refuse to work on the tables of another night.

        Raises:
            WarehouseError: the warehouse was last opened for another date, or never.
        """
        try:
            held = self.read("night.clock")["business_date"].item()
        except (duckdb.CatalogException, ValueError):
            held = None
        if held != business_date:
            raise WarehouseError(
                f"{self.path} holds the night of {held or 'no date'}, not of {business_date}; "
                f"run the whole night: stageproof night --date {business_date}"
            )

    def contents(self, tables: Sequence[Served]) -> dict[str, TableContent]:
        """Rows and content hash of each table, in its order."""
        with self.connect() as connection:
            return {table.name: _content(connection, table) for table in tables}

    def shapes(self, counted_views: Sequence[str]) -> dict[str, "Shape"]:
        """The shape of every table and view, by `schema.table`. counted_views: schemas whose views are counted too."""
        with self.connect() as connection:
            columns = _columns(connection)
            views = set(connection.execute("select schema_name, view_name from duckdb_views()").fetchall())
            counted = [each for each in columns if each not in views or each[0] in counted_views]
            selects = [
                f'select {number}, (select count(*) from {schema}."{table}")'
                for number, (schema, table) in enumerate(counted)
            ]
            rows = dict(connection.execute(" union all ".join(selects)).fetchall()) if selects else {}
            counts = {each: rows[number] for number, each in enumerate(counted)}
        return {f"{each[0]}.{each[1]}": Shape(types, counts.get(each)) for each, types in columns.items()}

    def sample(self, query: str, rows: int) -> list[dict[str, object]]:
        """The first rows of a query."""
        with self.connect() as connection:
            return connection.execute(f"select * from ({query}) limit {int(rows)}").pl().to_dicts()

    def build_served(
        self, target: Path, tables: Sequence[Served], night_id: str, comments: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Copy tables in their order into a new database file at `target`, put in place in one step.

        Each table says in a last column, night_id, which night it is of. Readers that hold the old file open keep it;
        whoever opens the path next sees the new one. The file is in the storage format of DuckDB 1.0, which every later
        client reads. comments: of each table, what it says of its columns, and of itself under an empty name.
        """
        with self.connect() as connection, _served_anew(connection, target):
            for table in tables:
                rows = f"select *, {_literal(night_id)} as night_id from {table.source} order by {_order(table)}"
                connection.execute(f"create table served.main.{table.name} as {rows}")
                _comment(connection, table.name, comments.get(table.name, {}))


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to be filled; put in the place of `target` once the block has ended well."""
    building = target.with_name(f".{target.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    yield building
    building.replace(target)


def export_parquet(served: Path, target: Path, tables: Sequence[Served]) -> None:
    """Copy every table of a served file into a folder of Parquet files, put in place in one step.

    A folder that is there is left as it is: its name says which night it holds.
    """
    if target.exists():
        return
    with whole_folder(target) as building, _reading(served) as connection:
        for table in tables:
            file = building / f"{table.name}.parquet"
            rows = f"select * from {table.name} order by {_order(table)}"
            connection.execute(f"copy ({rows}) to {_literal(str(file))} (format parquet, compression zstd)")
            _flush(file)


def parquet_contents(folder: Path) -> dict[str, TableContent]:
    """Rows and content hash of each served table in a folder of `export_parquet`, as `Warehouse.contents` has them."""
    connection = duckdb.connect()
    try:
        return {file.stem: _parquet_content(connection, file) for file in sorted(folder.glob("*.parquet"))}
    finally:
        connection.close()


def _parquet_content(connection: duckdb.DuckDBPyConnection, file: Path) -> TableContent:
    # The rows of the file stand in the order of the table, which no two rows share a place in.
    placed = f"read_parquet({_literal(str(file))}, file_row_number = true)"
    rows = f"(select struct_pack(*columns(* exclude (night_id, file_row_number))) as t, file_row_number from {placed})"
    row = connection.execute(
        "select count(*), sha256(coalesce(string_agg(md5(cast(t as varchar)), '' order by file_row_number), ''))"
        f" from {rows}"
    ).fetchone()
    if row is None:
        raise WarehouseError(f"{file.name} could not be counted")
    return TableContent(rows=int(row[0]), sha256=str(row[1]))


def build_from_parquet(folder: Path, target: Path, comments: Mapping[str, Mapping[str, str]]) -> None:
    """Make the served file of a night from a folder of `export_parquet`, put in place in one step."""
    with duckdb.connect() as connection, _served_anew(connection, target):
        for file in sorted(folder.glob("*.parquet")):
            rows = f"select * from read_parquet({_literal(str(file))})"
            connection.execute(f"create table served.main.{file.stem} as {rows}")
            _comment(connection, file.stem, comments.get(file.stem, {}))


@contextmanager
def _served_anew(connection: duckdb.DuckDBPyConnection, target: Path) -> Iterator[None]:
    """A new database attached as `served`, to be filled; put in the place of `target` once the block has ended well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.building")
    building.unlink(missing_ok=True)
    connection.execute(f"attach {_literal(str(building))} as served (storage_version 'v1.0.0')")
    try:
        yield
    finally:
        connection.execute("detach served")
    _flush(building)
    building.replace(target)


def _comment(connection: duckdb.DuckDBPyConnection, table: str, comments: Mapping[str, str]) -> None:
    """Say in the attached file what a table and its columns mean; a column that it does not have is passed over."""
    named = f"served.main.{table}"
    held = {row[0] for row in connection.execute(f"describe {named}").fetchall()}
    for column, comment in comments.items():
        if not column or column in held:
            about = f"column {named}.{column}" if column else f"table {named}"
            connection.execute(f"comment on {about} is {_literal(comment)}")


def served_columns(served: Path) -> dict[str, dict[str, str]]:
    """The columns of each table of a served file with their types, in their order."""
    with _reading(served) as connection:
        return {table: types for (_, table), types in _columns(connection).items()}


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], dict[str, str]]:
    """The columns of each table and view with their types, in their order, by schema and name."""
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns()"
        " where not internal order by schema_name, table_name, column_index"
    ).fetchall():
        columns.setdefault((schema, table), {})[column] = kind
    return columns


@contextmanager
def rows_as_csv(served: Path, table: Served) -> Iterator[IO[bytes]]:
    r"""The rows of a table of a served file in their order, as CSV without header, null as \N, opened for reading."""
    with TemporaryDirectory(prefix="stageproof-") as folder:
        file = Path(folder) / "rows.csv"
        with _reading(served) as connection:
            rows = f"select * from {table.name} order by {_order(table)}"
            connection.execute(f"copy ({rows}) to {_literal(str(file))} (format csv, header false, nullstr '\\N')")
        with file.open("rb") as opened:
            yield opened


def is_current(published: Path, current: Path) -> bool:
    """Whether `current` is the published file, linked or copied."""
    if not (published.exists() and current.exists()):
        return False
    if published.samefile(current):
        return True
    held, kept = published.stat(), current.stat()
    return (held.st_size, held.st_mtime_ns) == (kept.st_size, kept.st_mtime_ns)


@contextmanager
def _reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A file of tables opened as a reader opens it: without a lock, and without leave to change it."""
    connection = duckdb.connect(str(path), read_only=True)
    try:
        yield connection
    finally:
        connection.close()


def link_file(kept: Path, shown: Path) -> None:
    """Make `shown` the kept file in one step. A hard link: no second copy, and no reader waits."""
    waiting = shown.with_name(f".{shown.name}.linking")
    waiting.unlink(missing_ok=True)
    try:
        os.link(kept, waiting)
    except OSError:
        # Some mounted volumes know no hard links.
        shutil.copy2(kept, waiting)
    waiting.replace(shown)
    # Two links to one file: a rename leaves both.
    waiting.unlink(missing_ok=True)


def lead(link: Path, target: Path) -> None:
    """Make a symbolic link lead to a file or folder under its own folder, in one step."""
    switching = link.with_name(f".{link.name}.switching")
    switching.unlink(missing_ok=True)
    # Relative, so that the folder may be mounted elsewhere.
    switching.symlink_to(target.relative_to(link.parent), target_is_directory=target.is_dir())
    switching.replace(link)


def link_current(published: Path, current: Path, name: str) -> None:
    """Lead `current` to the published file in one step, under a name that no other night has.

    Within a process DuckDB hands out again what it holds open under a resolved path, so a BI server that always has a
    query running would never see another night under one and the same path. The one that `current` led to before
    stays, for who has just followed the link.
    """
    folder = current.with_name("duckdb")
    folder.mkdir(parents=True, exist_ok=True)
    before = current.resolve() if current.is_symlink() else None
    target = folder / f"{name}.duckdb"
    link_file(published, target)
    lead(current, target)
    for file in sorted(folder.glob("*.duckdb")):
        if file not in (target, before):
            file.unlink()


def read_served(
    path: Path,
    table: str,
    columns: Sequence[str] = ("*",),
    where: str = "true",
    values: Mapping[str, object] | None = None,
) -> pl.DataFrame:
    """Rows of a table of a served file, opened read-only as a reader does.

    where: a condition in SQL, with `$name` for each of `values`.
    """
    with _reading(path) as connection:
        return connection.execute(f"select {', '.join(columns)} from {table} where {where}", values or {}).pl()


def _content(connection: duckdb.DuckDBPyConnection, table: Served) -> TableContent:
    row = connection.execute(
        f"select count(*), sha256(coalesce(string_agg(md5(cast(t as varchar)), '' order by {_order(table)}), ''))"
        f" from {table.source} as t"
    ).fetchone()
    if row is None:
        raise WarehouseError(f"{table.name} could not be counted")
    return TableContent(rows=int(row[0]), sha256=str(row[1]))


def _order(table: Served) -> str:
    return ", ".join(f"{column} nulls first" for column in table.order_by)


def _without_time_zones(frame: pl.DataFrame) -> pl.DataFrame:
    zoned = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
    return frame.with_columns(pl.col(zoned).dt.convert_time_zone("UTC").dt.replace_time_zone(None)) if zoned else frame


def _parquet(files: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(_literal(str(path)) for path in files)}], union_by_name = true)"


def _definition(connection: duckdb.DuckDBPyConnection, table: RawTable, files: Sequence[Path]) -> str:
    """The statement that makes a raw object."""
    named = f'{table.schema}."{table.name}"'
    typed = {column: COLUMN_TYPES[kind] for column, kind in table.columns.items()} | LINEAGE
    if not files:
        columns = ", ".join(f'"{column}" {kind}' for column, kind in typed.items())
        return f"create table {named} ({columns})"
    stored = {row[0] for row in connection.execute(f"describe select * from {_parquet(files)}").fetchall()}
    selected = ", ".join(_selected(column, kind, is_stored=column in stored) for column, kind in typed.items())
    newest = ""
    if len(files) > 1 or table.newest_by:
        partition = ", ".join(f'"{column}"' for column in table.key)
        # A record without the CRM's stamp is as new as the extract that brought it.
        stamp = f'coalesce("{table.newest_by}", _extracted_at) desc, ' if table.newest_by in stored else ""
        newest = (
            f" qualify row_number() over (partition by {partition}"
            f" order by {stamp}_extracted_at desc, _file desc, _record desc) = 1"
        )
    return f"create view {named} as select {selected} from {_parquet(files)}{newest}"


def _selected(column: str, kind: str, *, is_stored: bool) -> str:
    """A column in its type. Files of before a mapping knew it do not hold it."""
    if not is_stored:
        return f'cast(null as {kind}) as "{column}"'
    if kind == "timestamp":
        return f'cast(timezone(\'UTC\', "{column}") as timestamp) as "{column}"'
    return f'"{column}"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
